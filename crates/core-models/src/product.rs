//! The matrix product of a layer, which is where a fit spends its time.
//!
//! Burn's `matmul` on the CPU backend `flex` writes its result over a fresh buffer that it has first filled with zeros and
//! copied once (to align it): two passes over a gradient as large as the weights, for nothing. Here the same library writes
//! the same product, to the bit, straight into its place. On other devices this is `matmul`.

use burn::tensor::Tensor;

/// `a`, rows × inner, times `b`, inner × columns; both may be tracked.
#[cfg(not(feature = "flex"))]
pub fn product(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    a.matmul(b)
}

#[cfg(feature = "flex")]
pub use flex::product;

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::flex::{FlexTensor, Layout};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
    use burn::tensor::{Bytes, DType, Shape};

    use super::Tensor;
    use crate::is_flex;

    /// `a`, rows × inner, times `b`, inner × columns; both may be tracked.
    pub fn product(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
        let single = a.dtype() == DType::F32 && b.dtype() == DType::F32;
        let fits = a.dims()[1] == b.dims()[0]; // else `matmul` says what is wrong
        if single && fits && is_flex(&a.device()) && is_flex(&b.device()) {
            Tensor::from_dispatch(<Dispatch as Products>::product(a.into_dispatch(), b.into_dispatch()))
        } else {
            a.matmul(b)
        }
    }

    #[backend_extension(Flex, Autodiff)]
    trait Products: Backend {
        fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    }

    impl Products for Flex {
        fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
            multiply(&a, &b)
        }
    }

    impl<B: Products, C: CheckpointStrategy> Products for Autodiff<B, C> {
        fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
            #[derive(Debug)]
            struct Product;

            impl<B: Products> Backward<B, 2> for Product {
                /// What the gradient of `a` and that of `b` need, where they are asked for: the other factor.
                type State = [Option<FloatTensor<B>>; 2];

                fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
                    let [b, a] = ops.state;
                    let [a_node, b_node] = ops.parents;
                    let gradient = gradients.consume::<B>(&ops.node);
                    if let (Some(node), Some(b)) = (a_node, b) {
                        let gradient = B::product(gradient.clone(), B::float_transpose(b));
                        gradients.register::<B>(node.id, gradient);
                    }
                    if let (Some(node), Some(a)) = (b_node, a) {
                        gradients.register::<B>(node.id, B::product(B::float_transpose(a), gradient));
                    }
                }
            }

            let (a_tracked, b_tracked) = (a.is_tracked(), b.is_tracked());
            let ((a, a_node), (b, b_node)) = (a.into_parts(), b.into_parts());
            match Product.prepare::<C>([a_node, b_node]).compute_bound().stateful() {
                OpsKind::Tracked(prepared) => {
                    let others = [a_tracked.then(|| b.clone()), b_tracked.then(|| a.clone())];
                    prepared.finish(others, B::product(a, b))
                }
                OpsKind::UnTracked(prepared) => prepared.finish(B::product(a, b)),
            }
        }
    }

    /// Multiplications below which a second thread costs more than it does (the bound of Burn).
    const SHARED_FROM: usize = 192 * 192 * 192;

    #[allow(unsafe_code)] // gemm takes pointers; what makes them valid is checked in front of the call
    fn multiply(a: &FlexTensor, b: &FlexTensor) -> FlexTensor {
        let ([m, k], [k_too, n]) = (sides(a), sides(b));
        assert_eq!(k, k_too, "`product` checks the shapes");
        let mut out: Vec<f32> = Vec::with_capacity(m * n);
        if m * n * k == 0 {
            out.resize(m * n, 0.0);
        } else {
            let ([a_row, a_column], [b_row, b_column]) = (strides(a), strides(b));
            let (a_first, b_first) = (first(a), first(b));
            let threads =
                if m * n * k >= SHARED_FROM { gemm::Parallelism::Rayon(0) } else { gemm::Parallelism::None };
            // SAFETY: both factors lie inside their values (`first`), `out` has room for m × n values and no one else
            // sees it; without `read_dst` gemm writes all of them and reads none, so that they may be counted afterwards.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    out.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a_first,
                    a_column,
                    a_row,
                    b_first,
                    b_column,
                    b_row,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    threads,
                );
                out.set_len(m * n);
            }
        }
        FlexTensor::new(Bytes::from_elems(out), Layout::contiguous(Shape::new([m, n])), DType::F32)
    }

    fn sides(tensor: &FlexTensor) -> [usize; 2] {
        let shape = tensor.layout().shape();
        [shape[0], shape[1]]
    }

    fn strides(tensor: &FlexTensor) -> [isize; 2] {
        let strides = tensor.layout().strides();
        [strides[0], strides[1]]
    }

    /// Where the first value of a matrix lies that has values. Panics where a row or a column would lead out of what the
    /// tensor holds: such a tensor cannot be made.
    fn first(matrix: &FlexTensor) -> *const f32 {
        let values = matrix.storage::<f32>();
        let start = matrix.layout().start_offset() as isize;
        let steps =
            sides(matrix).into_iter().zip(strides(matrix)).map(|(n, stride)| (n as isize - 1) * stride);
        let (back, ahead) = steps.fold((0, 0), |(back, ahead), s| (back + s.min(0), ahead + s.max(0)));
        assert!(
            start + back >= 0 && start + ahead < values.len() as isize,
            "a tensor that leaves its values"
        );
        values.as_ptr().wrapping_offset(start)
    }
}

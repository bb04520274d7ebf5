//! Squared distances between the rows of two domains: what discrepancies and transport are made of.
//!
//! As tensor operations they need the difference of every pair of rows, rows × rows × features, several times over, which took most
//! of a step of the methods that compare domains. On the CPU backend `flex` they are summed pair by pair instead.

use burn::tensor::Tensor;

/// Squared Euclidean distance of every row of `x` to every row of `y`: rows of x × rows of y, never below 0.
pub fn squared_distances(x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if flex::applies(&x, &y) {
        return flex::squared_distances(x, y);
    }
    by_tensors(x, y)
}

/// The same by tensor operations, on any device.
fn by_tensors(x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    // Differences, not the expanded square: rows that are equal are exactly 0 apart.
    let difference: Tensor<3> = x.unsqueeze_dim::<3>(1) - y.unsqueeze_dim::<3>(0);
    difference.square().sum_dim(2).squeeze_dim(2)
}

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::flex::{FlexTensor, Layout};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
    use burn::tensor::{Bytes, DType, Shape, Tensor};
    use sensitome_core_models::is_flex;

    use crate::real::Real;

    /// Whether both lie on `flex`, in one precision and with as many features.
    pub(super) fn applies(x: &Tensor<2>, y: &Tensor<2>) -> bool {
        let known = matches!(x.dtype(), DType::F32 | DType::F64) && x.dtype() == y.dtype();
        known && x.dims()[1] == y.dims()[1] && is_flex(&x.device()) && is_flex(&y.device())
    }

    pub(super) fn squared_distances(x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        Tensor::from_dispatch(<Dispatch as Distances>::distances(x.into_dispatch(), y.into_dispatch()))
    }

    #[backend_extension(Flex, Autodiff)]
    trait Distances: Backend {
        fn distances(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self>;

        /// The gradient for `x` of distances whose own gradient is `outer`. That for `y` has both exchanged.
        fn pull(x: FloatTensor<Self>, y: FloatTensor<Self>, outer: FloatTensor<Self>) -> FloatTensor<Self>;
    }

    impl Distances for Flex {
        fn distances(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self> {
            match x.dtype() {
                DType::F64 => distances::<f64>(&x, &y),
                _ => distances::<f32>(&x, &y),
            }
        }

        fn pull(x: FloatTensor<Self>, y: FloatTensor<Self>, outer: FloatTensor<Self>) -> FloatTensor<Self> {
            match x.dtype() {
                DType::F64 => pull::<f64>(&x, &y, &outer),
                _ => pull::<f32>(&x, &y, &outer),
            }
        }
    }

    impl<B: Distances, C: CheckpointStrategy> Distances for Autodiff<B, C> {
        fn distances(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self> {
            #[derive(Debug)]
            struct SquaredDistances;

            impl<B: Distances> Backward<B, 2> for SquaredDistances {
                type State = [FloatTensor<B>; 2];

                fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
                    let ([x, y], [x_node, y_node]) = (ops.state, ops.parents);
                    let outer = gradients.consume::<B>(&ops.node);
                    if let Some(node) = x_node {
                        gradients.register::<B>(node.id, B::pull(x.clone(), y.clone(), outer.clone()));
                    }
                    if let Some(node) = y_node {
                        gradients.register::<B>(node.id, B::pull(y, x, B::float_transpose(outer)));
                    }
                }
            }

            let ((x, x_node), (y, y_node)) = (x.into_parts(), y.into_parts());
            match SquaredDistances.prepare::<C>([x_node, y_node]).compute_bound().stateful() {
                OpsKind::Tracked(prepared) => prepared.finish([x.clone(), y.clone()], B::distances(x, y)),
                OpsKind::UnTracked(prepared) => prepared.finish(B::distances(x, y)),
            }
        }

        /// A gradient is not differentiated once more (Burn does not): a constant.
        fn pull(x: FloatTensor<Self>, y: FloatTensor<Self>, outer: FloatTensor<Self>) -> FloatTensor<Self> {
            Self::from_inner(B::pull(x.into_primitive(), y.into_primitive(), outer.into_primitive()))
        }
    }

    /// Sums kept side by side, so that a pair is summed in vector registers.
    const LANES: usize = 16;

    fn distances<F: Real>(x: &FlexTensor, y: &FlexTensor) -> FlexTensor {
        let ([n, features], m) = (sides(x), sides(y)[0]);
        let (x, y) = (x.to_contiguous(), y.to_contiguous());
        let (x, y) = (values::<F>(&x), values::<F>(&y));
        let mut out = Vec::with_capacity(n * m);
        pulp::Arch::new().dispatch(Pairs { x, y, sides: [n, m, features], out: &mut out });
        tensor(out, [n, m])
    }

    /// Compiled for AVX2 too; the lanes are what they are, so that the sums have the same bits without it. (A closure would
    /// stay plain code: it is not inlined into what is compiled for AVX2.)
    struct Pairs<'a, F> {
        x: &'a [F],
        y: &'a [F],
        sides: [usize; 3],
        out: &'a mut Vec<F>,
    }

    impl<F: Real> pulp::NullaryFnOnce for Pairs<'_, F> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let [n, m, features] = self.sides;
            for i in 0..n {
                let a = &self.x[i * features..(i + 1) * features];
                for j in 0..m {
                    self.out.push(apart(a, &self.y[j * features..(j + 1) * features]));
                }
            }
        }
    }

    #[inline(always)]
    fn apart<F: Real>(a: &[F], b: &[F]) -> F {
        let mut sums = [F::default(); LANES];
        let (mut a, mut b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        for (a, b) in a.by_ref().zip(b.by_ref()) {
            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                *sum += (a - b) * (a - b);
            }
        }
        for ((sum, &a), &b) in sums.iter_mut().zip(a.remainder()).zip(b.remainder()) {
            *sum += (a - b) * (a - b);
        }
        let mut total = F::default();
        sums.into_iter().for_each(|s| total += s);
        total
    }

    fn pull<F: Real>(x: &FlexTensor, y: &FlexTensor, outer: &FlexTensor) -> FlexTensor {
        let ([n, features], m) = (sides(x), sides(y)[0]);
        let (x, y, outer) = (x.to_contiguous(), y.to_contiguous(), outer.to_contiguous());
        let (x, y, outer) = (values::<F>(&x), values::<F>(&y), values::<F>(&outer));
        let mut out = vec![F::default(); n * features];
        pulp::Arch::new().dispatch(Pull { x, y, outer, sides: [n, m, features], out: &mut out });
        tensor(out, [n, features])
    }

    /// As [`Pairs`], for their gradient.
    struct Pull<'a, F> {
        x: &'a [F],
        y: &'a [F],
        outer: &'a [F],
        sides: [usize; 3],
        out: &'a mut [F],
    }

    impl<F: Real> pulp::NullaryFnOnce for Pull<'_, F> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Self { x, y, outer, sides: [n, m, features], out } = self;
            for i in 0..n {
                let row = i * features..(i + 1) * features;
                let (a, pulled) = (&x[row.clone()], &mut out[row]);
                for j in 0..m {
                    let (b, weight) = (&y[j * features..(j + 1) * features], F::of(2.0) * outer[i * m + j]);
                    for ((p, &a), &b) in pulled.iter_mut().zip(a).zip(b) {
                        *p += weight * (a - b);
                    }
                }
            }
        }
    }

    fn sides(tensor: &FlexTensor) -> [usize; 2] {
        let shape = tensor.layout().shape();
        [shape[0], shape[1]]
    }

    fn tensor<F: Real>(values: Vec<F>, shape: [usize; 2]) -> FlexTensor {
        FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::new(shape)), F::dtype())
    }

    /// The values of a matrix that lies in memory row after row.
    fn values<F: Real>(contiguous: &FlexTensor) -> &[F] {
        &contiguous.storage::<F>()[contiguous.layout().start_offset()..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, TensorData};
    use proptest::prelude::*;
    use rand::RngExt;
    use sensitome_core_models::{available_devices, parse_device, rng_for};

    type Distances = fn(Tensor<2>, Tensor<2>) -> Tensor<2>;

    /// The distances, and the gradients of a weighted sum of them for what is tracked.
    fn all([x, y]: [&Tensor<2>; 2], tracked: [bool; 2], of: Distances) -> Vec<Vec<f64>> {
        let lift = |t: &Tensor<2>, on: bool| if on { t.clone().autodiff().require_grad() } else { t.clone() };
        let (x, y) = (lift(x, tracked[0]), lift(y, tracked[1]));
        let d = of(x.clone(), y.clone());
        let values = |t: Tensor<2>| t.try_into_vec_as::<f64>().unwrap();
        let mut found = vec![values(d.clone().inner())];
        if tracked.contains(&true) {
            let gradients = (d * 0.01).exp().sum().backward();
            let of = |t: &Tensor<2>, on: bool| on.then(|| values(t.grad(&gradients).unwrap()));
            found.extend([of(&x, tracked[0]), of(&y, tracked[1])].into_iter().flatten());
        }
        found
    }

    proptest! {
        #[test]
        fn distances_and_their_gradients_are_those_of_tensor_operations(
            (n, m, features) in (1usize..40, 1usize..40, 1usize..70),
            tracked in [any::<bool>(), any::<bool>()],
            (double, turned) in (any::<bool>(), any::<bool>()),
            seed in 0u64..1000,
        ) {
            let mut rng = rng_for(seed, "distances");
            for name in available_devices().into_iter().filter(|n| ["flex", "ndarray"].contains(n)) {
                let device = parse_device(name).unwrap();
                let dtype = if double { DType::F64 } else { DType::F32 };
                let mut matrix = |rows: usize| {
                    let values: Vec<f64> = (0..rows * features).map(|_| rng.random_range(-2.0..2.0)).collect();
                    let shape = if turned { [features, rows] } else { [rows, features] };
                    let t = Tensor::<2>::from_data(TensorData::new(values, shape), (&device, dtype));
                    if turned { t.transpose() } else { t }
                };
                let (x, y) = (matrix(n), matrix(m));
                let ours = all([&x, &y], tracked, squared_distances);
                let theirs = all([&x, &y], tracked, by_tensors);
                for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
                    let bound = if double { 1e-12 } else { 1e-4 };
                    prop_assert!((ours - theirs).abs() <= bound * (1.0 + theirs.abs()), "{ours} {theirs}");
                }
            }
        }
    }

    #[test]
    fn rows_that_are_equal_are_exactly_0_apart_and_pull_nothing() {
        let device = parse_device("flex").unwrap();
        let x = Tensor::<2>::from_data([[1e6, 0.1, 3.0], [1e6, 0.1, 3.0]], &device);
        let found = all([&x, &x], [true, true], squared_distances);
        assert!(found.iter().flatten().all(|&v| v == 0.0), "{found:?}");
    }

    #[test]
    fn one_tensor_on_both_sides_gets_both_gradients() {
        let device = parse_device("flex").unwrap();
        let x = Tensor::<2>::from_data([[1.0, 2.0], [4.0, 6.0]], &device).autodiff().require_grad();
        let gradients = squared_distances(x.clone(), x.clone()).sum().backward();
        let gradient = x.grad(&gradients).unwrap().try_into_vec_as::<f64>().unwrap();
        assert_eq!(gradient, [-12.0, -16.0, 12.0, 16.0], "4 (x - y) for two pairs");
    }
}

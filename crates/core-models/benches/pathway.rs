//! A step forwards and backwards of the pathway decoder beside the dense layer of the same size.
//!
//!     cargo bench --features ndarray --bench pathway

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a bench prints

use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use sensitome_core_models::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn track(parts: &mut impl Parts) {
    parts.parameters(&mut |_, p| match p {
        Parameter::Matrix(t) => *t = t.clone().inner().autodiff().require_grad(),
        Parameter::Vector(t) => *t = t.clone().inner().autodiff().require_grad(),
        Parameter::Statistic(_) => {}
    });
}

fn main() {
    let device = parse_device("flex").unwrap();
    let init = Init::new(0, device.clone());
    let (axes, genes) = (500, 2000);
    // A gene in ten belongs to an axis, as with small gene sets.
    let member =
        ndarray::Array2::from_shape_fn((axes, genes), |(i, j)| f32::from(u8::from((i + j) % 10 == 0)));
    let mask = PathwayMask { axes: (0..axes).map(|i| i.to_string()).collect(), member };
    let mut masked = PathwayDecoder::new(&mask, &init, "masked").unwrap();
    let mut dense =
        init.network("dense", &[LayerShape::Linear { inputs: axes, outputs: genes, bias: true }]).unwrap();
    println!("{axes} axes x {genes} genes; milliseconds a step, median of 31 (least, greatest)");
    for rows in [64, 256] {
        let z: Vec<f32> = (0..rows * axes).map(|k| (k % 17) as f32 / 8.0 - 1.0).collect();
        let z: Tensor<2> = Tensor::from_data(TensorData::new(z, [rows, axes]), &device);
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..31 {
            for (k, times) in times.iter_mut().enumerate() {
                track(&mut masked);
                track(&mut dense);
                let input = z.clone().autodiff().require_grad();
                let start = Instant::now();
                let y = match k {
                    0 => dense.forward(input, Pass::Evaluate),
                    _ => masked.forward(input),
                };
                drop(y.square().mean().backward());
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        for (name, times) in ["dense", "masked"].into_iter().zip(&mut times) {
            times.sort_by(f64::total_cmp);
            println!("{rows:>4} rows  {name:<6} {:.2} ({:.2}, {:.2})", times[15], times[0], times[30]);
        }
    }
}

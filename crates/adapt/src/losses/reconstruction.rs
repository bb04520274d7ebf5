//! What an autoencoder loses.

use burn::tensor::Tensor;
use sensitome_core_models::{Coder, Noise, Pass, total};

use super::{Reduction, gaussian_kl, mean_squared_error};
use crate::Losses;

/// The losses of giving `x`, rows × genes, back: `reconstruction`, and `kl` where the code is variational, both per entry.
///
/// `published`, with a share of entries to mask, is what scDEAL's code does: sums for a variational code; else, with a mask
/// above 0, the masked batch is both input and target, in validation as well.
pub fn reconstruction(coder: &mut Coder, x: &Tensor<2>, published: Option<f64>, mut pass: Pass) -> Losses {
    let x = x.clone();
    let entries = (x.dims()[0] * x.dims()[1]) as f64;
    match coder {
        Coder::Variational(v) => {
            let out = v.forward(x.clone(), pass);
            let kl = gaussian_kl(out.mean, out.log_variance, Reduction::Sum);
            // Sums are all but undone by Adam's step size; the proportions are the same.
            let n = if published.is_none() { entries } else { 1.0 };
            let squared = total((out.reconstruction - x).square());
            Losses::new().add("reconstruction", squared / n).add("kl", kl / n)
        }
        Coder::Plain(a) => {
            let x = match published.filter(|&mask| mask > 0.0) {
                Some(mask) => {
                    let mut fixed = Noise::new(0, "validation mask");
                    let noise = pass.noise().unwrap_or(&mut fixed);
                    x.clone() * noise.mask(x.dims(), mask, 1.0, &x.device())
                }
                None => x,
            };
            let (_, back) = a.forward(x.clone(), pass);
            Losses::new().add("reconstruction", mean_squared_error(back, x))
        }
    }
}

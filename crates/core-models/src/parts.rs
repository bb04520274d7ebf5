//! [`Parts`]: the named networks inside a bigger one, so that optimizers, checkpoints and model files see them all.

use crate::feed_forward::FeedForward;
use crate::layer::Parameter;

/// Something made of named [`FeedForward`] networks. Implement it with [`parts!`](crate::parts!).
pub trait Parts: Clone + Send {
    /// Calls `f` with every network and its path (`source.encoder`).
    fn networks(&mut self, path: &str, f: &mut dyn FnMut(&str, &mut FeedForward));

    /// Calls `f` with every tensor and its path (`source.encoder.0.weight`), always in the same order.
    fn parameters(&mut self, f: &mut dyn FnMut(&str, Parameter)) {
        self.networks("", &mut |path, network| {
            network.visit(&mut |name, p| f(&format!("{path}.{name}"), p));
        });
    }
}

impl Parts for FeedForward {
    fn networks(&mut self, path: &str, f: &mut dyn FnMut(&str, &mut FeedForward)) {
        f(path, self);
    }
}

impl<P: Parts> Parts for Option<P> {
    fn networks(&mut self, path: &str, f: &mut dyn FnMut(&str, &mut FeedForward)) {
        if let Some(part) = self {
            part.networks(path, f);
        }
    }
}

/// Joins a path and a field name; used by [`parts!`](crate::parts!).
pub fn join_path(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// Implements [`Parts`](crate::Parts) for a struct by naming those of its fields that hold networks.
///
/// ```
/// use sensitome_core_models::{FeedForward, parts};
/// #[derive(Clone)]
/// struct Networks {
///     encoder: FeedForward,
///     head: FeedForward,
/// }
/// parts!(Networks { encoder, head });
/// ```
#[macro_export]
macro_rules! parts {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::Parts for $name {
            fn networks(&mut self, path: &str, f: &mut dyn FnMut(&str, &mut $crate::FeedForward)) {
                $($crate::Parts::networks(&mut self.$field, &$crate::join_path(path, stringify!($field)), f);)+
            }
        }
    };
}

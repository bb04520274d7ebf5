//! One file a command.

pub(crate) mod compare;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod predict;
pub(crate) mod preprocess;
pub(crate) mod simulate;
pub(crate) mod strategies;
pub(crate) mod train;

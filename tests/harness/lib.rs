//! What the whole-system tests, the examples and the benches share.

pub mod proxy;
pub mod vectors;

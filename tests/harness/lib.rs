//! What the whole-system tests, the examples and the benches share.

pub mod measure;
pub mod proxy;
pub mod rules_model;
pub mod vectors;

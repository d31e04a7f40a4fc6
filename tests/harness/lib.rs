//! What the whole-system tests, the examples and the benches share.

pub mod cuts;
pub mod fleet;
pub mod measure;
pub mod offline;
pub mod programs;
pub mod proxy;
pub mod rules_model;
pub mod served;
pub mod vectors;

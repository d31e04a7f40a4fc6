//! The replica and the connection of one machine.

pub mod decide;

//! The interface, driven without sockets.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod administrators;
mod bodies;
mod callers;
mod machines;
mod memberships;
mod served;
mod sharing;

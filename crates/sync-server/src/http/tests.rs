//! The interface, driven without sockets.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod administrators;
mod bodies;
mod callers;
mod distribution;
mod forgetting;
mod machines;
mod memberships;
mod procedures;
mod served;
mod sharing;
mod wait;

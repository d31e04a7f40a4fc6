//! The rules, the merge and the protocol of personalized-data synchronization.
//!
//! Everything here is pure: no I/O, no clock, no threads, no randomness. Time and fresh ids come in
//! as arguments, so that the server, the device, the simulator and the tests run the same code.
//!
//! The rooms, in the order in which an edit walks through them:
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`value`], [`id`], [`space`] | what the data is made of and how it is named |
//! | [`record`], [`change`] | one entry of a space, and one small change to it with its context |
//! | [`merge`] | [`merge::apply`], the only merge there is |
//! | [`protocol`] | the messages between a machine and a server |
//! | [`api`] | the HTTP paths, who may call them, the administrative messages |
//! | [`server`] | the server's side: what to load, what to write, what to answer |
//! | [`replica`] | the machine's side, its mirror: edit, request, absorb, start |
//! | [`snapshot`] | what was set aside |
//! | [`address`] | one entry of an address book, and its fields as a record |
//! | `files` | readers and writers of address book files (with the feature `files`) |
//! | [`canonical`] | the one byte encoding under which contents are hashed |
//! | `wire` | MessagePack in and out (feature `wire`) |

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

extern crate alloc;

pub mod address;
pub mod api;
pub mod canonical;
pub mod change;
#[cfg(feature = "files")]
pub mod files;
pub mod id;
pub mod machine;
pub mod merge;
mod names;
pub mod protocol;
pub mod record;
pub mod replica;
pub mod server;
pub mod snapshot;
pub mod space;
pub mod time;
pub mod value;
#[cfg(feature = "wire")]
pub mod wire;

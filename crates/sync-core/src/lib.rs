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
//! | [`address`] | one entry of an address book, and its fields as a record |
//! | `files` | readers and writers of address book files (with the feature `files`) |
//! | [`canonical`] | the one byte encoding under which contents are hashed |

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod address;
pub mod canonical;
pub mod change;
#[cfg(feature = "files")]
pub mod files;
pub mod id;
pub mod record;
pub mod space;
pub mod time;
pub mod value;

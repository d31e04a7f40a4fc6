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
//! | [`canonical`] | the one byte encoding under which contents are hashed |
//! | [`machine`], [`item`] | what the rules of import and export speak of |
//! | [`rules`] | "may this run now, and if not, what must be done first?" |
//! | [`procedure`] | stop, back up, delete, import, start: one journalled workflow |
//! | [`names`] | the error of a word that is none of those that could stand there |

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod canonical;
pub mod change;
pub mod id;
pub mod item;
pub mod machine;
pub mod names;
pub mod procedure;
pub mod record;
pub mod rules;
pub mod space;
pub mod time;
pub mod value;

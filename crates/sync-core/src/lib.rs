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
//! | [`address`] | one entry of an address book |
//! | [`catalogue`], [`certificate`] | what every item is made of, and what its records may hold |
//! | `files` | readers and writers of address book files (with the feature `files`) |
//! | [`bundle`] | one file that holds all items of a batch |
//! | `import` | what a file's entries do to a space, before anything is written (with the feature `files`) |
//! | [`machine`], [`item`], [`process`] | what the rules of import and export speak of |
//! | [`sharing`] | which settings are shared across all devices, and what becomes of one whose scope changes |
//! | [`profile`] | what a vendor may set of the rules |
//! | [`rules`] | "may this run now, and if not, what must be done first?" |
//! | [`procedure`] | stop, back up, delete, import, start: one journalled workflow |
//! | [`distribution`] | one file from the server to many machines, each by its own plan |
//! | [`digest`] | the sum by which a machine and its server see that they hold the same |
//! | [`merge`] | [`merge::apply`], the only merge there is |
//! | [`replica`] | the machine's side, its mirror: edit, request, absorb, start |
//! | [`protocol`] | the messages between a machine and a server |
//! | [`server`] | the server's side: what to load, what to write, what to answer |
//! | [`api`] | the HTTP paths, who may call them, the administrative messages |
//! | [`snapshot`] | what was set aside |
//! | [`canonical`] | the one byte encoding under which contents are hashed |
//! | `wire` | MessagePack in and out (feature `wire`) |
//! | [`time`] | moments, which are passed in |
//! | [`names`] | the error of a word that is none of those that could stand there |

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

extern crate alloc;

pub mod address;
pub mod api;
mod base64;
pub mod bundle;
pub mod canonical;
pub mod catalogue;
pub mod certificate;
pub mod change;
pub mod digest;
pub mod distribution;
#[cfg(feature = "files")]
pub mod files;
pub mod id;
#[cfg(feature = "files")]
pub mod import;
pub mod item;
pub mod machine;
pub mod merge;
pub mod names;
pub mod procedure;
pub mod process;
pub mod profile;
pub mod protocol;
pub mod record;
pub mod replica;
pub mod rules;
pub mod server;
pub mod sharing;
pub mod snapshot;
pub mod space;
pub mod time;
pub mod value;
#[cfg(feature = "wire")]
pub mod wire;

//! The replica and the connection of one machine: library and command line.
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`machine`] | one machine: its folder, its round trips, its client function |
//! | [`enrolment`] | enrolling, logging in, joining, starting, stopping |
//! | [`import`], [`export`], [`procedure`] | lists from files and into files, and the whole way into a fleet |
//! | [`prepare`] | the replica brought level for named users and groups, or all |
//! | [`distribution`] | files that the server brings to many machines |
//! | [`bundle`] | one file with all items of a batch, encrypted |
//! | [`facts`], [`password`] | what the rules look at on this machine |
//! | [`settings`], [`addresses`], [`items`], [`kept`] | what people read and change |
//! | [`convert`] | address books from one format into another, without any machine |
//! | [`decide`] | "may this import run now?", without any machine |
//! | [`command`], [`owner`], [`cli`] | the same for scripts: commands, the process that owns a folder, the command line |
//! | [`status`] | where the machine stands |
//! | [`store`] | the durable replica |
//! | [`connection`], [`administrator`] | the server, and who may |
//! | [`password`] | passwords as salted hashes |
//! | [`draw`] | the clock, and what is drawn at random |
//! | [`error`] | everything that can go wrong, with codes and remedies |

pub mod addresses;
pub mod administrator;
pub mod bundle;
pub mod cli;
pub mod command;
pub mod connection;
pub mod convert;
pub mod decide;
pub mod distribution;
pub mod draw;
pub mod enrolment;
pub mod error;
pub mod export;
pub mod facts;
pub mod import;
pub mod items;
pub mod kept;
mod lists;
pub mod machine;
pub mod owner;
pub mod password;
pub mod prepare;
pub mod procedure;
pub mod settings;
pub mod status;
pub mod store;
mod tell;
mod whole;

pub use command::{Command, Output};
pub use error::{Error, Result};
pub use machine::{Machine, Options};

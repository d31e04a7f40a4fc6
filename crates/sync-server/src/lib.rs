//! The standalone synchronization server: HTTPS, the store, the command line.
//!
//! What it decides, `sync-core` decides; here is the rim. The rooms, in the order in which a request walks through
//! them:
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`server`], [`folder`], [`tls`] | a whole server over its data folder |
//! | [`cli`], [`remote`] | the command line, and what it asks of a running server |
//! | [`restore`] | a whole store from a backup |
//! | [`http`] | paths, callers, messages, connections |
//! | [`auth`], [`directory`] | secrets; users and groups |
//! | [`store`] | what is kept, in SQLite or in memory |

pub mod auth;
pub mod cli;
mod clock;
pub mod directory;
pub mod folder;
pub mod http;
mod random;
pub mod remote;
pub mod restore;
pub mod server;
pub mod store;
pub mod tls;

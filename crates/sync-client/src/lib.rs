//! The replica and the connection of one machine.
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`store`] | the durable replica |
//! | [`decide`] | may an import or export run now? |
//! | [`error`] | everything that can go wrong, with codes and remedies |

pub mod decide;
pub mod draw;
pub mod error;
pub mod store;

pub use error::{Error, Result};

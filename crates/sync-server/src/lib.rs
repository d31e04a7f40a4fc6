//! The standalone synchronization server: HTTPS, the store, the command line.
//!
//! What it decides, `sync-core` decides; here is the rim: bytes in, bytes out, the disk.

mod clock;
mod random;
pub mod store;

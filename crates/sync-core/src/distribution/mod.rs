//! One file from the server to many machines, at once or at a set time: what is ordered, how a delivery to one machine
//! stands, and what a machine takes of it.
//!
//! Everything here is a pure decision. An [`Order`] names a file and machines; each machine has a [`Delivery`], which is
//! open until the machine has said how it ended for good. While it is open it is *due* from a moment on: from the set time,
//! and after a machine that was busy, from the end of a back-off. A machine that cannot be reached has it still due when it
//! comes back. The machine plans and applies the file as any import, under an id that is derived
//! ([`ImportId::of_distribution`](crate::id::ImportId::of_distribution)), so that nothing is ever applied twice.
//!
//! ```
//! use sync_core::distribution::{Delivery, Outcome, Pace, Reason, State};
//! use sync_core::time::Timestamp;
//! let mut delivery = Delivery::new(Timestamp(60_000));
//! assert_eq!(delivery.due(), Some(Timestamp(60_000)));
//!
//! let busy = Outcome::Again(Reason::new("procedure_unfinished", "a procedure is not over", "wait for its end"));
//! delivery.report(busy, None, Timestamp(61_000), Pace::default(), u32::MAX);
//! assert_eq!((delivery.state, delivery.due()), (State::Waiting, Some(Timestamp(91_000))));
//! ```

mod delivery;
mod message;
mod receiving;
#[cfg(test)]
mod tests;

pub use delivery::{Applied, Delivery, End, Outcome, Pace, Reason, RefusedItem, Remark, Report, State};
pub use message::{
    Counted, DeliveryFileRequest, DeliveryInfo, DistributeRequest, DistributionInfo, DistributionRequest,
    DueDelivery, EndRequest, FileBytes, FilePart, PassPhrase, ReportRequest, Reported, Task,
};
pub use receiving::{Receiving, Taking, taking};

use crate::{
    id::DistributionId,
    item::Item,
    procedure::{FileHash, ListMode},
    time::Timestamp,
};
use alloc::{string::String, vec::Vec};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// The most bytes that a distributed file has.
pub const MAX_FILE: usize = 48 << 20;
/// The most bytes of it that a machine is sent at once.
pub const MAX_PART: u64 = 4 << 20;
/// The most distributions whose deliveries are not all over: their files lie in the store.
pub const MAX_OPEN: u64 = 32;
/// How long the report of a distribution is kept after its last delivery was over, where nothing else is set.
pub const RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);

/// What an administrator ordered, as a server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: DistributionId,
    /// The file's name, for people.
    pub name: String,
    /// What the file holds.
    pub sha256: FileHash,
    /// Its size in bytes.
    pub bytes: u64,
    /// The items that are taken from it; all that can be distributed where none is named.
    pub items: Vec<Item>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// Whether items that a machine's rules refuse are passed over there; otherwise one refuses the whole delivery.
    pub skip_refused: bool,
    /// From when on it is due.
    pub at: Timestamp,
    /// When it was ordered.
    pub ordered: Timestamp,
    /// The pass phrase of an encrypted file; forgotten when no machine needs it any more.
    pub passphrase: Option<PassPhrase>,
    /// How the administrator ended it, if at all.
    pub end: Option<End>,
    /// How many deliveries are open.
    pub open: u64,
    /// When the last of them was over; `None` while one is open.
    pub over: Option<Timestamp>,
}

impl Order {
    /// The items of an order that no server distributes: what synchronizes, and what belongs to one machine.
    #[must_use]
    pub fn not_distributable(&self) -> Option<Item> {
        self.items.iter().copied().find(|item| !item.row().distributable)
    }

    /// Notes how many deliveries are open. When none is, the pass phrase is forgotten, for nobody needs it any more.
    pub fn set_open(&mut self, open: u64, now: Timestamp) {
        self.open = open;
        if open > 0 {
            self.over = None;
        } else {
            self.over.get_or_insert(now);
        }
        if !self.needs_file() {
            self.passphrase = None;
        }
    }

    /// Whether a machine may still have to fetch the file.
    #[must_use]
    pub fn needs_file(&self) -> bool {
        self.open > 0 && self.end.is_none()
    }

    /// Whether its report may be forgotten: it has been over for `keep`.
    #[must_use]
    pub fn may_be_forgotten(&self, keep: Duration, now: Timestamp) -> bool {
        self.over.is_some_and(|over| now >= over.plus(keep))
    }
}

//! The messages of a distribution: of the administrator, and of the machines.

use super::{Applied, Delivery, End, Order, Outcome, Report, State};
use crate::{
    base64::{from_base64, to_base64},
    id::{DistributionId, ImportId, MachineId},
    item::Item,
    procedure::{FileHash, ListMode},
    time::Timestamp,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A file's bytes. As MessagePack they are bytes, in JSON Base64 (RFC 4648, section 4).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FileBytes(pub Vec<u8>);

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for FileBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&to_base64(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = FileBytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes, or Base64")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<FileBytes, E> {
                Ok(FileBytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<FileBytes, E> {
                Ok(FileBytes(bytes))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<FileBytes, E> {
                from_base64(text).map(FileBytes).ok_or_else(|| E::custom("this is no Base64"))
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Visitor)
        } else {
            deserializer.deserialize_byte_buf(Visitor)
        }
    }
}

/// The pass phrase of an encrypted file. Nothing shows it: neither a list, nor a log.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PassPhrase(pub String);

impl<'de> Deserialize<'de> for PassPhrase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A decoder's own complaint would quote what was written.
        String::deserialize(deserializer).map(Self).map_err(|_| de::Error::custom("a pass phrase is text"))
    }
}

impl fmt::Debug for PassPhrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An administrator orders a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributeRequest {
    /// Its id, drawn by whoever orders it so that a repeat is known; drawn by the server where none is given.
    #[serde(default)]
    pub distribution: Option<DistributionId>,
    /// The file's name, for people.
    pub name: String,
    /// The file.
    pub file: FileBytes,
    /// The machines, by name or id; all that are enrolled where none is named.
    #[serde(default)]
    pub machines: Vec<String>,
    /// The items that are taken from it; all that can be distributed where none is named.
    #[serde(default)]
    pub items: Vec<Item>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// Whether items that a machine's rules refuse are passed over there.
    #[serde(default)]
    pub skip_refused: bool,
    /// From when on it is due; at once where nothing is said.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// The pass phrase of an encrypted file.
    #[serde(default)]
    pub passphrase: Option<PassPhrase>,
}

/// Names one distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionRequest {
    /// Which.
    pub distribution: DistributionId,
}

/// An administrator ends a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndRequest {
    /// What is not applied yet is no longer to be.
    Cancel(DistributionId),
    /// What was applied is to be undone on each machine.
    Undo(DistributionId),
}

/// A distribution, as lists and reports show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionInfo {
    /// Its id.
    pub distribution: DistributionId,
    /// The file's name.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: FileHash,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The items that are taken from it; empty for all that can be distributed.
    pub items: Vec<Item>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// Whether items that a machine's rules refuse are passed over there.
    pub skip_refused: bool,
    /// When it was ordered.
    pub ordered: Timestamp,
    /// From when on it is due.
    pub at: Timestamp,
    /// How the administrator ended it, if at all.
    pub end: Option<End>,
    /// How many deliveries are open.
    pub open: u64,
    /// When the last of them was over.
    pub over: Option<Timestamp>,
    /// Machine by machine; `None` in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<Vec<DeliveryInfo>>,
    /// How many deliveries stand in each state; `None` in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counted>,
}

/// How many deliveries stand in each state; states without any are left out.
pub type Counted = BTreeMap<String, u64>;

impl From<Order> for DistributionInfo {
    fn from(order: Order) -> Self {
        Self {
            distribution: order.id,
            name: order.name,
            sha256: order.sha256,
            bytes: order.bytes,
            items: order.items,
            mode: order.mode,
            skip_refused: order.skip_refused,
            ordered: order.ordered,
            at: order.at,
            end: order.end,
            open: order.open,
            over: order.over,
            deliveries: None,
            counts: None,
        }
    }
}

impl DistributionInfo {
    /// The same with the report of each machine.
    #[must_use]
    pub fn with(mut self, deliveries: Vec<DeliveryInfo>) -> Self {
        let mut counts = Counted::new();
        for delivery in &deliveries {
            *counts.entry(delivery.state.as_str().into()).or_default() += 1;
        }
        self.counts = Some(counts);
        self.deliveries = Some(deliveries);
        self
    }
}

/// One machine's delivery, as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryInfo {
    /// The machine.
    pub machine: MachineId,
    /// What people call it.
    pub name: String,
    /// When it was last heard of since the server started.
    pub last_contact: Option<Timestamp>,
    /// How the delivery stands.
    pub state: State,
    /// From when on it is due; `None` where nothing is left to do.
    pub next: Option<Timestamp>,
    /// How often in a row the machine was busy or failed.
    pub attempts: u32,
    /// What the machine applied.
    pub applied: Option<Applied>,
    /// What the machine said last.
    pub report: Option<Report>,
}

impl DeliveryInfo {
    /// What a report shows of a delivery.
    #[must_use]
    pub fn new(
        machine: MachineId,
        name: String,
        last_contact: Option<Timestamp>,
        delivery: Delivery,
    ) -> Self {
        let next = delivery.due();
        let Delivery { state, attempts, applied, report, .. } = delivery;
        Self { machine, name, last_contact, state, next, attempts, applied, report }
    }
}

/// What a machine is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueDelivery {
    /// Of which distribution.
    pub distribution: DistributionId,
    /// What.
    pub task: Task,
}

/// Something that a machine is to do. Items are words here: one that an older machine does not know is that machine's to
/// refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Import the file.
    Apply {
        /// Its name, for people.
        name: String,
        /// What it holds.
        sha256: FileHash,
        /// Its size in bytes.
        bytes: u64,
        /// The items; empty for all that can be distributed.
        items: Vec<String>,
        /// What happens to lists that have entries.
        mode: ListMode,
        /// Whether items that the rules refuse are passed over.
        skip_refused: bool,
        /// The pass phrase of an encrypted file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passphrase: Option<PassPhrase>,
    },
    /// Undo the import that brought it.
    Undo {
        /// Which.
        import: ImportId,
    },
}

impl DueDelivery {
    /// What a machine is to do for a delivery that is open.
    #[must_use]
    pub fn of(order: &Order, machine: MachineId, state: State) -> Self {
        let task = if state == State::Undoing {
            Task::Undo { import: ImportId::of_distribution(order.id, machine) }
        } else {
            Task::Apply {
                name: order.name.clone(),
                sha256: order.sha256,
                bytes: order.bytes,
                items: order.items.iter().map(|item| item.as_str().into()).collect(),
                mode: order.mode,
                skip_refused: order.skip_refused,
                passphrase: order.passphrase.clone(),
            }
        };
        Self { distribution: order.id, task }
    }
}

/// A machine fetches a part of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFileRequest {
    /// Of which distribution.
    pub distribution: DistributionId,
    /// From which byte on.
    pub from: u64,
}

/// A part of a file: at most [`MAX_PART`](super::MAX_PART) bytes, none behind its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    /// The bytes.
    pub part: FileBytes,
}

/// A machine says how its delivery went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRequest {
    /// Of which distribution.
    pub distribution: DistributionId,
    /// How it went.
    pub outcome: Outcome,
}

/// The report is kept; nothing more is to be said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reported {}

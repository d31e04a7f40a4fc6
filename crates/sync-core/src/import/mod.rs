//! What an import does to the records of a machine: entries of a file in, one operation a record out; and the way back.
//!
//! Everything here is pure and shows everything before anything is written: what is added, changed, removed, and what is
//! the same as before and keeps its id, so that references to it survive. The operations are exactly what was shown.
//! [`plan`] is for the addresses of one space, [`Planner`] for a whole import of several items.
//!
//! What is the same: a setting is its name; an address as [`crate::address::match_existing`] says; every other record what
//! its type's identity says ([`crate::catalogue::RecordType::identity`]); a newer model's record its id.
//!
//! | what | mode | what happens |
//! | --- | --- | --- |
//! | address lists | `replace` | the list is what the file says |
//! | | `append` | entries that are not there in exactly this form are added |
//! | | `overwrite` | an entry takes the place of the one with the same list and number; the only other mode of the one-touch list |
//! | other records, settings | merge | what the file says is set, all else stays |
//! | | replace | a record is what the file says; what the file does not have goes, if the file speaks of its type |
//! | department IDs | any | replaced, but for the counter; a file without one changes nothing |
//! | users | replace | those who are not in the file go, but never the two built-in ones |
//!
//! A setting that the file lacks stays, unless the file holds all and the rest is replaced: then it is what it was before
//! anybody set it, as at the source. What can't be in a file at all, or only in an encrypted one, is never removed by one.
//!
//! | room | what is in it |
//! | --- | --- |
//! | `gather` | what is compared: entries and records |
//! | `mode` | modes, and which of them fit which list |
//! | `scope` | which records of a space an item is about |
//! | `admit` | which entries of a file are taken |
//! | `matching` | which entry is which record |
//! | `keep` | what a file can't say |
//! | `settle` | references, differences, the fingerprint |
//! | `plan`, `whole` | what an import does, to one space and as a whole |
//! | `limits`, `announce` | what a plan must say |
//! | `outgoing` | the way back |
//! | `packed` | fields in little memory |
//!
//! ```
//! use sync_core::{address::Address, id::RecordId, import::{Incoming, ListMode, plan}};
//! use std::collections::BTreeMap;
//! let desk = Address { name: "Desk".into(), mail: "desk@office.example".into(), ..Address::default() };
//! let mut ids = (1..).map(|n| RecordId(uuid::Uuid::from_u128(n)));
//! let mut fresh = || ids.next().unwrap();
//! let none: BTreeMap<RecordId, BTreeMap<_, _>> = BTreeMap::new();
//! let first = plan(&none, vec![Incoming::from(desk.clone())], ListMode::Replace, &mut fresh);
//! assert_eq!(first.counts().added, 1);
//!
//! let space: Vec<_> = first.added.iter().map(|(id, desk)| (*id, desk.fields())).collect();
//! let second = plan(space, vec![Incoming::from(desk)], ListMode::Replace, &mut fresh);
//! assert_eq!((second.counts().same, second.operations().count()), (1, 0));
//! ```

mod admit;
mod announce;
mod gather;
mod keep;
mod limits;
mod matching;
mod mode;
mod outgoing;
mod packed;
mod plan;
mod scope;
mod settle;
#[cfg(test)]
mod tests;
mod whole;

pub use announce::{ANNOUNCEMENTS, Announcement, TOGETHER};
pub use gather::{Gathered, Incoming, Live, outgoing};
pub use limits::{is_limit, limit_of};
pub use matching::MASK;
pub use mode::{FITTING, ListKind, ListMode, Modes, RestMode};
pub use outgoing::{Departures, Secrets, alone, departing};
pub use packed::{Edit, Packed};
pub use plan::{Becomes, Changed, Counts, Effect, Plan};
pub use scope::DEVICE_SPECIFIC;
pub use whole::{Carries, ImportPlan, ItemPlan, Planner, Problem, SpacePlan, Terms, plan};

use crate::{id::RecordId, record::FieldName, value::Value};
use alloc::collections::{BTreeMap, BTreeSet};

/// The fields of a live record.
pub type Fields = BTreeMap<FieldName, Value>;

/// The records of those lists of a machine that a file speaks of; all of them where it has no entry.
#[must_use]
pub fn records_of_lists(
    existing: BTreeMap<RecordId, Fields>,
    incoming: &[Incoming],
) -> BTreeMap<RecordId, Fields> {
    if incoming.is_empty() {
        return existing;
    }
    let lists: BTreeSet<Option<i64>> = incoming.iter().map(|entry| entry.fields.int("list")).collect();
    existing
        .into_iter()
        .filter(|(_, fields)| lists.contains(&fields.get("list").and_then(Value::as_int)))
        .collect()
}

//! What an undo does to the records of one space: brings back what the procedure removed or changed, takes away what it
//! added, and leaves what somebody has written since.
//!
//! [`plan`] is pure and compares three states: before the procedure, as the procedure left it, and now. Server and
//! machine use the same.

use crate::{
    change::Operation,
    id::{RecordId, SnapshotId},
    record::FieldName,
    space::SpaceName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// The live records of a space, each with the fields that are set.
pub type Live = BTreeMap<RecordId, BTreeMap<FieldName, Value>>;

/// How many records an undo touches in one space, and how many it leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that were gone.
    pub brought_back: u64,
    /// Those whose fields become again what they were.
    pub changed: u64,
    /// Those that the procedure had added.
    pub removed: u64,
    /// Those that somebody has changed or removed since: what they wrote stands.
    pub kept: u64,
}

impl Counts {
    /// How many records it touches.
    #[must_use]
    pub const fn touched(self) -> u64 {
        self.brought_back + self.changed + self.removed
    }
}

/// What an undo did to one space, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceUndone {
    /// The space.
    pub space: SpaceName,
    /// Records that were gone.
    pub brought_back: u64,
    /// Records whose fields become again what they were.
    pub changed: u64,
    /// Records that the procedure had added.
    pub removed: u64,
    /// Records that somebody has changed or removed since: what they wrote stands.
    pub kept: u64,
    /// Where what stood before the undo is kept; `None` where nothing was touched, or of a plan.
    pub snapshot: Option<SnapshotId>,
}

impl SpaceUndone {
    /// What was counted in a space.
    #[must_use]
    pub const fn new(space: SpaceName, counts: Counts, snapshot: Option<SnapshotId>) -> Self {
        let Counts { brought_back, changed, removed, kept } = counts;
        Self { space, brought_back, changed, removed, kept, snapshot }
    }

    /// How many records it touches.
    #[must_use]
    pub const fn touched(&self) -> u64 {
        self.brought_back + self.changed + self.removed
    }
}

/// The operations that lead from `now` back to `before`, as far as nobody has written since `after`, and how many
/// records that touches.
///
/// A record is compared field by field: a field that still is what the procedure left becomes what it was; one that
/// somebody has written since stays. A record that the procedure added, and in which somebody has written since, stays
/// whole, and one that somebody has removed since stays removed.
///
/// ```
/// use sync_core::{id::RecordId, procedure::undo::{Counts, plan}, value::Value};
/// use std::collections::BTreeMap;
/// let state = |records: &[(u128, &str)]| -> BTreeMap<_, _> {
///     let record = |name: &str| BTreeMap::from([("name".to_string(), Value::from(name))]);
///     records.iter().map(|(id, name)| (RecordId(uuid::Uuid::from_u128(*id)), record(name))).collect()
/// };
/// let before = state(&[(1, "Old desk")]);
/// let after = state(&[(2, "New desk"), (3, "New hall")]);
/// let now = state(&[(2, "New desk"), (3, "Hall, as Bob calls it")]);
/// let (operations, counts) = plan(&before, &after, &now);
/// assert_eq!(operations.len(), 2);
/// assert_eq!(counts, Counts { brought_back: 1, changed: 0, removed: 1, kept: 1 });
/// ```
#[must_use]
pub fn plan(before: &Live, after: &Live, now: &Live) -> (Vec<(RecordId, Operation)>, Counts) {
    let (mut operations, mut counts) = (Vec::new(), Counts::default());
    let all: BTreeSet<RecordId> = before.keys().chain(after.keys()).copied().collect();
    for id in all {
        match (before.get(&id), after.get(&id), now.get(&id)) {
            (None, Some(left), Some(stands)) if left == stands => {
                counts.removed += 1;
                operations.push((id, Operation::Delete));
            }
            (None, Some(_), Some(_)) => counts.kept += 1,
            (Some(was), None, None) => {
                counts.brought_back += 1;
                operations.push((id, Operation::Edit(set(was))));
            }
            // Somebody has removed it since, or made it anew.
            (Some(_), Some(_), None) => counts.kept += 1,
            (Some(was), None, Some(stands)) => counts.kept += u64::from(was != stands),
            (Some(was), Some(left), Some(stands)) => {
                let (edit, written_since) = back(was, left, stands);
                counts.kept += u64::from(written_since);
                if !edit.is_empty() {
                    counts.changed += 1;
                    operations.push((id, Operation::Edit(edit)));
                }
            }
            (None, ..) => {}
        }
    }
    (operations, counts)
}

type Fields = BTreeMap<FieldName, Value>;

fn set(fields: &Fields) -> BTreeMap<FieldName, Option<Value>> {
    fields.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect()
}

/// The fields to write, and whether somebody has written others since.
fn back(was: &Fields, left: &Fields, stands: &Fields) -> (BTreeMap<FieldName, Option<Value>>, bool) {
    let names: BTreeSet<&FieldName> = was.keys().chain(left.keys()).chain(stands.keys()).collect();
    let (mut edit, mut written_since) = (BTreeMap::new(), false);
    for name in names {
        let (was, stands) = (was.get(name), stands.get(name));
        if was == stands {
            continue;
        }
        if left.get(name) == stands {
            edit.insert(name.clone(), was.cloned());
        } else {
            written_since = true;
        }
    }
    (edit, written_since)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::{collection::btree_map, prelude::*};
    use uuid::Uuid;

    fn state() -> impl Strategy<Value = Live> {
        let fields = btree_map("[fgh]", (0..3_i64).prop_map(Value::Int), 1..4);
        btree_map((0..6_u128).prop_map(|n| RecordId(Uuid::from_u128(n))), fields, 0..6)
    }

    fn carried_out(mut now: Live, operations: Vec<(RecordId, Operation)>) -> Live {
        for (id, operation) in operations {
            match operation {
                Operation::Delete => drop(now.remove(&id)),
                Operation::Edit(edit) => {
                    let record = now.entry(id).or_default();
                    for (name, value) in edit {
                        match value {
                            Some(value) => drop(record.insert(name, value)),
                            None => drop(record.remove(&name)),
                        }
                    }
                }
            }
        }
        now
    }

    proptest! {
        /// Where nobody has written since, everything is as it was; and what was undone is not undone again.
        #[test]
        fn an_undo_after_nothing_else_leads_back(before in state(), after in state()) {
            let (operations, counts) = plan(&before, &after, &after);
            prop_assert_eq!(counts.kept, 0);
            prop_assert_eq!(counts.touched(), operations.len() as u64);
            let undone = carried_out(after.clone(), operations);
            prop_assert_eq!(&undone, &before);
            let (again, counts) = plan(&before, &after, &undone);
            prop_assert_eq!((again.len(), counts.touched()), (0, 0));
        }

        /// What somebody has written since stands, field by field; the rest is as it was.
        #[test]
        fn what_was_written_since_stands(before in state(), after in state(), now in state()) {
            let (operations, _) = plan(&before, &after, &now);
            let undone = carried_out(now.clone(), operations);
            let ids: BTreeSet<&RecordId> = before.keys().chain(after.keys()).chain(now.keys()).collect();
            for id in ids {
                let (was, left, stands, is) = (before.get(id), after.get(id), now.get(id), undone.get(id));
                if left == stands {
                    prop_assert_eq!(is, was);
                } else if stands.is_none() || left.is_none() || was.is_none() {
                    prop_assert_eq!(is, stands);
                }
                if let (Some(_), Some(left), Some(stands), Some(is)) = (was, left, stands, is) {
                    for (name, value) in stands {
                        if left.get(name) != Some(value) {
                            prop_assert_eq!(is.get(name), Some(value));
                        }
                    }
                }
            }
        }
    }
}

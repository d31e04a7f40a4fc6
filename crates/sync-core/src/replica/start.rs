//! Start: a stopped replica and its server compare what they have, space by space.

use super::SpaceHead;
use crate::{
    change::{Author, Change, Context, Operation},
    id::{ChangeId, Incarnation, RecordId},
    protocol::Standing,
    record::FieldName,
    value::Value,
};
use alloc::{collections::BTreeMap, vec::Vec};

/// What a Start does with one space, in one local transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Whether copy and outbox are first kept as a snapshot.
    pub snapshot: bool,
    /// Whether copy and superseded values stay: they are the server's, and nothing waits to be sent. The server may have
    /// lost them since it told where it stands.
    pub stays: bool,
    /// The head from now on; unless they stay, copy, superseded values and the old outbox go.
    pub head: SpaceHead,
    /// The new outbox, where the server had nothing; empty where the server's data stand and are pulled.
    pub outbox: Vec<Change>,
}

/// Starts one space. `live` is the whole view (what a person sees of each live record); `holds_nothing` says that copy
/// and outbox are empty. The changes are of the incarnation `fresh`, numbered from 1, and claim nothing (`seen` 0):
/// sequences of an earlier generation mean nothing in this one.
#[must_use]
pub fn start(
    head: &SpaceHead,
    standing: &Standing,
    outbox_is_empty: bool,
    holds_nothing: bool,
    live: Vec<(RecordId, BTreeMap<FieldName, Value>)>,
    fresh: Incarnation,
    author: &Author,
) -> Started {
    let same = head.epoch == Some(standing.epoch) && head.generation == Some(standing.generation);
    let stays = outbox_is_empty && same && head.owed.is_none();
    if stays && standing.head > 0 {
        let head = SpaceHead { stopped: false, unpulled: true, start: None, ..head.clone() };
        return Started { snapshot: false, stays: true, head, outbox: Vec::new() };
    }
    let snapshot = !(holds_nothing || stays);
    let head = SpaceHead {
        epoch: Some(standing.epoch),
        generation: Some(standing.generation),
        lineage: standing.lineage.clone(),
        stopped: false,
        ..head.emptied()
    };
    if standing.head > 0 {
        return Started { snapshot, stays: false, head, outbox: Vec::new() };
    }
    let outbox = live.into_iter().filter(|(_, fields)| !fields.is_empty()).zip(1..).map(
        |((record, fields), number)| Change {
            id: ChangeId { incarnation: fresh, number },
            record,
            context: Context::default(),
            operation: Operation::Edit(fields.into_iter().map(|(name, value)| (name, Some(value))).collect()),
            author: author.clone(),
        },
    );
    let outbox = outbox.collect();
    Started { snapshot, stays: false, head: SpaceHead { start: Some(fresh), ..head }, outbox }
}

//! One machine's request for one space: the steps of `docs/protocol.md`, "The server", in their order.

use super::{
    Answer,
    giveback::{self, Crossing, GivenBack, crossing, given_back},
    state::{
        Draft, Floor, HistoryBatch, Last, Loaded, LoadedSpace, Needs, PageQuery, SpaceHead, StoreHead, pruned,
    },
};
use crate::{
    change::Change,
    digest::Digest,
    id::{ChangeId, Incarnation, MachineId, RecordId, Sequence},
    merge::apply,
    protocol::{Giveback, Limit, Limited, Limits, Page, Reply, SpaceReply, SpaceRequest, Standing},
    record::Superseded,
    sharing::is_read_only,
    space::{SpaceKind, SpaceName},
    time::Timestamp,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

/// Who asks, beside what they say.
pub(super) struct Asked {
    pub(super) machine: MachineId,
    pub(super) incarnation: Incarnation,
    pub(super) person: Option<String>,
    pub(super) limit: u32,
    pub(super) now: Timestamp,
}

pub(super) fn needs(needs: &mut Needs, machine: MachineId, incarnation: Incarnation, request: &SpaceRequest) {
    let space = needs.spaces.entry(request.space.clone()).or_default();
    space.members.insert(machine);
    space.records.extend(request.changes.iter().map(|change| change.record));
    space.incarnations.extend(request.changes.iter().map(|change| change.id.incarnation));
    space.incarnations.extend(request.known.iter().map(|(incarnation, _)| *incarnation));
    space.incarnations.insert(incarnation);
    space.incarnations.extend(request.start);
    space.recovered.extend(request.changes.iter().map(|change| change.id));
    if let Some(giveback) = &request.giveback {
        giveback::needs(space, giveback);
    }
}

/// Whether this kind of data still has room for a space that does not exist yet.
fn over_limit(loaded: &Loaded, name: &SpaceName, limits: &Limits) -> Option<Limit> {
    let (of, most, count) = match name.kind {
        SpaceKind::User => (Limited::Users, limits.users?, loaded.users),
        SpaceKind::Group => (Limited::Groups, limits.groups?, loaded.groups),
        SpaceKind::Common | SpaceKind::Local => return None,
    };
    (count >= most).then_some(Limit { of, most })
}

pub(super) fn sync(loaded: &mut Loaded, asked: Asked, request: SpaceRequest, limits: &Limits) -> Draft {
    let echo = |reply| SpaceReply {
        space: request.space.clone(),
        epoch: request.epoch,
        generation: request.generation,
        reply,
    };
    if let Some(refusal) = refuse(loaded, &asked, &request, limits) {
        return Draft::Ready(Answer::Space(echo(refusal)));
    }
    let store_epoch = loaded.store.epoch;
    let before = space_mut(loaded, &request.space).head;
    note_floor(loaded, &asked, &request);
    let created = take_in(loaded, &asked, &request);
    let lineage = request.epoch.is_none().then(|| loaded.store.lineage_of(&request.space));
    let space = space_mut(loaded, &request.space);

    let changes = request.changes.iter().map(|change| change.record);
    let given = request.giveback.iter().flat_map(|giveback| &giveback.records).map(|(id, _)| *id);
    let brought: BTreeSet<RecordId> = changes.chain(given).collect();
    let mut named: BTreeSet<Incarnation> =
        request.known.iter().map(|(i, _)| *i).chain([asked.incarnation]).chain(request.start).collect();
    if settles_nothing(&request) {
        named.clear();
    }
    let (after, whole) = match request.whole {
        Some(under) if under == space.head.horizon => (request.cursor, Some(under)),
        None if request.cursor >= space.head.horizon => (request.cursor, None),
        // What was forgotten is not told of any more: everything that is left is.
        _ => (0, Some(space.head.horizon)),
    };
    let page = Page {
        epoch: store_epoch,
        generation: space.head.generation,
        lineage,
        from: after,
        head: space.head.head,
        last: named.into_iter().filter_map(|i| Some((i, space.last.get(&i)?.number))).collect(),
        recovered: request
            .changes
            .iter()
            .filter(|change| given_back(&space.recovered, change) == GivenBack::This)
            .map(|change| change.id)
            .collect(),
        records: brought.into_iter().map(|id| (id, space.records.get(&id).cloned().flatten())).collect(),
        page: Vec::new(),
        more: false,
        to: space.head.head,
        superseded: Vec::new(),
        whole,
        horizon: space.head.horizon,
        digest: Some(space.head.digest),
    };
    if request.cursor == before.head && request.seen == before.head && whole.is_none() {
        // The machine had everything: what is new to it is what this request itself brought.
        let page = Page { superseded: created, ..page };
        return Draft::Ready(Answer::Space(echo(Reply::Ok(page))));
    }
    let query =
        PageQuery { space: request.space.clone(), after, superseded_after: request.seen, limit: asked.limit };
    Draft::Paged { query, answer: echo(Reply::Ok(page)) }
}

/// Steps 1 to 5: what stands in the way. Nothing is applied then.
fn refuse(loaded: &Loaded, asked: &Asked, request: &SpaceRequest, limits: &Limits) -> Option<Reply> {
    let fallback = LoadedSpace::default();
    let space = loaded.spaces.get(&request.space).unwrap_or(&fallback);
    let head = space.head;
    if !space.members.get(&asked.machine).is_some_and(|member| member.present) {
        return Some(Reply::Forbidden);
    }
    let brings = !request.changes.is_empty() || request.giveback.is_some();
    if is_read_only(&request.space) && brings {
        return Some(Reply::ReadOnly);
    }
    if let Some(held) = space.reservation
        && held.machine != asked.machine
        && asked.now < held.until
    {
        return Some(Reply::Reserved { until: held.until });
    }
    if !head.exists()
        && brings
        && let Some(limit) = over_limit(loaded, &request.space, limits)
    {
        return Some(Reply::Limit(limit));
    }
    if request.epoch.is_some_and(|epoch| epoch != loaded.store.epoch) {
        let Crossing { shared, common, rollback } = crossing(
            &loaded.store,
            &request.space,
            head,
            request.epoch,
            &request.lineage,
            request.generation,
        );
        return Some(Reply::Epoch {
            stands: standing(&loaded.store, request, head),
            common,
            shared,
            rollback,
        });
    }
    if let Some(giveback) = &request.giveback
        && crossed(&loaded.store, request, giveback, head).is_none()
    {
        // It was read in no epoch that a recovery ended: the replica keeps it as a snapshot.
        let stands = standing(&loaded.store, request, head);
        return Some(Reply::Epoch { stands, common: 0, shared: None, rollback: true });
    }
    if let Some(generation) = request.generation
        && generation != head.generation
        && !(generation > head.generation && request.giveback.as_ref().is_some_and(|giveback| giveback.anew))
    {
        return Some(Reply::Gone { generation: head.generation });
    }
    if settles_nothing(request) {
        return None;
    }
    // The Start's changes may have been renamed by a fork since: any incarnation of the outbox that this generation
    // knows tells that the Start was this machine's.
    if let Some(start) = request.start
        && head.exists()
        && !request.known.iter().map(|(i, _)| i).chain([&start]).any(|i| space.last.contains_key(i))
    {
        return Some(Reply::Occupied);
    }
    // Every incarnation of the outbox, not the present one alone: a machine that is turned back, edits, and restarts
    // before it speaks has its reverted numbers under an incarnation that is no longer the present one.
    let mut ahead = request.known.iter().filter_map(|(incarnation, known)| {
        let last = space.last.get(incarnation)?;
        (last.number > *known).then_some((incarnation, last))
    });
    let mut sent: Option<BTreeMap<ChangeId, &Change>> = None;
    let forked = ahead.find(|(incarnation, last)| {
        let sent = sent.get_or_insert_with(|| request.changes.iter().map(|c| (c.id, c)).collect());
        let same = sent.get(&(**incarnation, last.number).into());
        same.is_none_or(|change| change.content_hash().0 != last.hash)
    });
    let taken = |change: &&Change| {
        let applied = space.last.get(&change.id.incarnation).map_or(0, |last| last.number);
        change.id.number > applied && given_back(&space.recovered, change) == GivenBack::Other
    };
    let forked = forked
        .map(|(incarnation, _)| *incarnation)
        .or_else(|| Some(request.changes.iter().find(taken)?.id.incarnation));
    forked.map(Reply::Fork)
}

/// Notes what the machine still needs remembered, where the request carries its whole outbox.
fn note_floor(loaded: &mut Loaded, asked: &Asked, request: &SpaceRequest) {
    if request.rest {
        return;
    }
    let space = space_mut(loaded, &request.space);
    let sequence = request.changes.iter().map(|change| change.context.seen).fold(request.seen, Sequence::min);
    let floor = Floor { generation: request.generation.unwrap_or(0), sequence };
    if let Some(member) = space.members.get_mut(&asked.machine)
        && member.floor != floor
    {
        member.floor = floor;
        space.touched.floors.insert(asked.machine);
    }
}

/// Whether a request carries none of the outbox, because it gives back, or is the very first: nothing of the outbox is
/// compared then, and so nothing is settled.
fn settles_nothing(request: &SpaceRequest) -> bool {
    let is_first = request.generation.is_none() && request.changes.is_empty() && request.rest;
    request.giveback.is_some() || is_first
}

fn standing(store: &StoreHead, request: &SpaceRequest, head: SpaceHead) -> Standing {
    Standing {
        epoch: store.epoch,
        generation: head.generation,
        head: head.head,
        lineage: store.lineage_of(&request.space),
    }
}

/// Up to where the backup has what the replica that gives back had read; `None` where no recovery lies between.
fn crossed(
    store: &StoreHead,
    request: &SpaceRequest,
    giveback: &Giveback,
    head: SpaceHead,
) -> Option<Sequence> {
    let Giveback { epoch, lineage, .. } = giveback;
    let crossing = crossing(store, &request.space, head, Some(*epoch), lineage, request.generation);
    (*epoch != store.epoch && crossing.shared.is_some() && !crossing.rollback).then_some(crossing.common)
}

/// Steps 6 to 8: what is given back, and the changes. Returns what was superseded by them.
fn take_in(loaded: &mut Loaded, asked: &Asked, request: &SpaceRequest) -> Vec<Superseded> {
    let Some(giveback) = &request.giveback else {
        return push(loaded, asked, request);
    };
    let head = space_mut(loaded, &request.space).head;
    let Some(common) = crossed(&loaded.store, request, giveback, head) else {
        return Vec::new();
    };
    if let Some(generation) = request.generation
        && generation > head.generation
    {
        giveback::delete_again(loaded, asked, &request.space, generation);
    }
    giveback::give_back(loaded, asked, request, giveback, common)
}

/// Steps 7 and 8: applies the changes in order. Every accepted change takes a sequence, whatever came of it.
/// Returns what was superseded by them.
fn push(loaded: &mut Loaded, asked: &Asked, request: &SpaceRequest) -> Vec<Superseded> {
    let existed = space_mut(loaded, &request.space).head.exists();
    // The newest change of each incarnation, and the sequence that it took.
    let mut newest: BTreeMap<Incarnation, (&Change, Sequence)> = BTreeMap::new();
    let mut accepted: Vec<Change> = Vec::new();
    let mut superseded = Vec::new();
    let space = space_mut(loaded, &request.space);
    for change in &request.changes {
        let applied = newest.get(&change.id.incarnation).map_or_else(
            || space.last.get(&change.id.incarnation).map_or(0, |last| last.number),
            |(change, _)| change.id.number,
        );
        if change.id.number <= applied || given_back(&space.recovered, change) == GivenBack::This {
            continue;
        }
        superseded.extend(accept(space, change));
        newest.insert(change.id.incarnation, (change, space.head.head));
        accepted.push(change.clone());
    }
    let first = space.head.head + 1 - accepted.len() as Sequence;
    for (change, sequence) in newest.into_values() {
        let last = Last { number: change.id.number, hash: change.content_hash().0, sequence };
        space.last.insert(change.id.incarnation, last);
        space.touched.last.insert(change.id.incarnation);
    }
    // A reservation ends with the Start's first change, or when the Start had none.
    if let (Some(_), Some(held)) = (request.start, space.reservation)
        && held.machine == asked.machine
    {
        space.reservation = None;
        space.touched.reservation = true;
    }
    if accepted.is_empty() {
        return superseded;
    }
    let batch = HistoryBatch {
        generation: space.head.generation,
        first,
        machine: Some(asked.machine),
        time: asked.now,
        given_back: None,
        changes: with_person(accepted, asked),
    };
    commit_batch(loaded, &request.space, batch, superseded.clone(), existed);
    superseded
}

/// The person whom the machine names stands in the history where the change itself names none.
fn with_person(mut changes: Vec<Change>, asked: &Asked) -> Vec<Change> {
    for change in &mut changes {
        if change.author.person.is_none() {
            change.author.person.clone_from(&asked.person);
        }
    }
    changes
}

/// Applies one change at the next sequence of its space.
pub(super) fn accept(space: &mut LoadedSpace, change: &Change) -> Vec<Superseded> {
    let q = space.head.head + 1;
    let record = space.records.get_mut(&change.record).and_then(Option::take);
    let before = record.as_ref().map(|record| Digest::of(change.record, record));
    // Who has read nothing of this generation (a machine that has just become a member, or has just begun again) repeats
    // nothing that was forgotten either: nothing is forgotten that a member has not read.
    let horizon = if change.context.seen == 0 { 0 } else { space.head.horizon };
    let mut applied = apply(record, change, q, horizon);
    space.head.head = q;
    // A revival unsets fields that were written below the horizon: they are forgotten at once, as if pruned again.
    applied.record = applied.record.and_then(|record| pruned(record, space.head.horizon));
    if let Some(record) = applied.record.as_ref().filter(|record| record.sequence == q) {
        space.head.digest.exchange(before.unwrap_or_default(), Digest::of(change.record, record));
        space.touched.records.insert(change.record);
    }
    space.records.insert(change.record, applied.record);
    applied.superseded
}

/// Notes that a batch was accepted in a space: history, superseded values, the space's position.
pub(super) fn commit_batch(
    loaded: &mut Loaded,
    name: &SpaceName,
    batch: HistoryBatch,
    superseded: Vec<Superseded>,
    existed: bool,
) {
    let position = loaded.next_position();
    if !existed {
        match name.kind {
            SpaceKind::User => loaded.users += 1,
            SpaceKind::Group => loaded.groups += 1,
            SpaceKind::Common | SpaceKind::Local => {}
        }
    }
    let space = space_mut(loaded, name);
    space.head.position = position;
    space.touched.head = true;
    space.touched.history.push(batch);
    space.touched.superseded.extend(superseded);
}

/// The space as it was loaded; one that was not asked for counts as one of which nothing is held.
pub(super) fn space_mut<'a>(loaded: &'a mut Loaded, name: &SpaceName) -> &'a mut LoadedSpace {
    if !loaded.spaces.contains_key(name) {
        loaded.spaces.insert(name.clone(), LoadedSpace::default());
    }
    loaded.spaces.entry(name.clone()).or_default()
}

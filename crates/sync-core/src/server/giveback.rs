//! What a replica gives back after the server was recovered from a backup (`docs/protocol.md`, "Giving back").

use super::{
    admin::delete_one,
    space::{Asked, commit_batch, space_mut},
    state::{HistoryBatch, Loaded, LoadedSpace, Recovered, SpaceHead, SpaceNeeds, StoreHead, written_hash},
};
use crate::{
    change::{Author, Change, Context, Operation},
    id::{ChangeId, Epoch, Generation, RecordId, Sequence, SnapshotId},
    protocol::{Ancestor, Giveback, RestoreMode, SpaceRequest},
    record::{Deletion, Entry, FieldName, Life, Lost, Origin, Record, Superseded},
    space::SpaceName,
    value::Value,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use uuid::Uuid;

/// The name space under which a snapshot is named that a giveback makes (RFC 9562, version 5): the same one for a repeat.
const SNAPSHOTS: Uuid = Uuid::from_u128(0x8d0b_6a34_02f1_5a7e_b9c6_53e7_41a0_9d12);

/// What two sides have in common across the restores between them.
pub(super) struct Crossing {
    /// The newest epoch that both know; `None` where there is none.
    pub(super) shared: Option<Epoch>,
    /// Up to where both speak of the same changes.
    pub(super) common: Sequence,
    /// Whether a restore between was a rollback.
    pub(super) rollback: bool,
}

/// Compares what a replica speaks of (epoch, lineage, generation) with where the server stands.
pub(super) fn crossing(
    store: &StoreHead,
    space: &SpaceName,
    head: SpaceHead,
    epoch: Option<Epoch>,
    lineage: &[Ancestor],
    generation: Option<Generation>,
) -> Crossing {
    let past = store.lineage_of(space);
    let theirs = |of: Epoch| -> Option<(Generation, Sequence)> {
        if epoch == Some(of) {
            return Some((generation.unwrap_or(1), Sequence::MAX));
        }
        lineage.iter().find(|ancestor| ancestor.epoch == of).map(|a| (a.generation, a.head))
    };
    let present = Ancestor {
        epoch: store.epoch,
        mode: RestoreMode::Rollback,
        generation: head.generation,
        head: Sequence::MAX,
    };
    let line: Vec<&Ancestor> = past.iter().chain([&present]).collect();
    let shared = line.iter().enumerate().rev().find_map(|(i, ancestor)| {
        let (then, head) = theirs(ancestor.epoch)?;
        // A space that was deleted on the way has nothing in common with what it was.
        let same = [Some(then), generation].iter().all(|generation| *generation == Some(ancestor.generation));
        Some((i, ancestor.epoch, if same { head.min(ancestor.head) } else { 0 }))
    });
    match shared {
        Some((from, epoch, common)) => Crossing {
            shared: Some(epoch),
            common,
            rollback: past.iter().skip(from).any(|ancestor| ancestor.mode == RestoreMode::Rollback),
        },
        // Nothing in common: what the machine holds cannot be told apart from another server's data.
        None => Crossing { shared: None, common: 0, rollback: true },
    }
}

/// What a giveback is compared with.
pub(super) fn needs(space: &mut SpaceNeeds, giveback: &Giveback) {
    for (id, record) in &giveback.records {
        space.records.insert(*id);
        space.recovered.extend(record.fields.values().map(|entry| entry.writer));
        space.recovered.extend(record.dead.iter().flatten().map(|deletion| deletion.1));
    }
    for lost in &giveback.superseded {
        space.records.insert(lost.record);
        space.superseded.insert(lost.id);
    }
    space.whole |= giveback.anew;
}

/// What a change is beside what was given back under its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenBack {
    /// Nothing was.
    Nothing,
    /// All that it writes: it is a repeat.
    This,
    /// Something else, or not all of it. A machine that was turned back may have made another change under this id; it
    /// goes on under another name, as after a fork.
    Other,
}

/// Whether what `change` writes was given back.
pub(super) fn given_back(recovered: &Recovered, change: &Change) -> GivenBack {
    let known = |field: Option<&FieldName>, value: Option<&Value>| {
        let hash = recovered.get(&(change.id, field.cloned()))?;
        Some(*hash == written_hash(change.record, field.map(String::as_str), value))
    };
    let any = recovered.range((change.id, None)..).next().is_some_and(|((id, _), _)| *id == change.id);
    let all = match &change.operation {
        Operation::Delete => known(None, None) == Some(true),
        Operation::Edit(fields) => {
            fields.iter().all(|(name, value)| known(Some(name), value.as_ref()) == Some(true))
        }
    };
    match (any, all) {
        (false, _) => GivenBack::Nothing,
        (true, true) => GivenBack::This,
        (true, false) => GivenBack::Other,
    }
}

/// The space was deleted after the backup: it is deleted once more, so that its generation is again the replica's.
pub(super) fn delete_again(loaded: &mut Loaded, asked: &Asked, name: &SpaceName, generation: Generation) {
    let epoch = loaded.store.epoch;
    let seed = alloc::format!("{name} {} {epoch}", space_mut(loaded, name).head.generation);
    let id = SnapshotId(Uuid::new_v5(&SNAPSHOTS, seed.as_bytes()));
    let by = asked.person.clone().unwrap_or_else(|| asked.machine.to_string());
    let _ = delete_one(loaded, name.clone(), id, &by, None, asked.now);
    space_mut(loaded, name).head.generation = generation;
}

/// Takes back what the request has. Every record that changes takes a sequence, or two where it was edited and deleted.
/// Returns what was superseded.
pub(super) fn give_back(
    loaded: &mut Loaded,
    asked: &Asked,
    request: &SpaceRequest,
    giveback: &Giveback,
    common: Sequence,
) -> Vec<Superseded> {
    let mut lost = giveback.superseded.clone();
    let mut all = Vec::new();
    for (id, given) in &giveback.records {
        let of_record = lost.extract_if(.., |lost| lost.record == *id).collect();
        all.extend(one(loaded, asked, request, giveback.epoch, common, *id, Some(given), of_record));
    }
    while let Some(first) = lost.first() {
        let id = first.record;
        let of_record = lost.extract_if(.., |lost| lost.record == id).collect();
        all.extend(one(loaded, asked, request, giveback.epoch, common, id, None, of_record));
    }
    all
}

#[allow(clippy::too_many_arguments, reason = "who, where, from which epoch, and what")]
fn one(
    loaded: &mut Loaded,
    asked: &Asked,
    request: &SpaceRequest,
    epoch: Epoch,
    common: Sequence,
    id: RecordId,
    given: Option<&Record>,
    lost: Vec<Superseded>,
) -> Vec<Superseded> {
    let space = space_mut(loaded, &request.space);
    let existed = space.head.exists();
    let q = space.head.head + 1;
    let here = space.records.get(&id).cloned().flatten();
    let mut merging = Merging { space, id, epoch, common, q, changed: false, superseded: Vec::new() };
    let record = match given {
        Some(given) => merging.record(here.clone(), given),
        None => here.clone(),
    };
    for lost in lost.into_iter().filter(|lost| lost.sequence > common) {
        merging.superseded_here(lost);
    }
    let Merging { changed, superseded, .. } = merging;
    if !changed && superseded.is_empty() {
        return Vec::new();
    }
    let changes = given.map_or_else(Vec::new, |given| since(given, id, common));
    let changes = match (changes.is_empty(), superseded.first(), given) {
        (false, ..) => changes,
        (true, Some(lost), _) => vec![of_superseded(lost)],
        (true, None, Some(given)) => vec![told(given.life.id, id, Operation::Edit(BTreeMap::new()))],
        (true, None, None) => Vec::new(),
    };
    let space = space_mut(loaded, &request.space);
    space.head.head = q + (changes.len() as Sequence).saturating_sub(1);
    let horizon = space.head.horizon;
    if changed && let Some(mut record) = record {
        record.sequence = space.head.head;
        record.fields.retain(|_, entry| entry.value.is_some() || entry.sequence > horizon);
        space.head.digest.replace(id, here.as_ref(), Some(&record));
        space.records.insert(id, Some(record));
        space.touched.records.insert(id);
    }
    let batch = HistoryBatch {
        generation: space.head.generation,
        first: q,
        machine: Some(asked.machine),
        time: asked.now,
        given_back: Some(epoch),
        changes,
    };
    commit_batch(loaded, &request.space, batch, superseded.clone(), existed);
    superseded
}

/// One record while it is taken back.
struct Merging<'a> {
    space: &'a mut LoadedSpace,
    id: RecordId,
    epoch: Epoch,
    common: Sequence,
    q: Sequence,
    changed: bool,
    superseded: Vec<Superseded>,
}

impl Merging<'_> {
    /// Whether what was given back, from `o`, is later than what stands, which was written at `sequence`, or was itself
    /// given back from `origin`.
    fn later(&self, sequence: Sequence, origin: Option<Origin>, o: Origin) -> bool {
        sequence <= self.common && origin.is_none() || origin.is_some_and(|origin| origin < o)
    }

    fn supersede(&mut self, id: ChangeId, what: Lost) {
        let superseded = Superseded { sequence: self.q, id, record: self.id, what };
        self.superseded.push(superseded);
    }

    /// Remembers whose what is that was given back; what was remembered first stays.
    fn recovered(&mut self, id: ChangeId, field: Option<&str>, value: Option<&Value>) {
        let of = (id, field.map(ToString::to_string));
        if !self.space.recovered.contains_key(&of) {
            self.space.recovered.insert(of.clone(), written_hash(self.id, field, value));
            self.space.touched.recovered.insert(of);
        }
    }

    fn record(&mut self, here: Option<Record>, given: &Record) -> Option<Record> {
        let born = Life { sequence: self.q, ..given.life };
        let had_one = here.is_some();
        let mut record =
            here.unwrap_or(Record { sequence: self.q, fields: BTreeMap::new(), dead: None, life: born });
        // What stood here before this giveback decides, not what it brings.
        let written_since = record.fields.values().any(|e| e.sequence > self.common && e.origin.is_none());
        let highest_origin = record.fields.values().filter_map(|e| e.origin).max();
        let common = self.common;
        for (name, entry) in given.fields.iter().filter(|(_, entry)| entry.sequence > common) {
            self.field(&mut record, name, entry);
        }
        let reborn = given.life.sequence > self.common && given.dead.is_none();
        if reborn {
            // Its author wrote anew what they knew to be deleted: of the old content nothing came back.
            for (name, entry) in &given.fields {
                if entry.sequence <= self.common
                    && entry.value.is_none()
                    && let Some(stands) = record.fields.get_mut(name)
                    && stands.writer == entry.writer
                    && stands.value.take().is_some()
                {
                    self.changed = true;
                }
            }
        }
        if given.life.sequence > self.common {
            let o = Origin(self.epoch, given.life.sequence);
            let untouched = !written_since
                && highest_origin.is_none_or(|highest| highest <= Origin(self.epoch, given.sequence));
            let same = had_one && record.life.id == given.life.id;
            if same {
                // Given back before, or written anew by the same change.
            } else if !had_one || self.later(record.life.sequence, record.life.origin, o) && untouched {
                record.dead = given.dead.as_ref().map(|dead| {
                    let renumber = |sequence| if sequence > self.common { self.q } else { sequence };
                    dead.iter().map(|Deletion(sequence, id)| Deletion(renumber(*sequence), *id)).collect()
                });
                record.life = Life { sequence: self.q, id: given.life.id, origin: Some(o) };
                self.changed = true;
            } else if given.dead.is_some() && record.dead.is_none() {
                self.supersede(given.life.id, Lost::Deletion);
            }
            for Deletion(_, id) in given.dead.iter().flatten() {
                self.recovered(*id, None, None);
            }
        }
        (had_one || self.changed).then_some(record)
    }

    /// A field that was written beyond the backup.
    fn field(&mut self, record: &mut Record, name: &str, given: &Entry) {
        let o = Origin(self.epoch, given.sequence);
        let stands = record.fields.get(name);
        let before = self.space.recovered.get(&(given.writer, Some(name.to_string()))).copied();
        let same = |stands: &&Entry| {
            stands.writer == given.writer && (stands.value == given.value || given.value.is_none())
        };
        match stands {
            Some(stands) if same(&stands) => {
                if stands.origin.is_some_and(|origin| origin < o)
                    && let Some(stands) = record.fields.get_mut(name)
                {
                    (stands.origin, stands.sequence) = (Some(o), self.q);
                    self.changed = true;
                }
            }
            _ if before == Some(written_hash(self.id, Some(name), given.value.as_ref())) => {}
            stands if stands.is_none_or(|stands| self.later(stands.sequence, stands.origin, o)) => {
                if let Some(loser) = stands
                    && loser.origin.is_some_and(|Origin(epoch, _)| epoch != self.epoch)
                    && loser.value != given.value
                {
                    let (id, value) = (loser.writer, loser.value.clone());
                    self.supersede(id, Lost::Field(name.to_string(), value));
                }
                let entry = Entry { sequence: self.q, origin: Some(o), ..given.clone() };
                record.fields.insert(name.to_string(), entry);
                self.changed = true;
            }
            stands => {
                if stands.and_then(|stands| stands.value.as_ref()) != given.value.as_ref() {
                    self.supersede(given.writer, Lost::Field(name.to_string(), given.value.clone()));
                }
            }
        }
        self.recovered(given.writer, Some(name), given.value.as_ref());
    }

    /// What was superseded beyond the backup is added, unless it is there.
    fn superseded_here(&mut self, lost: Superseded) {
        let same = |there: &Superseded| {
            there.id == lost.id
                && match (&there.what, &lost.what) {
                    (Lost::Field(there, _), Lost::Field(here, _)) => there == here,
                    (Lost::Deletion, Lost::Deletion) => true,
                    _ => false,
                }
        };
        let noted = &self.space.touched.superseded;
        if !self.space.superseded.iter().chain(noted).chain(&self.superseded).any(same) {
            self.supersede(lost.id, lost.what);
        }
    }
}

/// What stands in the history for a record that was given back: all that was written in it beyond the backup, under the
/// newest change that wrote it, and its last deletion.
fn since(given: &Record, id: RecordId, common: Sequence) -> Vec<Change> {
    let written = given.fields.iter().filter(|(_, entry)| entry.sequence > common);
    let newest = written.clone().max_by_key(|(_, entry)| entry.sequence).map(|(_, entry)| entry.writer);
    let fields = written.map(|(name, entry)| (name.clone(), entry.value.clone())).collect();
    let edit = newest.map(|by| (by, Operation::Edit(fields)));
    let last = given.dead.iter().flatten().max_by_key(|deletion| deletion.0);
    let deletion =
        last.filter(|deletion| deletion.0 > common).map(|deletion| (deletion.1, Operation::Delete));
    edit.into_iter().chain(deletion).map(|(by, operation)| told(by, id, operation)).collect()
}

fn told(id: ChangeId, record: RecordId, operation: Operation) -> Change {
    Change { id, record, context: Context::default(), operation, author: Author::default() }
}

fn of_superseded(lost: &Superseded) -> Change {
    let operation = match &lost.what {
        Lost::Field(name, value) => Operation::Edit([(name.clone(), value.clone())].into()),
        Lost::Deletion => Operation::Delete,
    };
    told(lost.id, lost.record, operation)
}

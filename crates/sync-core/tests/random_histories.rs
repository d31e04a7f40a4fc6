//! Random histories of a small fleet, checked at every step against a model that knows nothing of sequences: it only
//! knows what each author had read when they wrote.
//!
//! Every value that is ever written is unique, so a value tells which change wrote it, whatever became of the change's
//! name.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod world;

use proptest::{prelude::*, test_runner::TestRunner};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};
use sync_core::{
    change::{Author, Change, Operation},
    digest::Digest,
    id::{Incarnation, Opening, RecordId},
    protocol::{Reply as Said, RestoreMode},
    record::{Lost, Record, Superseded},
    replica,
    server::pruned,
    space::SpaceName,
    value::Value,
};
use world::{Letter, Reply, World, alice, record, sales, set};

#[derive(Debug, Clone)]
enum Step {
    /// A person at a machine sets a field of a record.
    Set {
        machine: usize,
        space: usize,
        record: u128,
        field: usize,
    },
    /// A person deletes a record.
    Remove {
        machine: usize,
        space: usize,
        record: u128,
    },
    /// A round trip; the answer may be lost, or arrive when the next `Late` says so.
    Round {
        machine: usize,
        fate: Fate,
    },
    /// The request of a round trip arrives a second time.
    Repeat {
        which: usize,
    },
    /// An answer that was held back arrives.
    Late {
        which: usize,
    },
    /// A machine restarts.
    Reopen {
        machine: usize,
    },
    /// A machine is put back, memory and disk, to what `Keep` kept.
    TurnBack {
        machine: usize,
    },
    /// Keeps a machine's state.
    Keep {
        machine: usize,
    },
    /// An administrator deletes a space at the server.
    Delete {
        space: usize,
    },
    /// Stop, and Start at the next round trip.
    Stop {
        machine: usize,
    },
    /// A person leaves the group, or joins it again.
    Member {
        machine: usize,
        joins: bool,
    },
    /// Everything set aside last at a machine is brought back.
    BringBack {
        machine: usize,
    },
    /// The store is backed up, rolled back, or recovered.
    Backup,
    Restore,
    Recover,
    /// The server forgets what no machine needs.
    Prune {
        space: usize,
    },
    /// A machine's copy loses a record without noticing.
    Rot {
        machine: usize,
        space: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Arrives,
    RequestLost,
    AnswerLost,
    AnswerHeld,
}

const MACHINES: usize = 3;
const FIELDS: [&str; 3] = ["f", "g", "h"];

fn step() -> impl Strategy<Value = Step> {
    let machine = 0..MACHINES;
    let fate = prop_oneof![
        6 => Just(Fate::Arrives), 1 => Just(Fate::RequestLost), 2 => Just(Fate::AnswerLost), 1 => Just(Fate::AnswerHeld)
    ];
    prop_oneof![
        12 => (machine.clone(), 0..2_usize, 1..4_u128, 0..3_usize)
            .prop_map(|(machine, space, record, field)| Step::Set { machine, space, record, field }),
        2 => (machine.clone(), 0..2_usize, 1..4_u128)
            .prop_map(|(machine, space, record)| Step::Remove { machine, space, record }),
        12 => (machine.clone(), fate).prop_map(|(machine, fate)| Step::Round { machine, fate }),
        2 => (0..8_usize).prop_map(|which| Step::Repeat { which }),
        2 => (0..8_usize).prop_map(|which| Step::Late { which }),
        1 => machine.clone().prop_map(|machine| Step::Reopen { machine }),
        1 => machine.clone().prop_map(|machine| Step::TurnBack { machine }),
        1 => machine.clone().prop_map(|machine| Step::Keep { machine }),
        1 => (0..2_usize).prop_map(|space| Step::Delete { space }),
        1 => machine.clone().prop_map(|machine| Step::Stop { machine }),
        1 => (machine.clone(), any::<bool>()).prop_map(|(machine, joins)| Step::Member { machine, joins }),
        1 => machine.prop_map(|machine| Step::BringBack { machine }),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
        1 => Just(Step::Recover),
        1 => (0..2_usize).prop_map(|space| Step::Prune { space }),
        1 => (0..MACHINES, 0..2_usize).prop_map(|(machine, space)| Step::Rot { machine, space }),
    ]
}

/// What happened over a whole run; each must have happened.
#[derive(Debug, Default, Clone)]
struct Counts {
    accepted: u64,
    conflicts: u64,
    repeats: u64,
    forks: u64,
    deletions: u64,
    removed: u64,
    set_aside: u64,
    late: u64,
    forbidden: u64,
    gone: u64,
    restores: u64,
    recoveries: u64,
    given_back: u64,
    pruned: u64,
    rotten: u64,
    diverged: u64,
    starts: u64,
    brought_back: u64,
}

struct Run {
    w: World,
    kept: BTreeMap<usize, replica::memory::Memory>,
    letters: Vec<Letter>,
    held: Vec<Reply>,
    backup: Option<sync_core::server::memory::Memory>,
    next: i64,
    /// For each value, what its author read in that field before writing it.
    read: BTreeMap<i64, Option<i64>>,
    /// Values that were written a second time by somebody who had read something else (brought back, or sent by a Start
    /// while another machine still has the first to send): the value no longer tells who wrote it.
    ambiguous: BTreeSet<i64>,
    /// Values that a machine forgot because it was put back before they were acknowledged.
    unmade: BTreeSet<i64>,
    /// Values that were in the server's store when it was rolled back; the file that was replaced is kept aside.
    rolled_back: BTreeSet<i64>,
    model: BTreeMap<SpaceName, Model>,
    counts: Counts,
}

/// What the server must hold, by what authors had read.
#[derive(Default, Clone)]
struct Model {
    generation: u64,
    head: u64,
    values: BTreeMap<(RecordId, String), i64>,
    superseded: BTreeSet<i64>,
    /// Records that were ever deleted, brought back, or written under a name that a fork changed: what stands in them is
    /// checked by the histories, not by this model.
    unchecked: BTreeSet<RecordId>,
    /// Those of them that a fork's new names touch: a deletion of the space or a restore does not end it, because both
    /// the old names (a repeated request) and the new ones (the outbox) may still arrive.
    renamed: BTreeSet<RecordId>,
}

impl Model {
    fn next_generation(&self) -> Self {
        Self {
            generation: self.generation + 1,
            unchecked: self.renamed.clone(),
            renamed: self.renamed.clone(),
            ..Self::default()
        }
    }
}

fn spaces() -> [SpaceName; 2] {
    [alice(), sales()]
}

fn values_of(change: &Change) -> Vec<(String, i64)> {
    match &change.operation {
        Operation::Edit(fields) => {
            fields.iter().filter_map(|(name, v)| Some((name.clone(), v.as_ref()?.as_int()?))).collect()
        }
        Operation::Delete => Vec::new(),
    }
}

impl Run {
    fn new() -> Self {
        let mut w = World::new(MACHINES);
        w.prefix = 3;
        w.page = 2;
        Self {
            w,
            kept: BTreeMap::new(),
            letters: Vec::new(),
            held: Vec::new(),
            backup: None,
            next: 0,
            read: BTreeMap::new(),
            ambiguous: BTreeSet::new(),
            unmade: BTreeSet::new(),
            rolled_back: BTreeSet::new(),
            model: spaces().into_iter().map(|s| (s, Model { generation: 1, ..Model::default() })).collect(),
            counts: Counts::default(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Set { machine, space, record: n, field } => {
                let space = spaces()[space].clone();
                if !self.w.machines[machine].spaces.contains_key(&space) {
                    return;
                }
                self.next += 1;
                let view = self.w.machines[machine].spaces[&space].view(record(n));
                let alive = view.filter(|r| r.dead.is_none());
                let read = alive.and_then(|r| r.fields.get(FIELDS[field])?.value.as_ref()?.as_int());
                self.read.insert(self.next, read);
                self.w.edit(machine, &space, n, set(&[(FIELDS[field], self.next)]));
            }
            Step::Remove { machine, space, record: n } => {
                let space = spaces()[space].clone();
                if self.w.machines[machine].spaces.contains_key(&space) {
                    self.w.edit(machine, &space, n, Operation::Delete);
                    self.counts.removed += 1;
                }
            }
            Step::Round { machine, fate } => self.round(machine, fate),
            Step::Repeat { which } => {
                if let Some(letter) = self.letters.get(which).cloned() {
                    self.deliver(&letter);
                }
            }
            Step::Late { which } => {
                if which < self.held.len() {
                    let reply = self.held.remove(which);
                    self.counts.late += 1;
                    self.absorb(reply);
                }
            }
            Step::Reopen { machine } => {
                let (opening, incarnation) = (Opening(self.w.draw()), Incarnation(self.w.draw()));
                self.w.machines[machine].reopen(opening, incarnation);
            }
            Step::Keep { machine } => {
                self.kept.insert(machine, self.w.machines[machine].clone());
            }
            Step::TurnBack { machine } => {
                if let Some(kept) = self.kept.get(&machine).cloned() {
                    let forgets = held_by(&self.w.machines[machine]);
                    self.w.machines[machine] = kept;
                    // Its memory did not send what these answer: its connections are put back too.
                    self.held.retain(|reply| reply.machine != machine);
                    self.unmade.extend(forgets);
                }
            }
            Step::Delete { space } => {
                let space = spaces()[space].clone();
                self.w.delete(&space, None);
                self.counts.deletions += 1;
                let model = self.model[&space].next_generation();
                self.model.insert(space, model);
            }
            Step::Stop { machine } => {
                self.w.machines[machine].stop();
                self.counts.starts += 1;
            }
            Step::Member { machine, joins: true } => self.w.join(machine, &sales()),
            Step::Member { machine, joins: false } => self.w.membership(machine, vec![], vec![sales()]),
            Step::BringBack { machine } => {
                let Some(snapshot) = self.w.machines[machine].snapshots.last().cloned() else { return };
                if !self.w.machines[machine].spaces.contains_key(&snapshot.space) {
                    return;
                }
                let before = self.w.machines[machine].spaces[&snapshot.space].clone();
                self.w.machines[machine].bring_back(&snapshot, &Author::default());
                self.counts.brought_back += 1;
                let after = &self.w.machines[machine].spaces[&snapshot.space].outbox;
                let again = after[before.outbox.len()..].iter().flat_map(values_of);
                self.ambiguous.extend(again.map(|(_, value)| value));
            }
            Step::Backup => self.backup = Some(self.w.server.clone()),
            Step::Prune { space } => {
                // Only what everybody has read is forgotten.
                for machine in (0..MACHINES).cycle().take(4 * MACHINES) {
                    self.round(machine, Fate::Arrives);
                }
                let space = spaces()[space].clone();
                // A backup that may be recovered must not be older than what is forgotten.
                let backup = self.backup.as_ref().and_then(|backup| backup.spaces.get(&space));
                let same = self.w.server.spaces.get(&space).map(|s| s.head.generation);
                let old = match (&self.backup, backup) {
                    (None, _) => u64::MAX,
                    (_, Some(b)) if Some(b.head.generation) == same => b.head.head,
                    _ => 0,
                };
                let before = self.w.server.spaces.get(&space).map_or(0, |space| space.records.len());
                self.w.prune(&space, old);
                let after = self.w.server.spaces.get(&space).map_or(0, |space| space.records.len());
                self.counts.pruned += (before - after) as u64;
            }
            Step::Restore => self.restore(RestoreMode::Rollback),
            Step::Recover => self.restore(RestoreMode::Recover),
            Step::Rot { machine, space } => {
                let name = spaces()[space].clone();
                let Some(server) = self.w.server.spaces.get(&name) else { return };
                let Some(space) = self.w.machines[machine].spaces.get_mut(&name) else { return };
                // What only the machine still has would be lost for good.
                let live = space.copy.iter().filter(|(_, record)| record.dead.is_none());
                let both = live.clone().find(|(id, record)| server.records.get(id) == Some(record));
                if let Some(id) = both.map(|(id, _)| *id) {
                    let rotten = space.copy.remove(&id);
                    // The copy's own digest is of what it holds, as one that is made anew would be.
                    space.head.digest.replace(id, rotten.as_ref(), None);
                    self.counts.rotten += 1;
                    // Whoever edits it now claims to have read what they do not see.
                    let model = self.model.get_mut(&name).unwrap();
                    model.renamed.insert(id);
                    model.unchecked.insert(id);
                }
            }
        }
        self.check();
    }

    fn restore(&mut self, mode: RestoreMode) {
        let Some(backup) = self.backup.clone() else { return };
        let mut gone: BTreeSet<i64> = history_of(&self.w.server);
        if mode == RestoreMode::Recover {
            // The disk is lost, and with it what no machine has read, and the history of what was overwritten since: a
            // machine that still has the older value may hear of the newer one in an answer that is on its way.
            let spaces = self.w.server.spaces.values();
            let records = spaces.clone().flat_map(|space| space.records.values()).flat_map(in_record);
            let lost = spaces.flat_map(|space| &space.superseded).filter_map(superseded_value);
            let stands: BTreeSet<i64> = records.chain(lost).collect();
            // What is in an outbox only may be acknowledged by such an answer.
            for machine in &self.w.machines {
                let read = read_by(machine);
                gone.retain(|value| !(read.contains(value) && stands.contains(value)));
            }
        }
        self.rolled_back.extend(gone);
        self.w.restore_for(&backup, mode);
        if mode == RestoreMode::Recover {
            self.counts.recoveries += 1;
            // Values come back under the ids of other changes than those that the model knows.
            for model in self.model.values_mut() {
                model.renamed = (1..4).map(record).collect();
                model.unchecked = model.renamed.clone();
            }
        } else {
            self.counts.restores += 1;
        }
        // The model goes back with it; what replicas then hold beyond it is set aside.
        for name in spaces() {
            let space = self.w.server.spaces.get(&name).cloned().unwrap_or_default();
            let mut model = Model {
                generation: space.head.generation,
                head: space.head.head,
                ..self.model[&name].clone()
            };
            model.values.clear();
            model.superseded.clear();
            for (id, record) in &space.records {
                // A field that was unset was written too, by somebody whom a value does not name.
                if record.dead.is_some() || record.fields.values().any(|entry| entry.value.is_none()) {
                    model.unchecked.insert(*id);
                }
                for (field, entry) in &record.fields {
                    if let Some(value) = entry.value.as_ref().and_then(Value::as_int) {
                        model.values.insert((*id, field.clone()), value);
                    }
                }
            }
            self.model.insert(name, model);
        }
    }

    fn round(&mut self, machine: usize, fate: Fate) {
        let letter = self.w.letter(machine);
        if fate == Fate::RequestLost {
            return;
        }
        self.letters.insert(0, letter.clone());
        self.letters.truncate(8);
        let reply = self.deliver(&letter);
        match fate {
            Fate::Arrives => self.absorb(reply),
            Fate::AnswerHeld => self.held.push(reply),
            Fate::RequestLost | Fate::AnswerLost => {}
        }
    }

    fn deliver(&mut self, letter: &Letter) -> Reply {
        let before = self.w.server.clone();
        let reply = self.w.deliver(letter);
        for (said, asked) in reply.answer.spaces.iter().zip(&letter.request.spaces) {
            match said.reply {
                Said::Fork(_) => self.counts.forks += 1,
                Said::Forbidden => self.counts.forbidden += 1,
                Said::Gone { .. } => self.counts.gone += 1,
                Said::Ok(_) if asked.giveback.is_some() => {}
                Said::Ok(_) => {
                    let new = self.w.server.spaces[&said.space].head.head
                        - before.spaces.get(&said.space).map_or(0, |s| s.head.head);
                    self.counts.repeats += asked.changes.len() as u64 - new;
                    self.counts.accepted += new;
                }
                _ => {
                    let (now, then) = (self.w.server.spaces.get(&said.space), before.spaces.get(&said.space));
                    assert_eq!(now.map(|s| &s.records), then.map(|s| &s.records), "denied means unchanged");
                }
            }
        }
        self.follow();
        reply
    }

    /// Lets the model decide the changes that the server has accepted since.
    fn follow(&mut self) {
        for (name, model) in &mut self.model {
            let Some(space) = self.w.server.spaces.get(name) else { continue };
            if space.head.generation > model.generation {
                // A machine gave back that the space had been deleted after the backup.
                *model = Model { generation: space.head.generation, head: 0, ..model.next_generation() };
            }
            let (generation, head) = (model.generation, model.head);
            for batch in space.history.iter().filter(|b| b.generation == generation && b.first > head) {
                assert_eq!(batch.first, model.head + 1, "a space's sequence has no gap");
                if batch.given_back.is_some() {
                    model.head += batch.changes.len() as u64;
                    self.counts.given_back += 1;
                    continue;
                }
                for change in &batch.changes {
                    model.head += 1;
                    // What was forgotten below the horizon cannot be told from what somebody had written.
                    let old = (1..space.head.horizon).contains(&change.context.seen);
                    if change.operation == Operation::Delete || old {
                        model.unchecked.insert(change.record);
                    }
                    for (field, value) in values_of(change) {
                        if self.ambiguous.contains(&value) {
                            model.unchecked.insert(change.record);
                        }
                        let stands = model.values.get(&(change.record, field.clone())).copied();
                        let read = self.read.get(&value).copied().flatten();
                        if stands == read || stands == Some(value) {
                            model.values.insert((change.record, field), value);
                        } else {
                            model.superseded.insert(value);
                            self.counts.conflicts += 1;
                        }
                    }
                }
            }
            assert_eq!(model.head, space.head.head, "every accepted change is in the history");
        }
    }

    fn absorb(&mut self, reply: Reply) {
        let machine = reply.machine;
        for said in &reply.answer.spaces {
            if let Said::Fork(forked) = said.reply {
                // A renamed change no longer counts as its author's own beside what was applied under the old name.
                for (name, space) in &self.w.machines[machine].spaces {
                    let renamed = space.outbox.iter().filter(|change| change.id.incarnation == forked);
                    let model = self.model.get_mut(name).unwrap();
                    model.renamed.extend(renamed.map(|change| change.record));
                    model.unchecked.extend(&model.renamed);
                }
            }
        }
        let before = self.w.machines[machine].clone();
        self.w.absorb(reply);
        let after = &self.w.machines[machine];
        self.counts.set_aside += (after.snapshots.len() - before.snapshots.len()) as u64;
        // A Start's changes claim nothing: their authors count as having read nothing.
        for (name, space) in &after.spaces {
            if before.spaces.get(name).is_some_and(|b| b.head.stopped) && !space.head.stopped {
                for change in &space.outbox {
                    for (_, value) in values_of(change) {
                        self.read.insert(value, None);
                        self.ambiguous.insert(value);
                    }
                }
            }
        }
    }

    fn check(&self) {
        for (name, model) in &self.model {
            let Some(space) = self.w.server.spaces.get(name) else { continue };
            for ((id, field), value) in &model.values {
                if model.unchecked.contains(id) {
                    continue;
                }
                let Some(stands) = space.records.get(id) else { continue };
                let stands = stands.fields[field].value.as_ref().and_then(Value::as_int);
                assert_eq!(stands, Some(*value), "{name} {field}: the first to arrive stands");
            }
            for value in &model.superseded {
                let kept = space.superseded.iter().any(|s| {
                    model.unchecked.contains(&s.record)
                        || matches!(&s.what, Lost::Field(_, Some(Value::Int(v))) if v == value)
                });
                let in_deleted = !model.unchecked.is_empty();
                assert!(kept || in_deleted, "{name}: the superseded value {value} is kept");
            }
            for superseded in &space.superseded {
                if let (Lost::Field(_, Some(Value::Int(v))), false) =
                    (&superseded.what, model.unchecked.contains(&superseded.record))
                {
                    let known = model.superseded.contains(v) || self.counts.restores > 0;
                    assert!(known, "{name}: {v} is reported as superseded, and nobody else had written");
                }
            }
        }
        // Nothing is lost: every value that was ever written is somewhere.
        let mut somewhere: BTreeSet<i64> = self.unmade.union(&self.rolled_back).copied().collect();
        somewhere.extend(history_of(&self.w.server));
        for (name, space) in &self.w.server.spaces {
            let mut digest = Digest::default();
            for (id, record) in &space.records {
                digest.replace(*id, None, Some(record));
            }
            assert_eq!(digest, space.head.digest, "the digest of {name} is that of its records");
        }
        for machine in self.w.machines.iter().chain(self.kept.values()) {
            somewhere.extend(held_by(machine));
        }
        for value in 1..=self.next {
            assert!(somewhere.contains(&value), "the value {value} is nowhere");
        }
    }

    fn settle(&mut self) {
        // Everybody is a member again, so that everything can be said.
        for machine in 0..MACHINES {
            self.w.join(machine, &sales());
        }
        // A copy is compared whenever the server answers for its space.
        for space in self.w.machines.iter_mut().flat_map(|machine| machine.spaces.values_mut()) {
            space.head.unpulled = true;
        }
        for _ in 0..3 {
            for machine in 0..MACHINES {
                for left in (0..400).rev() {
                    self.round(machine, Fate::Arrives);
                    let request = self.w.letter(machine).request;
                    if request.spaces.is_empty() && request.asks.is_empty() {
                        break;
                    }
                    assert!(left > 0, "machine {machine} never comes to rest");
                }
            }
        }
        self.check();
        for (i, machine) in self.w.machines.iter().enumerate() {
            for name in spaces() {
                let space = &machine.spaces[&name];
                let server = self.w.server.spaces.get(&name).cloned().unwrap_or_default();
                assert!(
                    space.outbox.is_empty() && space.head.start.is_none(),
                    "machine {i} has said everything"
                );
                // But for what one of both has forgotten: a restored server may have it again.
                let horizon = space.head.horizon.max(server.head.horizon);
                let left = |records: &BTreeMap<RecordId, Record>| -> BTreeMap<RecordId, Record> {
                    let records = records.clone().into_iter();
                    records.filter_map(|(id, record)| Some((id, pruned(record, horizon)?))).collect()
                };
                assert_eq!(
                    left(&space.copy),
                    left(&server.records),
                    "machine {i} and the server agree on {name}"
                );
                assert_eq!(space.head.seen, server.head.head);
                assert_eq!(space.head.digest, server.head.digest);
                assert_eq!(space.head.downloads, 0, "machine {i} need not doubt {name}");
            }
        }
    }
}

/// The values in what a server holds and has held, in all generations, its snapshots included.
fn history_of(server: &sync_core::server::memory::Memory) -> BTreeSet<i64> {
    let spaces = server.spaces.values();
    let changes = spaces.clone().flat_map(|space| &space.history).flat_map(|batch| &batch.changes);
    let records = spaces.clone().flat_map(|space| space.records.values());
    let kept = server.snapshots.iter().flat_map(|snapshot| snapshot.records.iter().map(|(_, record)| record));
    let lost = spaces.flat_map(|space| &space.superseded);
    let lost = lost.chain(server.snapshots.iter().flat_map(|snapshot| &snapshot.superseded));
    let mut values: BTreeSet<i64> = changes.flat_map(values_of).map(|(_, value)| value).collect();
    values.extend(records.chain(kept).flat_map(in_record));
    values.extend(lost.filter_map(superseded_value));
    values
}

fn in_record(record: &Record) -> impl Iterator<Item = i64> {
    record.fields.values().filter_map(|entry| entry.value.as_ref()?.as_int())
}

fn superseded_value(lost: &Superseded) -> Option<i64> {
    match &lost.what {
        Lost::Field(_, value) => value.as_ref()?.as_int(),
        Lost::Deletion => None,
    }
}

/// The values in a machine's outboxes, copies and snapshots.
fn held_by(machine: &replica::memory::Memory) -> BTreeSet<i64> {
    let outboxes = machine.spaces.values().flat_map(|space| &space.outbox);
    let waiting = outboxes.flat_map(values_of).map(|(_, value)| value);
    waiting.chain(read_by(machine)).collect()
}

/// The values in a machine's copies and snapshots.
fn read_by(machine: &replica::memory::Memory) -> BTreeSet<i64> {
    let set_aside = machine.snapshots.iter().flat_map(|snapshot| &snapshot.outbox);
    let kept =
        machine.snapshots.iter().flat_map(|snapshot| snapshot.records.iter().map(|(_, record)| record));
    let copies = machine.spaces.values().flat_map(|space| space.copy.values());
    let lost = machine.spaces.values().flat_map(|space| &space.superseded);
    let lost = lost.chain(machine.snapshots.iter().flat_map(|snapshot| &snapshot.superseded));
    let mut values: BTreeSet<i64> = set_aside.flat_map(values_of).map(|(_, value)| value).collect();
    values.extend(kept.chain(copies).flat_map(in_record));
    values.extend(lost.filter_map(superseded_value));
    values
}

#[test]
fn random_histories_lose_nothing_and_converge() {
    let totals = RefCell::new(Counts::default());
    // PROPTEST_CASES runs more.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let mut runner = TestRunner::new(config);
    runner
        .run(&prop::collection::vec(step(), 20..120), |steps| {
            let mut run = Run::new();
            for step in steps {
                run.take(step);
            }
            run.settle();
            let mut t = totals.borrow_mut();
            let c = run.counts;
            *t = Counts {
                accepted: t.accepted + c.accepted,
                conflicts: t.conflicts + c.conflicts,
                repeats: t.repeats + c.repeats,
                forks: t.forks + c.forks,
                deletions: t.deletions + c.deletions,
                removed: t.removed + c.removed,
                set_aside: t.set_aside + c.set_aside,
                late: t.late + c.late,
                forbidden: t.forbidden + c.forbidden,
                gone: t.gone + c.gone,
                restores: t.restores + c.restores,
                recoveries: t.recoveries + c.recoveries,
                given_back: t.given_back + c.given_back,
                pruned: t.pruned + c.pruned,
                rotten: t.rotten + c.rotten,
                diverged: t.diverged + run.w.machines.iter().map(|machine| machine.divergences).sum::<u64>(),
                starts: t.starts + c.starts,
                brought_back: t.brought_back + c.brought_back,
            };
            Ok(())
        })
        .unwrap();
    let t = totals.into_inner();
    println!("{t:?}");
    for (what, count) in [
        ("accepted", t.accepted),
        ("conflicts", t.conflicts),
        ("repeats", t.repeats),
        ("forks", t.forks),
        ("deletions", t.deletions),
        ("removed", t.removed),
        ("set aside", t.set_aside),
        ("late", t.late),
        ("forbidden", t.forbidden),
        ("gone", t.gone),
        ("restores", t.restores),
        ("recoveries", t.recoveries),
        ("given back", t.given_back),
        ("pruned", t.pruned),
        ("rotten", t.rotten),
        ("diverged", t.diverged),
        ("starts", t.starts),
        ("brought back", t.brought_back),
    ] {
        assert!(count > 0, "{what} never happened");
    }
}

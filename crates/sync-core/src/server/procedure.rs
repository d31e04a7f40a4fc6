//! The server's part of a procedure: whose it is, what its steps did, its end, and its undoing.
//!
//! The server keeps (procedure, step, result) in the step's own transaction. Beside the steps it keeps, in the same
//! way, which machine began the procedure ([`BEGUN`]) and that it is over ([`ENDED`]).

use super::{
    Deleted, Refusal,
    admin::write_back,
    space::space_mut,
    state::{Loaded, LoadedSpace, Needs, StepResult},
};
use crate::{
    change::{Author, Change, Context},
    id::{ChangeId, Incarnation, MachineId, ProcedureId, RecordId, SnapshotId},
    procedure::undo::{Counts, Live, SpaceUndone, plan},
    record::{FieldName, Record},
    space::SpaceName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    string::{String, ToString},
    vec::Vec,
};

/// The name under which the deletion of a procedure is kept.
pub const DELETE_STEP: &str = "delete";
/// Under which it is kept which machine began it.
pub const BEGUN: &str = "machine";
/// Under which it is kept that it was cancelled, finished or undone.
pub const ENDED: &str = "cancel";
/// Under which its undoing is kept.
pub const UNDO_STEP: &str = "undo";

/// A space that a procedure deleted, and what its undoing needs.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceToUndo {
    /// The space.
    pub space: SpaceName,
    /// The live records that the deletion kept, with their fields.
    pub before: Vec<(RecordId, BTreeMap<FieldName, Value>)>,
    /// What the procedure itself wrote into the emptied space: incarnations, each with the last number that is still
    /// its Start's.
    pub started: Vec<(Incarnation, u64)>,
    /// What later deletions of the space had kept, whose procedures were undone since: the oldest first, one for each
    /// generation behind this procedure's.
    pub later: Vec<Vec<(RecordId, Record)>>,
    /// A fresh incarnation for the changes.
    pub incarnation: Incarnation,
    /// The name for the snapshot of what stands now.
    pub snapshot: SnapshotId,
}

/// What a procedure's decisions look at, whichever of its steps it is.
pub(super) fn needs(needs: &mut Needs, procedure: ProcedureId) {
    for step in [BEGUN, DELETE_STEP, ENDED, UNDO_STEP] {
        needs.steps.insert((procedure, step.to_string()));
    }
}

fn result<'a>(loaded: &'a Loaded, procedure: ProcedureId, step: &str) -> Option<&'a str> {
    loaded.steps.get(&(procedure, step.to_string())).map(|kept| &*kept.result)
}

/// Keeps a result once; an earlier one stands.
fn keep(loaded: &mut Loaded, procedure: ProcedureId, step: &str, result: String) {
    if let Entry::Vacant(free) = loaded.steps.entry((procedure, step.to_string())) {
        let kept = StepResult { procedure, step: step.into(), result };
        free.insert(kept.clone());
        loaded.writes.steps.push(kept);
    }
}

/// A procedure is of the machine whose step came first.
fn check_machine(loaded: &Loaded, procedure: ProcedureId, machine: MachineId) -> Result<(), Refusal> {
    match result(loaded, procedure, BEGUN) {
        Some(begun) if begun != machine.to_string() => Err(Refusal::AnotherMachines),
        _ => Ok(()),
    }
}

/// What the deletion did where it was done before; refuses one that may not be done any more.
pub(super) fn deleted_before(
    loaded: &Loaded,
    procedure: ProcedureId,
    machine: MachineId,
) -> Result<Option<Vec<Deleted>>, Refusal> {
    check_machine(loaded, procedure, machine)?;
    if result(loaded, procedure, ENDED).is_some() {
        return Err(Refusal::Ended);
    }
    Ok(result(loaded, procedure, DELETE_STEP).map(deleted_of))
}

/// Keeps what the deletion did.
pub(super) fn keep_deleted(
    loaded: &mut Loaded,
    procedure: ProcedureId,
    machine: MachineId,
    deleted: &[Deleted],
) {
    keep(loaded, procedure, BEGUN, machine.to_string());
    keep(loaded, procedure, DELETE_STEP, written(deleted));
}

/// Ends a procedure: says what its deletion did, if it came.
pub(super) fn cancel(
    loaded: &mut Loaded,
    procedure: ProcedureId,
    machine: Option<MachineId>,
) -> Result<Option<Vec<Deleted>>, Refusal> {
    if let Some(machine) = machine {
        check_machine(loaded, procedure, machine)?;
        keep(loaded, procedure, BEGUN, machine.to_string());
    }
    lift(loaded, procedure);
    keep(loaded, procedure, ENDED, String::new());
    Ok(result(loaded, procedure, DELETE_STEP).map(deleted_of))
}

/// Lifts the reservations of a procedure.
fn lift(loaded: &mut Loaded, procedure: ProcedureId) {
    let held = |space: &LoadedSpace| space.reservation.is_some_and(|held| held.procedure == procedure);
    let names: Vec<SpaceName> =
        loaded.spaces.iter().filter(|(_, space)| held(space)).map(|(name, _)| name.clone()).collect();
    for name in names {
        // The machines that wait hear of it at their next poll.
        let position = loaded.next_position();
        let space = space_mut(loaded, &name);
        space.reservation = None;
        space.touched.reservation = true;
        space.head.position = position;
        space.touched.head = true;
    }
}

/// Takes a procedure back at the server.
pub(super) fn undo(
    loaded: &mut Loaded,
    procedure: ProcedureId,
    machine: MachineId,
    spaces: Vec<SpaceToUndo>,
    only_plan: bool,
    author: &Author,
) -> Result<Vec<SpaceUndone>, Refusal> {
    check_machine(loaded, procedure, machine)?;
    if let Some(earlier) = result(loaded, procedure, UNDO_STEP) {
        return Ok(undone_of(earlier));
    }
    let deleted: BTreeMap<SpaceName, Deleted> = result(loaded, procedure, DELETE_STEP)
        .map(deleted_of)
        .unwrap_or_default()
        .into_iter()
        .map(|deleted| (deleted.space.clone(), deleted))
        .collect();
    let mut planned = Vec::new();
    for one in spaces {
        // Only what this procedure deleted.
        let Some(generation) = deleted.get(&one.space).map(|deleted| deleted.generation) else { continue };
        let space = space_mut(loaded, &one.space);
        if generation.checked_add(one.later.len() as u64) != Some(space.head.generation) {
            return Err(Refusal::Overtaken(one.space));
        }
        if space.reservation.is_some_and(|held| held.procedure != procedure && author.time < held.until) {
            return Err(Refusal::Reserved(one.space));
        }
        let (changes, counts) = way_back(space, &one, author);
        planned.push((one, changes, counts));
    }
    if only_plan {
        return Ok(planned
            .into_iter()
            .map(|(one, _, counts)| SpaceUndone::new(one.space, counts, None))
            .collect());
    }
    lift(loaded, procedure);
    let mut done = Vec::new();
    for (one, changes, counts) in planned {
        let kept = write_back(loaded, &one.space, changes, Some(one.snapshot), author.clone());
        done.push(SpaceUndone::new(one.space, counts, kept));
    }
    keep(loaded, procedure, BEGUN, machine.to_string());
    keep(loaded, procedure, ENDED, String::new());
    keep(loaded, procedure, UNDO_STEP, written_undone(&done));
    Ok(done)
}

/// The changes that take one space back. What the procedure left is told from what was written since by who wrote it.
fn way_back(space: &LoadedSpace, one: &SpaceToUndo, author: &Author) -> (Vec<Change>, Counts) {
    let is_procedures = |id: ChangeId| {
        one.started.iter().any(|(incarnation, last)| id.incarnation == *incarnation && id.number <= *last)
    };
    let mut before: Live = one.before.iter().cloned().collect();
    let (mut after, mut now) = (Live::new(), Live::new());
    let stands = space.records.iter().filter_map(|(id, record)| Some((*id, record.clone()?))).collect();
    let records = one.later.iter().rev().fold(stands, |stands, then| as_if_never_deleted(stands, then));
    for (id, record) in &records {
        let mut left = BTreeMap::new();
        for (name, entry) in &record.fields {
            match &entry.value {
                Some(value) if is_procedures(entry.writer) => drop(left.insert(name.clone(), value.clone())),
                // Somebody has unset it since.
                None if !is_procedures(entry.writer) => {
                    before.get_mut(id).map(|fields| fields.remove(name));
                }
                _ => {}
            }
        }
        if !left.is_empty() || is_procedures(record.life.id) || is_dead(record) {
            after.insert(*id, left);
        }
        now.extend(record.clone().into_live().map(|fields| (*id, fields)));
    }
    let (operations, counts) = plan(&before, &after, &now);
    let changes = operations.into_iter().zip(1..).map(|((record, operation), number)| Change {
        id: ChangeId { incarnation: one.incarnation, number },
        record,
        context: Context { seen: space.head.head, own: BTreeMap::new() },
        operation,
        author: author.clone(),
    });
    (changes.collect(), counts)
}

/// What stands, as it would if a deletion that was undone since had never been: what is now as it was then is of those
/// who wrote it then.
fn as_if_never_deleted(
    stands: BTreeMap<RecordId, Record>,
    then: &[(RecordId, Record)],
) -> BTreeMap<RecordId, Record> {
    let then: BTreeMap<RecordId, &Record> = then.iter().map(|(id, record)| (*id, record)).collect();
    let mut all = BTreeMap::new();
    for (id, now) in stands {
        match then.get(&id) {
            // It came and went behind the deletion.
            None if is_dead(&now) => {}
            Some(then) if is_dead(then) && is_dead(&now) => drop(all.insert(id, (*then).clone())),
            Some(then) if !is_dead(then) && !is_dead(&now) => drop(all.insert(id, of_then(then, now))),
            _ => drop(all.insert(id, now)),
        }
    }
    // What was dead then was not brought back.
    for (id, record) in then {
        if is_dead(record) {
            all.entry(id).or_insert_with(|| record.clone());
        }
    }
    all
}

/// The record of now, with the writers of then wherever the values are the same.
fn of_then(then: &Record, mut now: Record) -> Record {
    now.life = then.life;
    for (name, entry) in &then.fields {
        let stands = now.fields.get(name).and_then(|entry| entry.value.as_ref());
        if stands == entry.value.as_ref() {
            now.fields.insert(name.clone(), entry.clone());
        }
    }
    now
}

/// A record that somebody has removed since; the procedure itself removes nothing from an emptied space.
fn is_dead(record: &Record) -> bool {
    record.dead.is_some()
}

/// Kept as lines of text, so that a step's result needs no encoder in the core:
/// `SNAPSHOT|- RECORDS GENERATION UNTIL|- SPACE`.
fn written(done: &[Deleted]) -> String {
    let lines = done.iter().map(|one| {
        let until = one.reserved_until.map_or_else(|| "-".to_string(), |until| until.0.to_string());
        alloc::format!("{} {} {} {until} {}", or_none(one.snapshot), one.records, one.generation, one.space)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a deletion did, as it is kept under [`DELETE_STEP`].
#[must_use]
pub fn deleted_of(result: &str) -> Vec<Deleted> {
    let line = |line: &str| {
        let mut parts = line.splitn(5, ' ');
        let mut next = || parts.next();
        let (snapshot, records, generation) = (next()?, next()?.parse().ok()?, next()?.parse().ok()?);
        let reserved_until = next()?.parse().ok().map(crate::time::Timestamp);
        let snapshot = snapshot.parse().ok();
        Some(Deleted { space: next()?.parse().ok()?, records, snapshot, generation, reserved_until })
    };
    result.lines().filter_map(line).collect()
}

/// In the same way: `SNAPSHOT|- BROUGHT_BACK CHANGED REMOVED KEPT SPACE`.
fn written_undone(done: &[SpaceUndone]) -> String {
    let lines = done.iter().map(|one| {
        let SpaceUndone { space, brought_back, changed, removed, kept, snapshot } = one;
        alloc::format!("{} {brought_back} {changed} {removed} {kept} {space}", or_none(*snapshot))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn undone_of(result: &str) -> Vec<SpaceUndone> {
    let line = |line: &str| {
        let mut parts = line.splitn(6, ' ');
        let snapshot = parts.next()?.parse().ok();
        let mut number = || parts.next()?.parse().ok();
        let counts =
            Counts { brought_back: number()?, changed: number()?, removed: number()?, kept: number()? };
        Some(SpaceUndone::new(parts.next()?.parse().ok()?, counts, snapshot))
    };
    result.lines().filter_map(line).collect()
}

fn or_none(snapshot: Option<SnapshotId>) -> String {
    snapshot.map_or_else(|| "-".to_string(), |id| id.to_string())
}

//! Administrative acts: enrolment, membership, deletion, bringing back.

use super::{
    Answer, Deleted, Refusal, Request, Scope, procedure,
    space::{accept, commit_batch, space_mut},
    state::{
        Floor, HistoryBatch, Last, Loaded, LoadedSpace, Login, Machine, Member, Needs, Reservation,
        SpaceHead, Touched, pruned,
    },
};
use crate::{
    change::{Author, Change, Context, Operation},
    digest::Digest,
    id::{ChangeId, Incarnation, MachineId, ProcedureId, RecordId, Sequence, SnapshotId},
    protocol::{Limit, Limited, Limits},
    record::{FieldName, Record},
    snapshot::{Reason, Snapshot},
    space::{SpaceKind, SpaceName},
    time::Timestamp,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};

pub(super) fn needs(needs: &mut Needs, request: &Request) {
    match request {
        Request::Sync { .. } => {}
        Request::MakeCode(code) => {
            needs.codes.insert(code.hash);
        }
        Request::Enroll { code, machine, token, .. } => {
            needs.codes.insert(*code);
            needs.machines.insert(*machine);
            needs.tokens.insert(*token);
        }
        Request::Membership { machine, join, leave, .. } => {
            needs.machines.insert(*machine);
            for space in join.iter().chain(leave) {
                needs.spaces.entry(space.clone()).or_default().members.insert(*machine);
            }
        }
        Request::RemoveMachine { machine, leave } => {
            needs.machines.insert(*machine);
            for space in leave {
                needs.spaces.entry(space.clone()).or_default().members.insert(*machine);
            }
        }
        Request::Delete { spaces, procedure, .. } => {
            if let Some((procedure, machine, _)) = procedure {
                procedure::needs(needs, *procedure);
                needs.machines.insert(*machine);
            }
            for (space, _) in spaces {
                needs.spaces.entry(space.clone()).or_default().whole = true;
            }
        }
        Request::CancelProcedure { procedure, .. } => {
            procedure::needs(needs, *procedure);
            needs.reservations_of.insert(*procedure);
        }
        Request::UndoProcedure { procedure, spaces, .. } => {
            procedure::needs(needs, *procedure);
            needs.reservations_of.insert(*procedure);
            for one in spaces {
                needs.spaces.entry(one.space.clone()).or_default().whole = true;
            }
        }
        Request::Prune { space, members, .. } => {
            needs.spaces.entry(space.clone()).or_default().members.extend(members);
        }
        Request::KeepStep { step } => {
            needs.steps.insert((step.procedure, step.step.clone()));
        }
        Request::Distribution(act) => super::distribution::needs(needs, act),
        Request::Write { space, .. } | Request::BringBack { space, .. } => {
            needs.spaces.entry(space.clone()).or_default().whole = true;
        }
    }
}

pub(super) fn act(loaded: &mut Loaded, request: Request, limits: &Limits) -> Answer {
    match request {
        // The caller sends these elsewhere.
        Request::Sync { .. } => Answer::Done,
        Request::MakeCode(code) => {
            loaded.codes.insert(code.hash, code.clone());
            loaded.writes.codes.insert(code.hash, code);
            Answer::Done
        }
        Request::Enroll { code, machine, token, name, now } => {
            enroll(loaded, code, machine, Machine { name, token, scope: Scope::All, enrolled: now }, limits)
                .map_or_else(Answer::Refused, Answer::Enrolled)
        }
        Request::Membership { machine, login, join, leave, now } => {
            membership(loaded, machine, &join, &leave).map_or_else(Answer::Refused, |()| {
                loaded.writes.logins.extend(login.map(|user| Login { machine, user, time: now }));
                Answer::Done
            })
        }
        Request::RemoveMachine { machine, leave } => {
            remove_machine(loaded, machine, &leave).map_or_else(Answer::Refused, |()| Answer::Done)
        }
        Request::Delete { spaces, by, procedure, now } => {
            delete(loaded, spaces, &by, procedure, now).map_or_else(Answer::Refused, Answer::Deleted)
        }
        Request::CancelProcedure { procedure, machine } => {
            procedure::cancel(loaded, procedure, machine).map_or_else(Answer::Refused, Answer::Cancelled)
        }
        Request::UndoProcedure { procedure, machine, spaces, plan, author } => {
            procedure::undo(loaded, procedure, machine, spaces, plan, &author)
                .map_or_else(Answer::Refused, Answer::Undone)
        }
        Request::Prune { space, old, .. } => Answer::Pruned(prune(loaded, &space, old)),
        Request::KeepStep { step } => {
            let key = (step.procedure, step.step.clone());
            if let Some(earlier) = loaded.steps.get(&key) {
                return Answer::Step(earlier.clone());
            }
            loaded.steps.insert(key, step.clone());
            loaded.writes.steps.push(step.clone());
            Answer::Step(step)
        }
        Request::Write { space, records, incarnation, author } => {
            write(loaded, &space, records, incarnation, None, author)
        }
        Request::BringBack { space, records, incarnation, snapshot, author } => {
            write(loaded, &space, records, incarnation, Some(snapshot), author)
        }
        Request::Distribution(act) => super::distribution::act(loaded, act),
    }
}

fn enroll(
    loaded: &mut Loaded,
    code: super::SecretHash,
    id: MachineId,
    mut machine: Machine,
    limits: &Limits,
) -> Result<Scope, Refusal> {
    let mut code = loaded.codes.get(&code).cloned().ok_or(Refusal::UnknownCode)?;
    let known = loaded.machines.get(&id);
    if known.is_some_and(|known| known.token != machine.token) {
        return Err(Refusal::MachineTaken);
    }
    // A token is looked up to find its machine: it must lead to one.
    if loaded.tokens.get(&machine.token).is_some_and(|owner| *owner != id) {
        return Err(Refusal::TokenTaken);
    }
    match code.used_by {
        Some(user) if user == id && known.is_some() => return Ok(code.scope),
        Some(_) => return Err(Refusal::UsedCode),
        None if machine.enrolled >= code.expires => return Err(Refusal::ExpiredCode),
        None => {}
    }
    if known.is_none() {
        if let Some(most) = limits.machines
            && loaded.machines_enrolled >= most
        {
            return Err(Refusal::Limit(Limit { of: Limited::Machines, most }));
        }
        loaded.machines_enrolled += 1;
    }
    code.used_by = Some(id);
    machine.scope = code.scope.clone();
    loaded.tokens.insert(machine.token, id);
    loaded.machines.insert(id, machine.clone());
    loaded.writes.machines.insert(id, machine);
    loaded.codes.insert(code.hash, code.clone());
    loaded.writes.codes.insert(code.hash, code.clone());
    Ok(code.scope)
}

/// A change of membership is a commit too, and moves the position: a machine learns of it at its next poll.
fn membership(
    loaded: &mut Loaded,
    machine: MachineId,
    join: &[SpaceName],
    leave: &[SpaceName],
) -> Result<(), Refusal> {
    if !loaded.machines.contains_key(&machine) {
        return Err(Refusal::UnknownMachine);
    }
    let wanted: BTreeMap<&SpaceName, bool> =
        leave.iter().map(|space| (space, false)).chain(join.iter().map(|space| (space, true))).collect();
    for (name, present) in wanted {
        let space = space_mut(loaded, name);
        if space.members.get(&machine).is_some_and(|member| member.present) == present {
            continue;
        }
        let position = loaded.next_position();
        let space = space_mut(loaded, name);
        space.members.insert(machine, Member { present, position, floor: Floor::default() });
        space.touched.members.insert(machine);
    }
    Ok(())
}

/// What the machine did not send stays on it. It can be enrolled again, with a new code.
fn remove_machine(loaded: &mut Loaded, machine: MachineId, leave: &[SpaceName]) -> Result<(), Refusal> {
    membership(loaded, machine, &[], leave)?;
    if let Some(known) = loaded.machines.remove(&machine) {
        loaded.tokens.remove(&known.token);
        loaded.machines_enrolled = loaded.machines_enrolled.saturating_sub(1);
    }
    loaded.writes.machines.remove(&machine);
    loaded.writes.removed_machines.insert(machine);
    Ok(())
}

fn delete(
    loaded: &mut Loaded,
    spaces: Vec<(SpaceName, SnapshotId)>,
    by: &str,
    procedure: Option<(ProcedureId, MachineId, Timestamp)>,
    now: Timestamp,
) -> Result<Vec<Deleted>, Refusal> {
    if let Some((id, machine, _)) = procedure
        && let Some(earlier) = procedure::deleted_before(loaded, id, machine)?
    {
        // Done before; the result is what it was then.
        return Ok(earlier);
    }
    for (name, _) in &spaces {
        let held = loaded.spaces.get(name).and_then(|space| space.reservation);
        if held.is_some_and(|held| now < held.until && procedure.is_none_or(|(id, ..)| id != held.procedure))
        {
            return Err(Refusal::Reserved(name.clone()));
        }
    }
    let mut done = Vec::new();
    for (name, snapshot) in spaces {
        let nothing = |space: &LoadedSpace| !space.stored && space.touched == Touched::default();
        done.push(if procedure.is_none() && loaded.spaces.get(&name).is_none_or(nothing) {
            // Of what there never was nothing is left; a procedure reserves it all the same.
            let generation = SpaceHead::default().generation;
            Deleted { space: name, records: 0, snapshot: None, generation, reserved_until: None }
        } else {
            delete_one(loaded, name, snapshot, by, procedure, now)
        });
    }
    if let Some((procedure, machine, _)) = procedure {
        procedure::keep_deleted(loaded, procedure, machine, &done);
    }
    Ok(done)
}

pub(super) fn delete_one(
    loaded: &mut Loaded,
    name: SpaceName,
    id: SnapshotId,
    by: &str,
    procedure: Option<(ProcedureId, MachineId, Timestamp)>,
    now: Timestamp,
) -> Deleted {
    let taken = snapshot(loaded, &name, id, Reason::Deleted, Some(by.to_string()), now);
    let position = loaded.next_position();
    if taken.is_some() {
        match name.kind {
            SpaceKind::User => loaded.users = loaded.users.saturating_sub(1),
            SpaceKind::Group => loaded.groups = loaded.groups.saturating_sub(1),
            SpaceKind::Common | SpaceKind::Local => {}
        }
    }
    let space = space_mut(loaded, &name);
    space.head.generation += 1;
    let generation = space.head.generation;
    space.head.head = 0;
    space.head.horizon = 0;
    space.head.position = position;
    space.head.digest = Digest::default();
    for record in space.records.values_mut() {
        *record = None;
    }
    space.superseded.clear();
    space.recovered.clear();
    space.last.clear();
    // What this commit had noted before goes with the rest; memberships and the history stay.
    let before = core::mem::take(&mut space.touched);
    space.touched = Touched {
        cleared: true,
        head: true,
        members: before.members,
        history: before.history,
        ..Touched::default()
    };
    space.reservation =
        procedure.map(|(procedure, machine, until)| Reservation { machine, procedure, until });
    space.touched.reservation = true;
    Deleted {
        space: name,
        records: taken.unwrap_or(0),
        snapshot: taken.map(|_| id),
        generation,
        reserved_until: procedure.map(|(.., until)| until),
    }
}

/// Raises the horizon to `old`, but never above what a member still needs. One that has not spoken in this generation needs
/// everything.
fn prune(loaded: &mut Loaded, name: &SpaceName, old: Sequence) -> Sequence {
    let space = space_mut(loaded, name);
    let SpaceHead { generation, head, horizon, .. } = space.head;
    let present = space.members.values().filter(|member| member.present);
    let needed =
        present.map(|Member { floor, .. }| if floor.generation == generation { floor.sequence } else { 0 });
    let new = needed.min().unwrap_or(head).min(old).min(head);
    if new > horizon {
        space.head.horizon = new;
        space.touched.head = true;
        space.touched.pruned = true;
        for record in space.records.values_mut() {
            *record = record.take().and_then(|record| pruned(record, new));
        }
        space.last.retain(|_, last| last.sequence > new);
    }
    space.head.horizon
}

/// Keeps the whole space as it stands; returns the number of live records, or `None` where there is nothing to keep.
fn snapshot(
    loaded: &mut Loaded,
    name: &SpaceName,
    id: SnapshotId,
    reason: Reason,
    person: Option<String>,
    time: Timestamp,
) -> Option<u64> {
    let epoch = loaded.store.epoch;
    let space = space_mut(loaded, name);
    if !space.head.exists() {
        return None;
    }
    let records: Vec<(RecordId, Record)> =
        space.records.iter().filter_map(|(id, record)| Some((*id, record.clone()?))).collect();
    let live = records.iter().filter(|(_, record)| record.dead.is_none()).count() as u64;
    let mut superseded = space.superseded.clone();
    superseded.extend(space.touched.superseded.iter().cloned());
    let (generation, seen) = (Some(space.head.generation), space.head.head);
    loaded.writes.snapshots.push(Snapshot {
        id,
        reason,
        time,
        machine: None,
        person,
        space: name.clone(),
        epoch: Some(epoch),
        generation,
        seen,
        records,
        superseded,
        outbox: Vec::new(),
    });
    Some(live)
}

/// New changes that make live, with the values that they had, the records that differ from what is to be again. What
/// stands beside them stays. Shared by the two sides: a machine brings back from its own snapshots the same way.
pub(crate) fn changes_to_bring_back(
    stands: impl Fn(RecordId) -> Option<Record>,
    seen: Sequence,
    records: Vec<(RecordId, BTreeMap<FieldName, Value>)>,
    incarnation: Incarnation,
    author: &Author,
) -> Vec<Change> {
    let mut number = 0;
    records
        .into_iter()
        .filter_map(|(id, fields)| {
            let stands = stands(id);
            let same =
                |name: &FieldName, value: &Value| stands.as_ref().and_then(|r| r.get(name)) == Some(value);
            let edit: BTreeMap<FieldName, Option<Value>> = fields
                .into_iter()
                .filter(|(name, value)| !same(name, value))
                .map(|(n, v)| (n, Some(v)))
                .collect();
            if edit.is_empty() {
                return None;
            }
            number += 1;
            Some(Change {
                id: ChangeId { incarnation, number },
                record: id,
                context: Context { seen, own: BTreeMap::new() },
                operation: Operation::Edit(edit),
                author: author.clone(),
            })
        })
        .collect()
}

/// Writes records as changes of the server's own; what stands is first kept as the snapshot `id`, where one is named.
fn write(
    loaded: &mut Loaded,
    name: &SpaceName,
    records: Vec<(RecordId, BTreeMap<FieldName, Value>)>,
    incarnation: Incarnation,
    id: Option<SnapshotId>,
    author: Author,
) -> Answer {
    let space = space_mut(loaded, name);
    if space.reservation.is_some_and(|held| author.time < held.until) {
        return Answer::Refused(Refusal::Reserved(name.clone()));
    }
    let head = space.head.head;
    let changes = changes_to_bring_back(
        |id| space.records.get(&id).cloned().flatten(),
        head,
        records,
        incarnation,
        &author,
    );
    let count = changes.len() as u64;
    let snapshot = write_back(loaded, name, changes, id, author);
    Answer::BroughtBack { changes: count, snapshot }
}

/// Applies an administrator's changes, which are of one incarnation; what stood before is kept under `id`, where there is one. Says whether
/// there was anything to keep.
pub(super) fn write_back(
    loaded: &mut Loaded,
    name: &SpaceName,
    changes: Vec<Change>,
    id: Option<SnapshotId>,
    author: Author,
) -> Option<SnapshotId> {
    let newest = changes.last()?;
    let (ChangeId { incarnation, number }, hash) = (newest.id, newest.content_hash().0);
    let time = author.time;
    let kept =
        id.filter(|id| snapshot(loaded, name, *id, Reason::BroughtBack, author.person, time).is_some());
    let space = space_mut(loaded, name);
    let (existed, head, generation) = (space.head.exists(), space.head.head, space.head.generation);
    let superseded = changes.iter().flat_map(|change| accept(space, change)).collect();
    space.last.insert(incarnation, Last { number, hash, sequence: space.head.head });
    space.touched.last.insert(incarnation);
    let batch = HistoryBatch { generation, first: head + 1, machine: None, time, given_back: None, changes };
    commit_batch(loaded, name, batch, superseded, existed);
    kept
}

/// The spaces of `spaces` that lie outside `scope`; `groups_of` says which groups a user belongs to. An enrolment for
/// named groups covers those groups and their members' personal spaces.
pub fn outside_scope<'a>(
    scope: &Scope,
    spaces: impl IntoIterator<Item = &'a SpaceName>,
    groups_of: impl Fn(&str) -> Vec<String>,
) -> Vec<SpaceName> {
    let Scope::Groups(named) = scope else {
        return Vec::new();
    };
    let named: BTreeSet<&String> = named.iter().collect();
    let covered = |space: &SpaceName| match space.kind {
        SpaceKind::Group => named.contains(&space.name),
        SpaceKind::User => groups_of(&space.name).iter().any(|group| named.contains(group)),
        SpaceKind::Common => true,
        SpaceKind::Local => false,
    };
    spaces.into_iter().filter(|space| !covered(space)).cloned().collect()
}

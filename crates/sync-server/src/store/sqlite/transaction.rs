//! One transaction over a connection: load, write, page.

use super::super::{Floors, StoreError, Transaction, snapshot_info};
use super::reads::{read_position, text_error};
use super::schema::{digest_bytes, is_forgettable};
use core::future::{Future, ready};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use sync_core::{
    digest::Digest,
    id::{Incarnation, MachineId, ProcedureId, RecordId, Sequence},
    protocol::Limits,
    record::Record,
    server::{
        Code, Floor, Last, Loaded, LoadedSpace, Machine, Member, Needs, PageQuery, PageRead, PastEpoch,
        Recovered, Reservation, SecretHash, SpaceHead, SpaceNeeds, SpaceWrites, StepResult, StoreHead,
        Writes, pruned,
    },
    space::{SpaceKind, SpaceName},
    time::Timestamp,
    wire,
};
use uuid::Uuid;

/// What every transaction of one store has in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) epoch: sync_core::id::Epoch,
    pub(super) lineage: Vec<PastEpoch>,
    pub(super) limits: Limits,
    /// What members still need, as it was told since the last commit.
    pub(super) floors: Mutex<Floors>,
}

/// A transaction that somebody else begins and ends.
pub(super) struct Open<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) common: &'a Common,
}

impl Transaction for Open<'_> {
    fn load(&mut self, needs: &Needs) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        ready(load(self.connection, self.common, needs))
    }

    fn write(&mut self, writes: &Writes) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(write(self.connection, writes))
    }

    fn keep_floors(&mut self, floors: Floors) {
        let mut kept = self.common.floors.lock();
        for (name, floors) in floors {
            kept.entry(name).or_default().extend(floors);
        }
    }

    fn page(&mut self, query: &PageQuery) -> impl Future<Output = Result<PageRead, StoreError>> + Send {
        ready(page(self.connection, query))
    }
}

fn load(connection: &Connection, common: &Common, needs: &Needs) -> Result<Loaded, StoreError> {
    // Of the lineage only what concerns these spaces: the whole of it has a head for each space of each backup.
    let lineage = common.lineage.iter().map(|past| PastEpoch {
        epoch: past.epoch,
        mode: past.mode,
        heads: needs.spaces.keys().filter_map(|name| Some((name.clone(), *past.heads.get(name)?))).collect(),
    });
    let mut loaded = Loaded::new(StoreHead {
        epoch: common.epoch,
        lineage: lineage.collect(),
        position: read_position(connection)?,
    });
    for (name, needs) in &needs.spaces {
        let space = load_space(connection, name, needs)?;
        loaded.spaces.insert(name.clone(), space);
    }
    for procedure in &needs.reservations_of {
        let mut statement = connection.prepare_cached(
            "SELECT s.name FROM reservation r JOIN space s ON s.id = r.space WHERE r.procedure = ?1",
        )?;
        let names = statement.query_map([procedure.0.as_bytes()], |row| row.get::<_, String>(0))?;
        for name in names {
            let name: SpaceName = name?.parse().map_err(text_error)?;
            if let Entry::Vacant(place) = loaded.spaces.entry(name) {
                let space = load_space(connection, place.key(), &SpaceNeeds::default())?;
                place.insert(space);
            }
        }
    }
    for id in &needs.machines {
        if let Some(machine) = load_machine(connection, *id)? {
            loaded.machines.insert(*id, machine);
        }
    }
    let mut owner = connection.prepare_cached("SELECT id FROM machine WHERE token = ?1")?;
    for token in &needs.tokens {
        let id = owner.query_row([&token[..]], |row| uuid_of(row, 0)).optional()?;
        loaded.tokens.extend(id.map(|id| (*token, MachineId(id))));
    }
    for hash in &needs.codes {
        if let Some(code) = load_code(connection, *hash)? {
            loaded.codes.insert(*hash, code);
        }
    }
    for (procedure, step) in &needs.steps {
        if let Some(result) = load_step(connection, *procedure, step)? {
            loaded.steps.insert((*procedure, step.clone()), result);
        }
    }
    loaded.distributions = super::distribution::load(connection, &needs.distributions)?;
    // Counted only where a limit asks for it.
    if common.limits.machines.is_some() && !needs.machines.is_empty() {
        loaded.machines_enrolled = count(connection, "SELECT count(*) FROM machine")?;
    }
    if common.limits.users.is_some() {
        loaded.users = count_spaces(connection, SpaceKind::User)?;
    }
    if common.limits.groups.is_some() {
        loaded.groups = count_spaces(connection, SpaceKind::Group)?;
    }
    Ok(loaded)
}

fn count(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let count: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

fn count_spaces(connection: &Connection, kind: SpaceKind) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM space WHERE kind = ?1 AND head > 0")?
        .query_row([kind.as_str()], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

/// The head in columns `at` and following, without its digest: an older file, which is only read, has none.
pub(super) fn head_of(row: &Row<'_>, at: usize) -> rusqlite::Result<SpaceHead> {
    Ok(SpaceHead {
        generation: row.get::<_, i64>(at)?.cast_unsigned(),
        head: row.get::<_, i64>(at + 1)?.cast_unsigned(),
        horizon: row.get::<_, i64>(at + 2)?.cast_unsigned(),
        position: row.get::<_, i64>(at + 3)?.cast_unsigned(),
        digest: Digest::default(),
    })
}

pub(super) fn find_space(
    connection: &Connection,
    name: &SpaceName,
) -> Result<Option<(i64, SpaceHead)>, StoreError> {
    let found = connection
        .prepare_cached("SELECT id, generation, head, horizon, position FROM space WHERE name = ?1")?
        .query_row([name.to_string()], |row| Ok((row.get(0)?, head_of(row, 1)?)))
        .optional()?;
    Ok(found)
}

fn load_space(
    connection: &Connection,
    name: &SpaceName,
    needs: &SpaceNeeds,
) -> Result<LoadedSpace, StoreError> {
    let mut space = LoadedSpace::default();
    let Some((id, head)) = find_space(connection, name)? else {
        space.records.extend(needs.records.iter().map(|record| (*record, None)));
        return Ok(space);
    };
    space.stored = true;
    space.head = head;
    space.head.digest = read_digest(connection, id)?;
    space.reservation = load_reservation(connection, id)?;
    let mut one = connection.prepare_cached("SELECT body FROM record WHERE space = ?1 AND record = ?2")?;
    for record in &needs.records {
        // A space without changes has no records.
        let found = if head.exists() {
            one.query_row(params![id, record.0.as_bytes()], |row| {
                Ok(wire::decode::<Record>(row.get_ref(0)?.as_blob()?))
            })
            .optional()?
            .transpose()?
        } else {
            None
        };
        space.records.insert(*record, found);
    }
    if needs.whole {
        let (records, superseded) = read_content(connection, id)?;
        space.records.extend(records.into_iter().map(|(id, record)| (id, Some(record))));
        space.superseded = superseded;
    } else if !needs.superseded.is_empty() {
        space.superseded = read_superseded(connection, id, 0)?;
        space.superseded.retain(|lost| needs.superseded.contains(&lost.id));
    }
    space.recovered = load_recovered(connection, id, needs)?;
    space.last = load_last(connection, id, needs)?;
    space.members = load_members(connection, id, needs)?;
    Ok(space)
}

/// The digest of a space; of an older file, which is only read and has none, zero.
pub(super) fn read_digest(connection: &Connection, id: i64) -> Result<Digest, StoreError> {
    let Ok(mut statement) = connection.prepare_cached("SELECT digest FROM space WHERE id = ?1") else {
        return Ok(Digest::default());
    };
    let lanes = statement.query_row([id], |row| Ok(u128::from_be_bytes(row.get(0)?)))?;
    Ok(Digest([(lanes >> 64) as u64, lanes as u64]))
}

type Content = (Vec<(RecordId, Record)>, Vec<sync_core::record::Superseded>);

/// All records by id, and everything superseded.
pub(super) fn read_content(connection: &Connection, id: i64) -> Result<Content, StoreError> {
    let mut records = Vec::new();
    let mut statement =
        connection.prepare_cached("SELECT record, body FROM record WHERE space = ?1 ORDER BY record")?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let record = wire::decode(row.get_ref(1)?.as_blob().map_err(text_error)?)?;
        records.push((RecordId(uuid_of(row, 0)?), record));
    }
    Ok((records, read_superseded(connection, id, 0)?))
}

fn read_superseded(
    connection: &Connection,
    id: i64,
    after: u64,
) -> Result<Vec<sync_core::record::Superseded>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT body FROM superseded WHERE space = ?1 AND sequence > ?2 ORDER BY sequence, n",
    )?;
    let mut rows = statement.query(params![id, bound(after)])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(wire::decode(row.get_ref(0)?.as_blob().map_err(text_error)?)?);
    }
    Ok(all)
}

pub(super) fn uuid_of(row: &Row<'_>, at: usize) -> rusqlite::Result<Uuid> {
    Ok(Uuid::from_bytes(row.get::<_, [u8; 16]>(at)?))
}

fn load_reservation(connection: &Connection, id: i64) -> Result<Option<Reservation>, StoreError> {
    let found = connection
        .prepare_cached("SELECT machine, procedure, until FROM reservation WHERE space = ?1")?
        .query_row([id], |row| {
            Ok(Reservation {
                machine: MachineId(uuid_of(row, 0)?),
                procedure: ProcedureId(uuid_of(row, 1)?),
                until: Timestamp(row.get(2)?),
            })
        })
        .optional()?;
    Ok(found)
}

fn load_last(
    connection: &Connection,
    id: i64,
    needs: &SpaceNeeds,
) -> Result<BTreeMap<Incarnation, Last>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT number, hash, sequence FROM last WHERE space = ?1 AND incarnation = ?2")?;
    let mut all = BTreeMap::new();
    for incarnation in &needs.incarnations {
        let found = statement
            .query_row(params![id, incarnation.0.as_bytes()], |row| {
                Ok(Last {
                    number: row.get::<_, i64>(0)?.cast_unsigned(),
                    hash: row.get(1)?,
                    sequence: row.get::<_, i64>(2)?.cast_unsigned(),
                })
            })
            .optional()?;
        all.extend(found.map(|last| (*incarnation, last)));
    }
    Ok(all)
}

fn load_recovered(connection: &Connection, id: i64, needs: &SpaceNeeds) -> Result<Recovered, StoreError> {
    let mut all = Recovered::new();
    // Most spaces were never given anything back.
    let any = connection.prepare_cached("SELECT 1 FROM recovered WHERE space = ?1 LIMIT 1")?.exists([id])?;
    let mut statement = connection.prepare_cached(
        "SELECT field, hash FROM recovered WHERE space = ?1 AND incarnation = ?2 AND number = ?3",
    )?;
    for change in needs.recovered.iter().filter(|_| any) {
        let number = change.number.cast_signed();
        let mut rows = statement.query(params![id, change.incarnation.0.as_bytes(), number])?;
        while let Some(row) = rows.next()? {
            let field: String = row.get(0)?;
            let field = field.strip_prefix('f').map(String::from);
            all.insert((*change, field), row.get::<_, i64>(1)?.cast_unsigned());
        }
    }
    Ok(all)
}

fn load_members(
    connection: &Connection,
    id: i64,
    needs: &SpaceNeeds,
) -> Result<BTreeMap<MachineId, Member>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT present, position, floor_generation, floor FROM member WHERE space = ?1 AND machine = ?2",
    )?;
    let mut all = BTreeMap::new();
    for machine in &needs.members {
        let found = statement
            .query_row(params![id, machine.0.as_bytes()], |row| {
                Ok(Member {
                    present: row.get(0)?,
                    position: row.get::<_, i64>(1)?.cast_unsigned(),
                    floor: Floor {
                        generation: row.get::<_, i64>(2)?.cast_unsigned(),
                        sequence: row.get::<_, i64>(3)?.cast_unsigned(),
                    },
                })
            })
            .optional()?;
        all.extend(found.map(|member| (*machine, member)));
    }
    Ok(all)
}

fn load_machine(connection: &Connection, id: MachineId) -> Result<Option<Machine>, StoreError> {
    connection
        .prepare_cached("SELECT name, token, scope, enrolled FROM machine WHERE id = ?1")?
        .query_row([id.0.as_bytes()], |row| Ok(machine_of(row, 0)))
        .optional()?
        .transpose()
}

/// The machine in columns `at` and following: name, token, scope, time of enrolment.
pub(super) fn machine_of(row: &Row<'_>, at: usize) -> Result<Machine, StoreError> {
    Ok(Machine {
        name: row.get(at)?,
        token: row.get(at + 1)?,
        scope: wire::decode(&row.get::<_, Vec<u8>>(at + 2)?)?,
        enrolled: Timestamp(row.get(at + 3)?),
    })
}

fn load_code(connection: &Connection, hash: SecretHash) -> Result<Option<Code>, StoreError> {
    connection
        .prepare_cached("SELECT scope, expires, used_by FROM code WHERE hash = ?1")?
        .query_row([&hash[..]], |row| {
            let scope = wire::decode(&row.get::<_, Vec<u8>>(0)?);
            let (expires, used_by) = (row.get(1)?, row.get::<_, Option<[u8; 16]>>(2)?);
            Ok(scope.map(|scope| Code {
                hash,
                scope,
                expires: Timestamp(expires),
                used_by: used_by.map(|id| MachineId(Uuid::from_bytes(id))),
            }))
        })
        .optional()?
        .transpose()
        .map_err(StoreError::from)
}

pub(super) fn load_step(
    connection: &Connection,
    procedure: ProcedureId,
    step: &str,
) -> Result<Option<StepResult>, StoreError> {
    let found = connection
        .prepare_cached("SELECT result FROM step WHERE procedure = ?1 AND step = ?2")?
        .query_row(params![procedure.0.as_bytes(), step], |row| row.get(0))
        .optional()?;
    Ok(found.map(|result| StepResult { procedure, step: step.into(), result }))
}

fn write(connection: &Connection, writes: &Writes) -> Result<(), StoreError> {
    if let Some(position) = writes.position {
        connection
            .prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'position'")?
            .execute([position.cast_signed()])?;
    }
    for (name, writes) in &writes.spaces {
        write_space(connection, name, writes)?;
    }
    for id in &writes.removed_machines {
        connection.prepare_cached("DELETE FROM machine WHERE id = ?1")?.execute([id.0.as_bytes()])?;
    }
    for (id, machine) in &writes.machines {
        connection
            .prepare_cached(
                "INSERT INTO machine(id, name, token, scope, enrolled) VALUES(?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT(id) DO UPDATE
                 SET name = excluded.name, token = excluded.token, scope = excluded.scope, enrolled = excluded.enrolled",
            )?
            .execute(params![
                id.0.as_bytes(),
                machine.name,
                &machine.token[..],
                wire::encode(&machine.scope)?,
                machine.enrolled.0
            ])?;
    }
    for (hash, code) in &writes.codes {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO code(hash, scope, expires, used_by) VALUES(?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                &hash[..],
                wire::encode(&code.scope)?,
                code.expires.0,
                code.used_by.map(|id| id.0.into_bytes())
            ])?;
    }
    for login in &writes.logins {
        connection
            .prepare_cached("INSERT OR REPLACE INTO login(machine, user, time) VALUES(?1, ?2, ?3)")?
            .execute(params![login.machine.0.as_bytes(), login.user, login.time.0])?;
    }
    for step in &writes.steps {
        connection
            .prepare_cached("INSERT INTO step(procedure, step, result) VALUES(?1, ?2, ?3)")?
            .execute(params![step.procedure.0.as_bytes(), step.step, step.result])?;
    }
    for snapshot in &writes.snapshots {
        let info = snapshot_info(snapshot);
        connection
            .prepare_cached(
                "INSERT INTO snapshot(id, space, time, reason, person, records, outbox, body)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                snapshot.id.0.as_bytes(),
                snapshot.space.to_string(),
                snapshot.time.0,
                snapshot.reason.as_str(),
                snapshot.person,
                info.records.cast_signed(),
                info.outbox.cast_signed(),
                wire::encode(snapshot)?
            ])?;
    }
    super::distribution::write(connection, &writes.distributions)
}

/// The row of a space, made or brought up to date.
fn space_row(connection: &Connection, name: &SpaceName, head: Option<SpaceHead>) -> Result<i64, StoreError> {
    let head = match (head, find_space(connection, name)?) {
        (None, Some((id, _))) => return Ok(id),
        (Some(head), Some((id, _))) => {
            connection
                .prepare_cached(
                    "UPDATE space SET generation = ?2, head = ?3, horizon = ?4, position = ?5, digest = ?6
                     WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    head.generation.cast_signed(),
                    head.head.cast_signed(),
                    head.horizon.cast_signed(),
                    head.position.cast_signed(),
                    digest_bytes(head.digest)
                ])?;
            return Ok(id);
        }
        (head, None) => head.unwrap_or_default(),
    };
    connection
        .prepare_cached(
            "INSERT INTO space(name, kind, generation, head, horizon, position, digest)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            name.to_string(),
            name.kind.as_str(),
            head.generation.cast_signed(),
            head.head.cast_signed(),
            head.horizon.cast_signed(),
            head.position.cast_signed(),
            digest_bytes(head.digest)
        ])?;
    Ok(connection.last_insert_rowid())
}

fn write_space(connection: &Connection, name: &SpaceName, writes: &SpaceWrites) -> Result<(), StoreError> {
    let id = space_row(connection, name, writes.head)?;
    if writes.clear {
        for sql in [
            "DELETE FROM record WHERE space = ?1",
            "DELETE FROM last WHERE space = ?1",
            "DELETE FROM superseded WHERE space = ?1",
            "DELETE FROM recovered WHERE space = ?1",
        ] {
            connection.prepare_cached(sql)?.execute([id])?;
        }
    }
    for (record, content) in &writes.records {
        put_record(connection, id, *record, content)?;
    }
    for (incarnation, last) in &writes.last {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO last(space, incarnation, number, hash, sequence) VALUES(?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id,
                incarnation.0.as_bytes(),
                last.number.cast_signed(),
                &last.hash[..],
                last.sequence.cast_signed()
            ])?;
    }
    for (n, lost) in writes.superseded.iter().enumerate() {
        connection
            .prepare_cached("INSERT INTO superseded(space, sequence, n, body) VALUES(?1, ?2, ?3, ?4)")?
            .execute(params![
                id,
                lost.sequence.cast_signed(),
                i64::try_from(n).unwrap_or(i64::MAX),
                wire::encode(lost)?
            ])?;
    }
    for ((change, field), hash) in &writes.recovered {
        let field = field.as_ref().map_or("d".to_string(), |field| format!("f{field}"));
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO recovered(space, incarnation, number, field, hash) VALUES(?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id,
                change.incarnation.0.as_bytes(),
                change.number.cast_signed(),
                field,
                hash.cast_signed()
            ])?;
    }
    for batch in &writes.history {
        connection
            .prepare_cached("INSERT INTO history(space, generation, first, body) VALUES(?1, ?2, ?3, ?4)")?
            .execute(params![
                id,
                batch.generation.cast_signed(),
                batch.first.cast_signed(),
                wire::encode(batch)?
            ])?;
    }
    for (machine, member) in &writes.members {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO member(space, machine, present, position, floor_generation, floor)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                id,
                machine.0.as_bytes(),
                member.present,
                member.position.cast_signed(),
                member.floor.generation.cast_signed(),
                bound(member.floor.sequence)
            ])?;
    }
    write_floors(connection, id, &writes.floors)?;
    if let Some(horizon) = writes.prune {
        prune(connection, id, horizon)?;
    }
    match writes.reservation {
        None => {}
        Some(None) => {
            connection.prepare_cached("DELETE FROM reservation WHERE space = ?1")?.execute([id])?;
        }
        Some(Some(held)) => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO reservation(space, machine, procedure, until) VALUES(?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    id,
                    held.machine.0.as_bytes(),
                    held.procedure.0.as_bytes(),
                    held.until.0
                ])?;
        }
    }
    Ok(())
}

fn put_record(connection: &Connection, space: i64, id: RecordId, record: &Record) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO record(space, record, sequence, live, forgettable, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT(space, record) DO UPDATE
             SET sequence = excluded.sequence, live = excluded.live, forgettable = excluded.forgettable,
                 body = excluded.body",
        )?
        .execute(params![
            space,
            id.0.as_bytes(),
            record.sequence.cast_signed(),
            record.dead.is_none(),
            is_forgettable(record),
            wire::encode(record)?
        ])?;
    Ok(())
}

/// What members of a space still need.
fn write_floors(
    connection: &Connection,
    space: i64,
    floors: &BTreeMap<MachineId, Floor>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE member SET floor_generation = ?3, floor = ?4 WHERE space = ?1 AND machine = ?2",
    )?;
    for (machine, floor) in floors {
        statement.execute(params![
            space,
            machine.0.as_bytes(),
            bound(floor.generation),
            bound(floor.sequence)
        ])?;
    }
    Ok(())
}

/// What members of many spaces still need, as it was told in requests that wrote nothing else.
pub(super) fn write_kept_floors(connection: &Connection, common: &Common) -> Result<(), StoreError> {
    let kept = core::mem::take(&mut *common.floors.lock());
    for (name, floors) in kept {
        if let Some((id, _)) = find_space(connection, &name)? {
            write_floors(connection, id, &floors)?;
        }
    }
    Ok(())
}

/// Forgets, of the records that have something to forget, what lies up to the horizon; and last numbers.
fn prune(connection: &Connection, space: i64, horizon: Sequence) -> Result<(), StoreError> {
    let mut after = Vec::new();
    loop {
        // A few at a time: a space may have many.
        let mut statement = connection.prepare_cached(
            "SELECT record, body FROM record WHERE space = ?1 AND forgettable AND record > ?2 ORDER BY record LIMIT 500",
        )?;
        let mut rows = statement.query(params![space, after])?;
        let mut some = Vec::new();
        while let Some(row) = rows.next()? {
            let record: Record = wire::decode(row.get_ref(1)?.as_blob().map_err(text_error)?)?;
            some.push((RecordId(uuid_of(row, 0)?), record));
        }
        let Some((last, _)) = some.last() else { break };
        after = last.0.as_bytes().to_vec();
        for (id, record) in some {
            match pruned(record.clone(), horizon) {
                None => {
                    connection
                        .prepare_cached("DELETE FROM record WHERE space = ?1 AND record = ?2")?
                        .execute(params![space, id.0.as_bytes()])?;
                }
                Some(left) if left != record => put_record(connection, space, id, &left)?,
                Some(_) => {}
            }
        }
    }
    connection
        .prepare_cached("DELETE FROM last WHERE space = ?1 AND sequence <= ?2")?
        .execute(params![space, bound(horizon)])?;
    Ok(())
}

/// A sequence that a machine names, as a number of SQLite's: nothing lies above the largest.
fn bound(after: u64) -> i64 {
    i64::try_from(after).unwrap_or(i64::MAX)
}

fn page(connection: &Connection, query: &PageQuery) -> Result<PageRead, StoreError> {
    let mut read = PageRead::default();
    let Some((id, _)) = find_space(connection, &query.space)? else {
        return Ok(read);
    };
    let mut statement = connection.prepare_cached(
        "SELECT record, body FROM record WHERE space = ?1 AND sequence > ?2 ORDER BY sequence",
    )?;
    let mut rows = statement.query(params![id, bound(query.after)])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if bytes >= query.limit as usize && !read.records.is_empty() {
            read.more = true;
            return Ok(read);
        }
        let body = row.get_ref(1)?.as_blob().map_err(text_error)?;
        bytes += body.len();
        read.records.push((RecordId(uuid_of(row, 0)?), wire::decode(body)?));
    }
    read.superseded = read_superseded(connection, id, query.superseded_after)?;
    Ok(read)
}

//! What is read outside of a commit: at the opening, for lists, from backups.

use super::super::{Known, OLD_BATCHES, SpaceContent, StoreError, last_before};
use super::transaction::{find_space, head_of, machine_of, read_content, read_digest, uuid_of};
use rusqlite::{Connection, OptionalExtension, types::ValueRef};
use std::collections::BTreeMap;
use sync_core::{
    api::{SnapshotInfo, SpaceInfo},
    id::{Epoch, MachineId, Position, ProcedureId, Sequence, ServerId, SnapshotId},
    server::{Floor, Heads, HistoryBatch, Login, Member, PastEpoch, StepResult, StoreHead},
    snapshot::Snapshot,
    space::SpaceName,
    time::Timestamp,
    wire,
};

pub(super) fn text_error(error: impl core::fmt::Display) -> StoreError {
    StoreError::Row(error.to_string())
}

pub(super) fn read_position(connection: &Connection) -> Result<Position, StoreError> {
    let position: i64 = connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'position'")?
        .query_row([], |row| row.get(0))?;
    Ok(position.cast_unsigned())
}

/// A note of the table `meta`.
pub(crate) fn read_note(connection: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'note:' || ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

fn read_blob<T: serde::de::DeserializeOwned>(connection: &Connection, key: &str) -> Result<T, StoreError> {
    let bytes: Vec<u8> =
        connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))?;
    Ok(wire::decode(&bytes)?)
}

/// The server, and all heads.
pub(crate) fn read_heads(connection: &Connection) -> Result<(ServerId, Heads), StoreError> {
    let server: ServerId = read_blob(connection, "server")?;
    let epoch: Epoch = read_blob(connection, "epoch")?;
    let lineage: Vec<PastEpoch> = read_blob(connection, "lineage")?;
    let mut heads = Heads::new(StoreHead { epoch, lineage, position: read_position(connection)? });
    let mut names = BTreeMap::new();
    let mut statement =
        connection.prepare("SELECT id, name, generation, head, horizon, position FROM space")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: SpaceName = row.get::<_, String>(1)?.parse().map_err(text_error)?;
        heads.set_space(&name, head_of(row, 2)?);
        names.insert(row.get::<_, i64>(0)?, name);
    }
    let mut statement = connection.prepare("SELECT space, machine, present, position FROM member")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(name) = names.get(&row.get::<_, i64>(0)?) else {
            return Err(StoreError::Row("a member of no space".into()));
        };
        // What it still needs is read where it is asked for: a poll does not.
        let floor = Floor::default();
        let member = Member { present: row.get(2)?, position: row.get::<_, i64>(3)?.cast_unsigned(), floor };
        heads.set_member(MachineId(uuid_of(row, 1)?), name, member);
    }
    Ok((server, heads))
}

pub(super) fn read_known(connection: &Connection) -> Result<(ServerId, Known), StoreError> {
    let (server, mut heads) = read_heads(connection)?;
    super::distribution::read_due(connection, &mut heads)?;
    let mut machines = BTreeMap::new();
    let mut statement = connection.prepare("SELECT id, name, token, scope, enrolled FROM machine")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        machines.insert(MachineId(uuid_of(row, 0)?), machine_of(row, 1)?);
    }
    Ok((server, Known::new(heads, machines)))
}

pub(super) fn read_spaces(connection: &Connection) -> Result<Vec<SpaceInfo>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, generation, head,
                (SELECT count(*) FROM record WHERE record.space = space.id AND live),
                reservation.until, reservation.procedure
         FROM space LEFT JOIN reservation ON reservation.space = space.id WHERE position > 0 ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(SpaceInfo {
            space: row.get::<_, String>(0)?.parse().map_err(text_error)?,
            generation: row.get::<_, i64>(1)?.cast_unsigned(),
            head: row.get::<_, i64>(2)?.cast_unsigned(),
            records: row.get::<_, i64>(3)?.cast_unsigned(),
            reserved_until: row.get::<_, Option<i64>>(4)?.map(Timestamp),
            reserved_for: match row.get_ref(5)? {
                ValueRef::Null => None,
                _ => Some(ProcedureId(uuid_of(row, 5)?)),
            },
        });
    }
    Ok(all)
}

pub(super) fn read_space(connection: &Connection, name: &SpaceName) -> Result<SpaceContent, StoreError> {
    let Some((id, mut head)) = find_space(connection, name)? else {
        return Ok(SpaceContent::default());
    };
    head.digest = read_digest(connection, id)?;
    let (records, superseded) = read_content(connection, id)?;
    Ok(SpaceContent { head, records, superseded })
}

/// The last change above a space's horizon that arrived before a moment.
pub(super) fn read_old(
    connection: &Connection,
    name: &SpaceName,
    before: Timestamp,
) -> Result<Sequence, StoreError> {
    let Some((id, head)) = find_space(connection, name)? else { return Ok(0) };
    let mut statement = connection.prepare_cached(
        "SELECT body FROM history WHERE space = ?1 AND generation = ?2 AND first > ?3 ORDER BY first LIMIT ?4",
    )?;
    let most = i64::try_from(OLD_BATCHES).unwrap_or(i64::MAX);
    let (generation, horizon) = (head.generation.cast_signed(), head.horizon.cast_signed());
    let mut rows = statement.query((id, generation, horizon, most))?;
    let mut old = head.horizon;
    while let Some(row) = rows.next()? {
        let batch: HistoryBatch = wire::decode(row.get_ref(0)?.as_blob().map_err(text_error)?)?;
        if batch.time >= before {
            break;
        }
        old = last_before(old, [batch], before);
    }
    Ok(old)
}

pub(super) fn read_snapshots(connection: &Connection) -> Result<Vec<SnapshotInfo>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, space, time, reason, person, records, outbox FROM snapshot ORDER BY time DESC, id DESC",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let reason = serde_json::Value::String(row.get(3)?);
        all.push(SnapshotInfo {
            id: SnapshotId(uuid_of(row, 0)?),
            reason: serde_json::from_value(reason).map_err(text_error)?,
            time: Timestamp(row.get(2)?),
            person: row.get(4)?,
            space: row.get::<_, String>(1)?.parse().map_err(text_error)?,
            records: row.get::<_, i64>(5)?.cast_unsigned(),
            outbox: row.get::<_, i64>(6)?.cast_unsigned(),
        });
    }
    Ok(all)
}

pub(super) fn read_snapshot(connection: &Connection, id: SnapshotId) -> Result<Option<Snapshot>, StoreError> {
    let body: Option<Vec<u8>> = connection
        .query_row("SELECT body FROM snapshot WHERE id = ?1", [id.0.as_bytes()], |row| row.get(0))
        .optional()?;
    body.map(|body| wire::decode(&body).map_err(StoreError::from)).transpose()
}

pub(super) fn read_logins(connection: &Connection) -> Result<Vec<Login>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT machine, user, time FROM login ORDER BY machine, user")?;
    let rows = statement.query_map([], |row| {
        Ok(Login { machine: MachineId(uuid_of(row, 0)?), user: row.get(1)?, time: Timestamp(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn read_steps(connection: &Connection, step: &str) -> Result<Vec<StepResult>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT procedure, result FROM step WHERE step = ?1 ORDER BY procedure")?;
    let rows = statement.query_map([step], |row| {
        Ok(StepResult { procedure: ProcedureId(uuid_of(row, 0)?), step: step.into(), result: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

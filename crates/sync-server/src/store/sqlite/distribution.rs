//! Distributions: their orders, files and deliveries.

use super::super::{Deliveries, StoreError};
use super::transaction::uuid_of;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sync_core::{
    distribution::{Delivery, FileBytes, Order},
    id::{DistributionId, MachineId},
    server::{DistributionNeeds, DistributionWrites, Distributions, Heads},
    wire,
};

fn order_of(row: &Row<'_>) -> Result<Order, StoreError> {
    Ok(wire::decode(&row.get::<_, Vec<u8>>(0)?)?)
}

/// The delivery in columns 0 and 1: machine, body.
fn delivery_of(row: &Row<'_>) -> Result<(MachineId, Delivery), StoreError> {
    Ok((MachineId(uuid_of(row, 0)?), wire::decode(&row.get::<_, Vec<u8>>(1)?)?))
}

pub(super) fn read_order(connection: &Connection, id: DistributionId) -> Result<Option<Order>, StoreError> {
    connection
        .prepare_cached("SELECT body FROM distribution WHERE id = ?1")?
        .query_row([id.0.as_bytes()], |row| Ok(order_of(row)))
        .optional()?
        .transpose()
}

/// All deliveries of a distribution, or that of one machine.
pub(super) fn read_deliveries(
    connection: &Connection,
    id: DistributionId,
    of: Option<MachineId>,
) -> Result<Deliveries, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT machine, body FROM delivery
         WHERE distribution = ?1 AND (?2 IS NULL OR machine = ?2) ORDER BY machine",
    )?;
    let machine = of.map(|machine| machine.0.into_bytes());
    let mut rows = statement.query(params![id.0.as_bytes(), machine])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(delivery_of(row)?);
    }
    Ok(all)
}

/// The last ordered first.
pub(super) fn read_orders(connection: &Connection) -> Result<Vec<Order>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT body FROM distribution ORDER BY ordered DESC, id DESC")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(order_of(row)?);
    }
    Ok(all)
}

/// A part of a file; no more of it is read than that.
pub(super) fn read_file(
    connection: &Connection,
    id: DistributionId,
    from: u64,
    most: u64,
) -> Result<Option<FileBytes>, StoreError> {
    let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let found = connection
        .prepare_cached("SELECT substr(body, ?2, ?3) FROM distribution_file WHERE distribution = ?1")?
        .query_row(params![id.0.as_bytes(), bound(from.saturating_add(1)), bound(most)], |row| row.get(0))
        .optional()?;
    Ok(found.map(FileBytes))
}

/// From when on the open deliveries are due.
pub(super) fn read_due(connection: &Connection, heads: &mut Heads) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare("SELECT machine, body, distribution FROM delivery WHERE due IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (machine, delivery) = delivery_of(row)?;
        heads.set_due(machine, DistributionId(uuid_of(row, 2)?), delivery.due());
    }
    Ok(())
}

pub(super) fn load(connection: &Connection, needs: &DistributionNeeds) -> Result<Distributions, StoreError> {
    let mut found = Distributions::default();
    for id in &needs.orders {
        found.orders.extend(read_order(connection, *id)?.map(|order| (*id, order)));
    }
    for (id, machine) in &needs.deliveries {
        let one = read_deliveries(connection, *id, Some(*machine))?;
        found.deliveries.extend(one.into_iter().map(|(machine, delivery)| ((*id, machine), delivery)));
    }
    for id in &needs.all_of {
        let all = read_deliveries(connection, *id, None)?;
        found.deliveries.extend(all.into_iter().map(|(machine, delivery)| ((*id, machine), delivery)));
    }
    if needs.open {
        let open: i64 = connection
            .prepare_cached("SELECT count(*) FROM distribution WHERE over IS NULL")?
            .query_row([], |row| row.get(0))?;
        found.open = open.cast_unsigned();
    }
    Ok(found)
}

pub(super) fn write(connection: &Connection, writes: &DistributionWrites) -> Result<(), StoreError> {
    for ((id, machine), delivery) in &writes.deliveries {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO delivery(distribution, machine, due, body) VALUES(?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                id.0.as_bytes(),
                machine.0.as_bytes(),
                delivery.due().map(|due| due.0),
                wire::encode(delivery)?
            ])?;
    }
    for (id, file) in &writes.files {
        match file {
            Some(FileBytes(body)) => connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO distribution_file(distribution, body) VALUES(?1, ?2)",
                )?
                .execute(params![id.0.as_bytes(), body])?,
            None => forget(connection, *id, &["DELETE FROM distribution_file WHERE distribution = ?1"])?,
        };
    }
    for (id, order) in &writes.orders {
        match order {
            Some(order) => connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO distribution(id, ordered, over, body) VALUES(?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    id.0.as_bytes(),
                    order.ordered.0,
                    order.over.map(|over| over.0),
                    wire::encode(order)?
                ])?,
            None => forget(
                connection,
                *id,
                &[
                    "DELETE FROM distribution_file WHERE distribution = ?1",
                    "DELETE FROM delivery WHERE distribution = ?1",
                    "DELETE FROM distribution WHERE id = ?1",
                ],
            )?,
        };
    }
    Ok(())
}

fn forget(connection: &Connection, id: DistributionId, all: &[&str]) -> Result<usize, StoreError> {
    let mut rows = 0;
    for sql in all {
        rows += connection.prepare_cached(sql)?.execute([id.0.as_bytes()])?;
    }
    Ok(rows)
}

//! 1,000 changes in one push, durable, beside raw SQLite that writes the same rows and bytes in one transaction (WAL,
//! `synchronous=FULL`, the same tables and indexes). Everything that was pushed is read back through another machine.
//! `cargo bench --bench push`

use harness::{
    measure::{Contender, in_turn, report},
    served::{Failure, Served, change, exchange, http_request, machine_id, one_worker, push, space},
};
use rusqlite::{Connection, params, types::Value as Sql};
use std::{cell::Cell, path::Path, time::Instant};
use sync_core::{
    id::{Incarnation, Opening},
    protocol::{Reply, SpaceRequest, SyncAnswer, SyncRequest},
    wire,
};
use tokio::net::TcpStream;
use uuid::Uuid;

/// Changes in a push.
const CHANGES: usize = 1_000;
/// Pushes in a round, each into a space of its own.
const PUSHES: usize = 20;
const ROUNDS: usize = 5;

/// The rows of one push as the server wrote them, table by table.
struct Rows(Vec<(String, Vec<Vec<Sql>>)>);

const TABLES: [(&str, &str, usize); 3] = [
    ("record", "space, record, sequence, live, body", 5),
    ("history", "space, generation, first, body", 4),
    ("last", "space, incarnation, number, hash, sequence", 5),
];

fn rows_of(store: &Connection, space: &str) -> rusqlite::Result<Rows> {
    let mut tables = Vec::new();
    for (table, columns, width) in TABLES {
        let sql =
            format!("SELECT {columns} FROM {table} WHERE space = (SELECT id FROM space WHERE name = ?1)");
        let mut statement = store.prepare(&sql)?;
        let rows = statement.query_map([space], |row| (0..width).map(|i| row.get(i)).collect())?;
        tables.push((table.to_string(), rows.collect::<rusqlite::Result<_>>()?));
    }
    Ok(Rows(tables))
}

/// An empty store with the server's own tables.
fn raw_store(server: &Connection, path: &Path) -> rusqlite::Result<Connection> {
    let raw = Connection::open(path)?;
    raw.pragma_update(None, "journal_mode", "WAL")?;
    raw.pragma_update(None, "synchronous", "FULL")?;
    raw.pragma_update(None, "cache_size", -32_000)?;
    let mut schema = server.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let mut statements = schema.query([])?;
    while let Some(row) = statements.next()? {
        raw.execute_batch(&row.get::<_, String>(0)?)?;
    }
    Ok(raw)
}

fn write_raw(raw: &mut Connection, rows: &Rows, space: i64) -> rusqlite::Result<()> {
    let transaction = raw.transaction()?;
    for ((table, columns, width), (_, rows)) in TABLES.iter().zip(&rows.0) {
        let places = (1..=*width).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let mut insert =
            transaction.prepare_cached(&format!("INSERT INTO {table}({columns}) VALUES({places})"))?;
        for row in rows {
            for (i, value) in row.iter().enumerate().skip(1) {
                insert.raw_bind_parameter(i + 1, value)?;
            }
            insert.raw_bind_parameter(1, space)?;
            insert.raw_execute()?;
        }
    }
    transaction
        .prepare_cached("UPDATE space SET head = ?2, position = ?2 WHERE id = ?1")?
        .execute(params![space, CHANGES as i64])?;
    transaction.commit()
}

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (runtime, load) = (one_worker()?, one_worker()?);
    // Spaces that have nothing yet: one machine is a member of all of them, and another too.
    let in_all = (ROUNDS + 1) * PUSHES;
    let served = Served::start(&runtime, folder.path(), 2, 0)?;
    served.join_all(&runtime, in_all)?;
    let (_, token) = &served.machines[0];
    let mut stream = load.block_on(TcpStream::connect(served.address))?;
    stream.set_nodelay(true)?;

    let next = Cell::new(0_usize);
    let mut push_round = || -> Result<f64, Failure> {
        let requests: Vec<Vec<u8>> = (next.get()..next.get() + PUSHES)
            .map(|n| {
                let incarnation = Incarnation(Uuid::from_u128(0x77_0000 + n as u128));
                let changes = (1..=CHANGES as u64).map(|number| change(incarnation, number)).collect();
                http_request(token, &push(space(n), incarnation, changes))
            })
            .collect::<Result<_, _>>()?;
        next.set(next.get() + PUSHES);
        let begun = Instant::now();
        for request in &requests {
            let (status, _) = load.block_on(exchange(&mut stream, request))?;
            assert_eq!(status, 200, "the push is answered");
        }
        Ok((PUSHES * CHANGES) as f64 / begun.elapsed().as_secs_f64())
    };
    push_round()?;
    let server = Connection::open_with_flags(&served.file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let rows = rows_of(&server, &space(0).to_string())?;
    let bytes: usize = rows
        .0
        .iter()
        .flat_map(|(_, rows)| rows.iter().flatten())
        .map(|value| if let Sql::Blob(blob) = value { blob.len() } else { 8 })
        .sum();
    println!("one push: {} rows, {bytes} bytes", rows.0.iter().map(|(_, rows)| rows.len()).sum::<usize>());
    let mut raw = raw_store(&server, &folder.path().join("raw.db"))?;
    for n in 0..in_all {
        raw.execute(
            "INSERT INTO space(name, kind, generation, head, horizon, position) VALUES(?1, 'user', 1, 0, 0, 0)",
            [space(n).to_string()],
        )?;
    }
    let mut place = 0_i64;
    let mut raw_round = || -> Result<f64, Failure> {
        let begun = Instant::now();
        for _ in 0..PUSHES {
            place += 1;
            write_raw(&mut raw, &rows, place)?;
        }
        Ok((PUSHES * CHANGES) as f64 / begun.elapsed().as_secs_f64())
    };
    let or_panic =
        |speed: Result<f64, Failure>| speed.unwrap_or_else(|error| panic!("a round failed: {error}"));
    let measured = in_turn(
        ROUNDS - 1,
        vec![
            Contender {
                name: "raw SQLite, the same rows and bytes",
                round: Box::new(|| or_panic(raw_round())),
            },
            Contender {
                name: "sync-server, 1,000 changes in a push",
                round: Box::new(|| or_panic(push_round())),
            },
        ],
    );
    report("Durable pushes", "changes/s", &measured);

    // Through the other machine.
    let (_, token) = &served.machines[1];
    let mut read = 0;
    for n in 0..next.get() {
        let ask = SyncRequest {
            opening: Opening(Uuid::from_u128(9)),
            incarnation: Incarnation(Uuid::from_u128(9)),
            polled: None,
            person: None,
            asks: Vec::new(),
            spaces: vec![SpaceRequest::new(space(n))],
            limit: 4 << 20,
        };
        let (_, body) = load.block_on(exchange(&mut stream, &http_request(token, &ask)?))?;
        let answer: SyncAnswer = wire::decode(&body)?;
        let Some(Reply::Ok(page)) = answer.spaces.into_iter().next().map(|space| space.reply) else {
            return Err("another machine was not answered".into());
        };
        read += page.page.len();
    }
    assert_eq!(read, next.get() * CHANGES, "every record is read back through {}", machine_id(1));
    println!("  {read} records were read back through another machine");
    Ok(())
}

//! 100,000 addresses imported in one batch, beside raw SQLite that writes the same rows and bytes in one transaction (WAL,
//! `synchronous=FULL`, the same tables and indexes): into a list of the machine, and into a list that synchronizes. And the
//! most memory that a process of its own takes for one such import, and for one that replaces such a list.
//! `cargo bench --bench import`

use harness::{
    measure::{Contender, in_turn, most_memory, report},
    offline::{Offline, REALM, TOKEN},
    programs::{Failure, Programs},
};
use rusqlite::{Connection, types::Value as Sql};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    time::Instant,
};
use sync_client::{
    Machine, Options,
    import::{ImportOrder, ImportReport},
};
use sync_core::{machine::SyncState, procedure::ListMode, space::SpaceName};

/// Entries of the file.
const ENTRIES: usize = 100_000;
const ROUNDS: usize = 3;
/// What the memory of an import must stay under, in bytes.
const MOST: u64 = 200_000_000;

/// The tables that an import writes.
const TABLES: [&str; 7] = ["space", "record", "outbox", "history", "import", "import_line", "import_before"];

/// Where the entries go.
#[derive(Clone, Copy)]
enum Into {
    /// The machine's own list.
    Local,
    /// A group's list, of a machine that is stopped: each entry waits in the outbox.
    Group,
}

impl Into {
    fn group(self) -> Option<String> {
        matches!(self, Self::Group).then(|| "sales".to_string())
    }

    fn space(self) -> SpaceName {
        match self {
            Self::Local => SpaceName::local(sync_client::addresses::LOCAL_LISTS),
            Self::Group => SpaceName::group(REALM, "sales"),
        }
    }
}

fn file(folder: &Path, round: usize) -> Result<PathBuf, Failure> {
    let mut text = String::from(
        "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
         objectclass,cn,cnread,mailaddress,protocol,indxid,subdbid,uuid,\r\n",
    );
    for n in 0..ENTRIES {
        let _ = write!(
            text,
            "email,\"Person {n:06} of branch {round}\",\"person {n:06}\",\"person.{n:06}@branch-{round}.example\",smtp,\
             {},1,\"3f2b{n:06}-0c5d-4f7a-9d7e-5a1b2c3d4e5f\",\r\n",
            n + 201
        );
    }
    let path = folder.join(format!("entries-{round}.csv"));
    fs::write(&path, text)?;
    Ok(path)
}

fn import(data: &Path, file: &Path, into: Into, mode: ListMode) -> Result<ImportReport, Failure> {
    let machine = Machine::open(data, Options::default())?;
    let order = ImportOrder { group: into.group(), mode, ..ImportOrder::new(file) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(machine.import(&order, Some(TOKEN)))?)
}

fn fresh_machine(root: &Path, n: usize) -> Result<Offline, Failure> {
    let folder = root.join(format!("machine-{n}"));
    fs::create_dir_all(&folder)?;
    Offline::make(&Programs::this("", "")?, &folder, SyncState::Stopped)
}

/// The rows that an import left, table by table.
type Rows = Vec<(&'static str, Vec<Vec<Sql>>)>;

fn rows_of(store: &Connection) -> rusqlite::Result<Rows> {
    let mut tables = Vec::new();
    for table in TABLES {
        let mut statement = store.prepare(&format!("SELECT * FROM {table}"))?;
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|i| row.get(i)).collect())?;
        tables.push((table, rows.collect::<rusqlite::Result<_>>()?));
    }
    Ok(tables)
}

fn write_raw(like: &Connection, rows: &Rows, path: &Path) -> Result<f64, Failure> {
    let mut raw = Connection::open(path)?;
    raw.pragma_update(None, "journal_mode", "WAL")?;
    raw.pragma_update(None, "synchronous", "FULL")?;
    let mut schema = like.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let mut statements = schema.query([])?;
    while let Some(row) = statements.next()? {
        raw.execute_batch(&row.get::<_, String>(0)?)?;
    }
    let begun = Instant::now();
    let transaction = raw.transaction()?;
    for (table, rows) in rows {
        let width = rows.first().map_or(0, Vec::len);
        let places = (1..=width).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        if width == 0 {
            continue;
        }
        let mut insert = transaction.prepare(&format!("INSERT INTO {table} VALUES({places})"))?;
        for row in rows {
            for (i, value) in row.iter().enumerate() {
                insert.raw_bind_parameter(i + 1, value)?;
            }
            insert.raw_execute()?;
        }
    }
    transaction.commit()?;
    Ok(ENTRIES as f64 / begun.elapsed().as_secs_f64())
}

fn measure(into: Into, what: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let list = file(folder.path(), 0)?;
    let first = fresh_machine(folder.path(), 0)?;
    import(&first.data, &list, into, ListMode::Append)?;
    let store = Connection::open(first.data.join("replica.db"))?;
    let rows = rows_of(&store)?;
    let bytes: usize = rows
        .iter()
        .flat_map(|(_, rows)| rows.iter().flatten())
        .map(|value| match value {
            Sql::Blob(blob) => blob.len(),
            Sql::Text(text) => text.len(),
            _ => 8,
        })
        .sum();
    let count: usize = rows.iter().map(|(_, rows)| rows.len()).sum();
    let mut n = 0;
    let mut raw_round = || -> Result<f64, Failure> {
        n += 1;
        let path = folder.path().join(format!("raw-{n}.db"));
        let speed = write_raw(&store, &rows, &path)?;
        fs::remove_file(path)?;
        Ok(speed)
    };
    let mut m = 0;
    let mut import_round = || -> Result<f64, Failure> {
        m += 1;
        let machine = fresh_machine(folder.path(), m)?;
        let begun = Instant::now();
        let done = import(&machine.data, &list, into, ListMode::Append)?;
        let speed = ENTRIES as f64 / begun.elapsed().as_secs_f64();
        assert_eq!(done.touched(), ENTRIES as u64, "every entry is new");
        let store = sync_client::store::Store::open(&machine.data)?;
        assert_eq!(store.live(&into.space())?.len(), ENTRIES, "and is read back");
        drop(store);
        fs::remove_dir_all(&machine.data)?;
        Ok(speed)
    };
    let or_panic =
        |speed: Result<f64, Failure>| speed.unwrap_or_else(|error| panic!("a round failed: {error}"));
    let measured = in_turn(
        ROUNDS,
        vec![
            Contender {
                name: "raw SQLite, the same rows and bytes",
                round: Box::new(|| or_panic(raw_round())),
            },
            Contender {
                name: "import, from the file to the disk",
                round: Box::new(|| or_panic(import_round())),
            },
        ],
    );
    println!("{what}: {count} rows, {bytes} bytes");
    report("Addresses imported", "addresses/s", &measured);
    Ok(())
}

/// In a process of its own: what it took.
fn peak_of(kind: &str, data: &str, list: &str) -> Result<(), Failure> {
    let into = if kind.starts_with("local") { Into::Local } else { Into::Group };
    let mode = if kind.ends_with("replace") { ListMode::Replace } else { ListMode::Append };
    let machine = Machine::open(data.as_ref(), Options::default())?;
    let order = ImportOrder { group: into.group(), mode, ..ImportOrder::new(list) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (begun, stages) = (Instant::now(), Mutex::new(Vec::<(String, Instant)>::new()));
    runtime.block_on(machine.import_watched(&order, Some(TOKEN), &|now| {
        let (stage, mut stages) =
            (format!("{:?}", now.stage), stages.lock().unwrap_or_else(|e| e.into_inner()));
        if stages.last().is_none_or(|(last, _)| *last != stage) {
            stages.push((stage, Instant::now()));
        }
    }))?;
    let stages = stages.into_inner()?;
    let ends = stages.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]);
    let took = stages
        .iter()
        .zip(ends)
        .map(|((stage, at), end)| format!("{} {:.2} s", stage.to_lowercase(), (end - *at).as_secs_f64()));
    let took = took.collect::<Vec<_>>().join(", ");
    println!(
        "{} {took}, in all {:.2} s",
        most_memory("self").ok_or("no VmHWM")?,
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn peaks() -> Result<(), Failure> {
    let mut over = false;
    println!("Most memory of a process that imports {ENTRIES} addresses");
    for kind in ["local", "group"] {
        let folder = tempfile::tempdir()?;
        let machine = fresh_machine(folder.path(), 0)?;
        for (round, suffix) in ["", "-replace"].into_iter().enumerate() {
            let list = file(folder.path(), round)?;
            let kind = format!("{kind}{suffix}");
            let child = Command::new(std::env::current_exe()?)
                .args(["--peak".as_ref(), kind.as_ref(), machine.data.as_os_str(), list.as_os_str()])
                .output()?;
            let said = String::from_utf8_lossy(&child.stdout).trim().to_string();
            let failed = || format!("{said} {}", String::from_utf8_lossy(&child.stderr));
            let (bytes, took) = said.split_once(' ').ok_or_else(failed)?;
            let bytes: u64 = bytes.parse().map_err(|_| failed())?;
            let verdict = if bytes < MOST { "under" } else { "OVER" };
            over |= bytes >= MOST;
            println!(
                "  {kind:<16} {:>6.1} MB, {verdict} {} MB; {took}",
                bytes as f64 / 1e6,
                MOST / 1_000_000
            );
        }
    }
    if over { Err(format!("an import took {} MB or more", MOST / 1_000_000).into()) } else { Ok(()) }
}

fn main() -> Result<(), Failure> {
    // Cargo adds a word of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--peak", kind, data, list] => peak_of(kind, data, list),
        ["--peaks"] => peaks(),
        _ => {
            peaks()?;
            measure(Into::Local, "A list of the machine")?;
            measure(Into::Group, "A list that synchronizes")
        }
    }
}

//! Rule 11 under power cuts: a whole procedure and its undo, with every write of the machine and of the server recorded and
//! cut. Each cut is before or after a step, never between; the journal says which step runs; and from a sample of the moments
//! both sides lose their power at once, after which the procedure goes on to the same end, or back to its start.
//!
//! `PROCEDURE_CUTS=all` opens every cut and tries every moment.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    cuts::{Cut, Cuts, Recorder},
    fleet::{Fleet, Machine, OTHER_SERVER},
    programs::{Programs, until},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use sync_client::machine::Options;
use sync_core::{
    id::ProcedureId,
    machine::SyncState,
    procedure::Step,
    server::{BEGUN, DELETE_STEP, ENDED},
    space::SpaceName,
};
use sync_server::store::{SqliteOptions, SqliteStore, Store as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n[[group]]\nid = \"sales\"\n";
const TWO: [(&str, &str, &str); 2] =
    [("Machine 1", "client", OTHER_SERVER), ("Machine 2", "client", OTHER_SERVER)];
const LISTS: [&[&str]; 2] = [&["--user", "alice"], &["--group", "sales"]];
const FILE: &str = "# Canon AddressBook CSV version: 0x0003\n# CharSet: UTF-8\n\n\
    objectclass,cn,mailaddress,protocol,indxid,usergroupname,loginusername,\n\
    email,\"Front desk\",\"front@file.example\",smtp,201,\"\",\"alice\",\n\
    email,\"New hall\",\"hall@file.example\",smtp,202,\"\",\"alice\",\n\
    email,\"New shop\",\"shop@file.example\",smtp,203,\"sales\",\"\",\n";
/// Where a procedure, and its undo, stand at the machine, one after the other.
const FORTH: [&str; 8] = [
    "none",
    "running join",
    "running stop",
    "running back-up",
    "running delete",
    "running import",
    "running start",
    "finished",
];
const BACK: [&str; 6] =
    ["finished", "undoing start", "undoing import", "undoing delete", "undoing stop", "undone"];

fn all() -> bool {
    std::env::var("PROCEDURE_CUTS").is_ok_and(|text| text == "all")
}

fn spaces() -> [SpaceName; 2] {
    [SpaceName::user("office", "alice"), SpaceName::group("office", "sales")]
}

/// What stands in each list, as text.
type Lists = [String; 2];

/// What a machine's folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AtMachine {
    stage: String,
    done: Vec<Step>,
    undone: usize,
    state: SyncState,
    lists: Lists,
}

/// A process that is just being started may hold the folder's lock for a moment, as a copy of this one.
fn at_machine(folder: &Path) -> AtMachine {
    let machine = loop {
        match sync_client::machine::Machine::open(folder, Options::default()) {
            Err(sync_client::Error::FolderInUse(_)) => thread::sleep(Duration::from_millis(1)),
            opened => break opened.unwrap(),
        }
    };
    let newest = machine.procedures().unwrap().into_iter().next();
    let store = machine.store();
    let stage = newest.as_ref().map_or_else(
        || "none".into(),
        |one| one.step.map_or_else(|| one.phase.clone(), |step| format!("{} {step}", one.phase)),
    );
    AtMachine {
        stage,
        done: newest.iter().flat_map(|one| &one.steps).map(|done| done.evidence.step()).collect(),
        undone: newest.map_or(0, |one| one.undone.len()),
        state: store.state(),
        lists: spaces().map(|space| format!("{:?}", store.live(&space).unwrap())),
    }
}

/// What the server's store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AtServer {
    /// Which steps are kept under the procedure: machine, back-up, delete, end, undo.
    kept: [bool; 5],
    generations: [u64; 2],
    reserved: [bool; 2],
    lists: Lists,
}

fn at_server(runtime: &Runtime, file: &Path, procedure: ProcedureId) -> AtServer {
    let store = SqliteStore::open(file, SqliteOptions::default()).unwrap();
    runtime.block_on(async {
        let mut kept = [false; 5];
        for (kept, step) in kept.iter_mut().zip([BEGUN, "back-up", DELETE_STEP, ENDED, "undo"]) {
            *kept = store.step(procedure, step.into()).await.unwrap().is_some();
        }
        let infos = store.spaces().await.unwrap();
        let reserved =
            spaces().map(|space| infos.iter().any(|one| one.space == space && one.reserved_for.is_some()));
        let (mut generations, mut lists) = ([0; 2], Lists::default());
        for (n, space) in spaces().into_iter().enumerate() {
            let content = store.space(space).await.unwrap();
            generations[n] = content.head.generation;
            let live: BTreeMap<_, _> =
                content.records.into_iter().filter_map(|(id, r)| Some((id, r.into_live()?))).collect();
            lists[n] = format!("{live:?}");
        }
        store.close().await;
        AtServer { kept, generations, reserved, lists }
    })
}

/// Both sides while something was done: all writes, and which of them were there at the same moment.
struct Recorded {
    machine: Cuts,
    server: Cuts,
    /// So many bytes of the machine's log when there were so many of the server's.
    moments: Vec<(usize, usize)>,
}

struct Office {
    folder: TempDir,
    fleet: Fleet,
    file: String,
    /// The other machine as it was when it was switched off, before all that is recorded.
    off: TempDir,
    runtime: Runtime,
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

fn remove(database: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", database.display()));
    }
}

fn log_len(database: &Path) -> usize {
    fs::metadata(format!("{}-wal", database.display())).map_or(0, |log| usize::try_from(log.len()).unwrap())
}

/// What people find at a machine; with or without the ids of entries.
fn found(machine: &Machine, ids: bool) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for list in LISTS {
        for mut entry in
            machine.ok(&[&["address", "list"], list].concat()).unwrap().as_array().unwrap().clone()
        {
            if !ids {
                entry.as_object_mut().unwrap().remove("id");
            }
            all.insert(format!("{list:?} {entry}"));
        }
    }
    for setting in machine.ok(&["get", "--user", "alice"]).unwrap().as_array().unwrap() {
        all.insert(setting.to_string());
    }
    all
}

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::built().unwrap();
        let fleet = Fleet::start(programs, folder.path(), USERS, "127.0.0.1:0", &TWO).unwrap();
        for machine in &fleet.machines {
            machine.ok(&["login", "alice"]).unwrap();
        }
        let [one, two] = &fleet.machines[..] else { panic!("two machines") };
        one.ok(&["set", "copy.copies", "7"]).unwrap();
        for (list, name) in [(0, "Front desk"), (0, "Old room"), (1, "Sales office"), (1, "Order desk")] {
            let add = ["address", "add", "--name", name, "--mail", "of@before.example"];
            one.ok(&[&add[..], LISTS[list]].concat()).unwrap();
        }
        one.ok(&["sync"]).unwrap();
        let before = found(one, true);
        assert_eq!(until(|| Ok(found(two, true)), |now| *now == before).unwrap(), before);
        two.kill();
        let off = tempfile::tempdir().unwrap();
        copy(&two.data, off.path());
        let file = folder.path().join("lists.csv");
        fs::write(&file, FILE).unwrap();
        let file = file.to_str().unwrap().into();
        Self { folder, fleet, file, off, runtime: Runtime::new().unwrap() }
    }

    fn one(&self) -> &Machine {
        &self.fleet.machines[0]
    }

    fn two(&self) -> &Machine {
        &self.fleet.machines[1]
    }

    fn databases(&self) -> [PathBuf; 2] {
        [self.one().data.join("replica.db"), self.fleet.server_data().join("store.db")]
    }

    fn procedure(&self) -> ProcedureId {
        let list = self.one().ok(&["procedure", "--list"]).unwrap();
        list[0]["procedure"].as_str().unwrap().parse().unwrap()
    }

    /// Does something at the machine, and records both sides; both are switched off then.
    fn record(&self, args: &[&str]) -> (Recorded, Value) {
        let [replica, store] = self.databases();
        // A poll may just be reading.
        let begin =
            |database: &Path| until(|| Ok(Recorder::begin(database).ok()), Option::is_some).unwrap().unwrap();
        let recorders = [begin(&replica), begin(&store)];
        let over = Arc::new(AtomicBool::new(false));
        let watch = {
            let (over, replica, store) = (Arc::clone(&over), replica.clone(), store.clone());
            thread::spawn(move || {
                let mut moments = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let machine = log_len(&replica);
                    let moment = (machine, log_len(&store));
                    // The machine wrote nothing while the server was looked at: both were there at once.
                    if log_len(&replica) == machine && moments.last() != Some(&moment) {
                        moments.push(moment);
                    }
                    thread::sleep(Duration::from_micros(50));
                }
                moments
            })
        };
        let said = self.one().ok(args).unwrap();
        self.one().kill();
        self.fleet.kill_server();
        over.store(true, Ordering::Relaxed);
        let moments = watch.join().unwrap();
        let [machine, server] = recorders.map(|recorder| recorder.end().unwrap());
        (Recorded { machine, server, moments }, said)
    }

    /// Both sides lose their power: what was written until then is there, and a torn piece of what came next. `lay_backup`
    /// lays what there is of the backup into its folder.
    fn cut(&self, recorded: &Recorded, (machine, server): (usize, usize), lay_backup: impl FnOnce(&Path)) {
        for machine in &self.fleet.machines {
            machine.kill();
        }
        self.fleet.kill_server();
        for database in self.databases() {
            remove(&database);
        }
        recorded.machine.lay(Cut::After(machine + 1_000), &self.one().data).unwrap();
        recorded.server.lay(Cut::After(server + 1_000), &self.fleet.server_data()).unwrap();
        let backups = self.fleet.server_data().join("backups");
        fs::remove_dir_all(&backups).unwrap();
        fs::create_dir(&backups).unwrap();
        lay_backup(&backups);
        remove(&self.two().data.join("replica.db"));
        copy(self.off.path(), &self.two().data);
        self.fleet.restart_server().unwrap();
        self.one().run().unwrap();
    }

    /// The backup that a procedure speaks of is there, and whole.
    fn backup_is_whole(&self, report: &Value, at: &str) {
        let name = report["steps"][2]["evidence"]["backup"].as_str().unwrap();
        let backup = rusqlite::Connection::open(self.fleet.server_data().join("backups").join(name)).unwrap();
        let found: String = backup.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let emptied: bool =
            backup.query_row("SELECT NOT EXISTS(SELECT 1 FROM record)", [], |row| row.get(0)).unwrap();
        assert_eq!((&*found, emptied), ("ok", false), "{name} after a cut {at}");
    }

    /// Both machines, and so the server, have this; the other one is switched on only now.
    fn all_have(&self, wanted: &BTreeSet<String>, ids: bool, at: &str) {
        self.two().kill();
        self.two().run().unwrap();
        for machine in &self.fleet.machines {
            let now = until(|| Ok(found(machine, ids)), |now| now == wanted).unwrap();
            assert_eq!(&now, wanted, "{} after a cut {at}", machine.name);
        }
    }
}

/// The cuts to open: whole frames, and of the torn ones and the holes those for which there is time.
fn to_open(cuts: &Cuts) -> Vec<Cut> {
    let mut open: Vec<Cut> = Vec::new();
    let mut frames = usize::MAX;
    for (n, cut) in cuts.all().enumerate() {
        let first_of_its_frames = cuts.whole_frames(cut) != frames;
        frames = cuts.whole_frames(cut);
        if all() || n % 9 == 0 || (first_of_its_frames && matches!(cut, Cut::After(_))) {
            open.push(cut);
        }
    }
    open.sort_by_key(|cut| cuts.whole_frames(*cut));
    open
}

/// Opens the machine's cuts; what was found at how many whole frames.
fn open_machine(cuts: &Cuts, stages: &[&str], allowed: impl Fn(&AtMachine, Cut)) -> Vec<(usize, AtMachine)> {
    let mut seen: Vec<(usize, AtMachine)> = Vec::new();
    let place = |stage: &str| stages.iter().position(|one| *one == stage);
    for cut in to_open(cuts) {
        let folder = tempfile::tempdir().unwrap();
        cuts.lay(cut, folder.path()).unwrap();
        let is = at_machine(folder.path());
        let stage = place(&is.stage).unwrap_or_else(|| panic!("{cut:?}: {is:?} is no stage"));
        let before = seen.last().map_or(0, |(_, before)| place(&before.stage).unwrap());
        // A hole or a torn frame ends what is found: nothing that comes later stands without what came before.
        assert!((before..=before + 1).contains(&stage), "{cut:?}: {is:?} after {:?}", seen.last());
        allowed(&is, cut);
        seen.push((cuts.whole_frames(cut), is));
    }
    let stages_seen: BTreeSet<&str> = seen.iter().map(|(_, is)| &*is.stage).collect();
    assert_eq!(stages_seen.len(), stages.len(), "{stages_seen:?}");
    seen
}

fn open_server(
    runtime: &Runtime,
    cuts: &Cuts,
    procedure: ProcedureId,
    allowed: impl Fn(&AtServer, Cut),
) -> Vec<(usize, AtServer)> {
    let mut seen: Vec<(usize, AtServer)> = Vec::new();
    for cut in to_open(cuts) {
        let folder = tempfile::tempdir().unwrap();
        cuts.lay(cut, folder.path()).unwrap();
        let is = at_server(runtime, &folder.path().join("store.db"), procedure);
        if let Some((_, before)) = seen.last() {
            let goes = before.kept.iter().zip(&is.kept).all(|(before, now)| before <= now);
            assert!(goes, "{cut:?}: {is:?} after {before:?}");
        }
        allowed(&is, cut);
        seen.push((cuts.whole_frames(cut), is));
    }
    seen
}

/// What stands at a moment: what was found with as many whole frames.
fn at<'a, T>(seen: &'a [(usize, T)], cuts: &Cuts, bytes: usize) -> &'a T {
    let frames = cuts.whole_frames(Cut::After(bytes));
    &seen.iter().rev().find(|(whole, _)| *whole <= frames).unwrap().1
}

/// Of the moments at which the machine and the server stood in the same way, the first; or all. `answers` are the stages in
/// which the machine waits for a result that the server keeps: the moment at which it is kept, and not yet told, is one
/// whether or not it was observed.
fn sample(
    recorded: &Recorded,
    machine: &[(usize, AtMachine)],
    server: &[(usize, AtServer)],
    answers: &[(&str, usize)],
) -> Vec<(usize, usize)> {
    let untold = answers.iter().map(|(stage, kept)| {
        let waits = machine.iter().rev().find(|(_, is)| is.stage == *stage).unwrap().0;
        let kept = server.iter().find(|(_, is)| is.kept[*kept]).unwrap().0;
        (recorded.machine.bytes_of(waits), recorded.server.bytes_of(kept))
    });
    let mut stood = BTreeSet::new();
    let new = |moment: &(usize, usize)| {
        let (m, s) = (at(machine, &recorded.machine, moment.0), at(server, &recorded.server, moment.1));
        stood.insert((m.stage.clone(), m.lists.clone(), s.kept, s.lists.clone())) || all()
    };
    untold.chain(recorded.moments.iter().copied()).filter(new).collect()
}

#[test]
fn a_power_cut_at_any_write_of_a_procedure_or_its_undo_leaves_before_or_after_each_step() {
    let office = Office::open();
    let (one, empty) = (office.one(), format!("{:?}", BTreeMap::<u8, u8>::new()));
    let people_before = found(one, true);

    let (forth, done) = office.record(&["procedure", &office.file]);
    let procedure: ProcedureId = done["procedure"].as_str().unwrap().parse().unwrap();
    let name = done["steps"][2]["evidence"]["backup"].as_str().unwrap();
    let backup = office.folder.path().join(name);
    fs::copy(office.fleet.server_data().join("backups").join(name), &backup).unwrap();
    office.fleet.restart_server().unwrap();
    one.run().unwrap();
    assert_eq!(office.procedure(), procedure);
    let people_after = found(one, false);
    let (back, undone) = office.record(&["procedure", "--undo"]);
    assert_eq!((&done["phase"], &undone["phase"]), (&"finished".into(), &"undone".into()));

    // The machine, forth: its lists are as before until the import, and as the file has them from then on.
    let lay = |cuts: &Cuts, cut| {
        let folder = tempfile::tempdir().unwrap();
        cuts.lay(cut, folder.path()).unwrap();
        folder
    };
    let whole = Cut::After(usize::MAX);
    let before = at_machine(lay(&forth.machine, Cut::After(0)).path()).lists;
    let after = at_machine(lay(&forth.machine, whole).path()).lists;
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    let machine_forth = open_machine(&forth.machine, &FORTH, |is, cut| {
        let place = FORTH.iter().position(|stage| *stage == is.stage).unwrap();
        assert_eq!(is.done, Step::ALL[..place.saturating_sub(1)], "{cut:?}");
        let fits = match place {
            0..=4 => is.lists == before,
            5 => is.lists == before || is.lists == after,
            _ => is.lists == after,
        };
        assert!(fits, "{cut:?} leaves something between: {is:?}");
        let stopped = is.state == SyncState::Stopped;
        assert!(stopped || !(3..=5).contains(&place), "{cut:?}: {is:?}");
    });
    // The server, forth: both lists go at once, with the step's result and the reservations, and come one by one.
    let server_forth = open_server(&office.runtime, &forth.server, procedure, |is, cut| {
        let [begun, backed_up, deleted, ended, undone] = is.kept;
        assert!(begun >= backed_up && backed_up >= deleted && deleted >= ended && !undone, "{cut:?}: {is:?}");
        if !deleted {
            assert_eq!((&is.lists, is.generations, is.reserved), (&before, [1; 2], [false; 2]), "{cut:?}");
            return;
        }
        assert_eq!(is.generations, [2; 2], "{cut:?}: {is:?}");
        for ((held, list), after) in is.reserved.into_iter().zip(&is.lists).zip(&after) {
            let here = list == after;
            assert!(here || *list == empty, "{cut:?} leaves something between: {is:?}");
            assert!(held != here, "{cut:?}: reserved until the start's changes are here: {is:?}");
        }
    });
    assert_eq!(server_forth.last().unwrap().1.lists, after);

    // And back.
    let machine_back = open_machine(&back.machine, &BACK, |is, cut| {
        let place = BACK.iter().position(|stage| *stage == is.stage).unwrap();
        assert_eq!((is.done.len(), is.undone), (6, place.saturating_sub(1)), "{cut:?}");
        let fits = match place {
            0 | 1 => is.lists == after,
            2 => is.lists == before || is.lists == after,
            // The start takes the server's: it is pulled into an empty copy.
            4 => is.lists.iter().zip(&before).all(|(is, before)| *is == empty || is == before),
            _ => is.lists == before,
        };
        assert!(fits, "{cut:?} leaves something between: {is:?}");
        assert!(is.state == SyncState::Stopped || !(2..=3).contains(&place), "{cut:?}: {is:?}");
    });
    let server_back = open_server(&office.runtime, &back.server, procedure, |is, cut| {
        let stands = if is.kept[4] { &before } else { &after };
        assert_eq!(&is.lists, stands, "{cut:?}");
        assert_eq!(
            (&is.kept[..4], is.generations, is.reserved),
            (&[true; 4][..], [2; 2], [false; 2]),
            "{cut:?}"
        );
    });
    assert!(server_back.last().unwrap().1.kept[4]);

    // Both sides are cut off at a moment, and the procedure goes on, or back.
    let resumed = |args: &[&str], phase: &str, at: &str| {
        let report = one.ok(args).unwrap_or_else(|error| panic!("{args:?} after a cut {at}: {error}"));
        assert_eq!(report["phase"], phase, "{args:?} after a cut {at}: {report}");
        if phase == "finished" {
            office.backup_is_whole(&report, at);
        }
    };
    let whole_backup = |folder: &Path| assert!(fs::copy(&backup, folder.join(name)).is_ok());
    let moments =
        sample(&forth, &machine_forth, &server_forth, &[("running back-up", 1), ("running delete", 2)]);
    let mut stages = BTreeSet::new();
    for (n, moment) in moments.iter().enumerate() {
        let (m, s) =
            (at(&machine_forth, &forth.machine, moment.0), at(&server_forth, &forth.server, moment.1));
        let told = format!("at {:?} with {:?} at the server", m.stage, s.kept);
        let is_over = matches!(&*m.stage, "none" | "finished");
        for directly_back in [false, true] {
            if directly_back && (is_over || n % 2 == 0 && !all()) {
                continue;
            }
            // Of a backup whose end the store does not know the file may be there, or a piece of it, or nothing.
            office.cut(&forth, *moment, |folder| match (s.kept[1], n % 3) {
                (true, _) | (false, 0) => whole_backup(folder),
                (false, 1) => {
                    let piece = &fs::read(&backup).unwrap()[..10_000];
                    fs::write(folder.join(format!(".{name}.partial")), piece).unwrap();
                    fs::write(folder.join(format!(".{name}.partial-journal")), piece).unwrap();
                }
                _ => {}
            });
            let stage = one.ok(&["procedure", "--list"]).unwrap()[0]["phase"].clone();
            assert_eq!(stage.as_str().unwrap_or("none"), m.stage.split(' ').next().unwrap(), "{told}");
            if !directly_back {
                if is_over {
                    assert_eq!(one.ask(&["procedure", "--resume"]).unwrap().code(), "no_procedure", "{told}");
                }
                match &*m.stage {
                    "none" => resumed(&["procedure", &office.file], "finished", &told),
                    "finished" => {}
                    _ => resumed(&["procedure", "--resume"], "finished", &told),
                }
                office.all_have(&people_after, false, &told);
            }
            resumed(&["procedure", "--undo"], "undone", &told);
            office.all_have(&people_before, true, &told);
        }
        stages.insert(m.stage.clone());
    }
    println!("forth: {} of {} moments, {stages:?}", moments.len(), forth.moments.len());
    assert!(stages.len() > 3, "{stages:?}");
    let moments = sample(&back, &machine_back, &server_back, &[("undoing delete", 4)]);
    let mut stages = BTreeSet::new();
    for (n, moment) in moments.iter().enumerate() {
        let (m, s) = (at(&machine_back, &back.machine, moment.0), at(&server_back, &back.server, moment.1));
        let told = format!("at {:?} with {:?} at the server", m.stage, s.kept);
        office.cut(&back, *moment, whole_backup);
        let how = if n % 2 == 0 && m.stage != "finished" { "--resume" } else { "--undo" };
        if m.stage != "undone" {
            resumed(&["procedure", how], "undone", &told);
        }
        office.all_have(&people_before, true, &told);
        stages.insert(m.stage.clone());
    }
    println!("back: {} of {} moments, {stages:?}", moments.len(), back.moments.len());
    assert!(stages.len() > 2, "{stages:?}");
}

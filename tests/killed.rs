//! `kill -9` of the server or of a machine at random moments under load: nothing acknowledged is lost, nothing is doubled.
//!
//! Acknowledged is an edit whose command ended well. The kills fall on requests that are not yet answered and on imports,
//! and the links drop answers between the server's write and the machine. KILL_SEED chooses other moments.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, Machine, OWN_SERVER, THREE},
    programs::{Programs, until},
    proxy::Link,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const KILLS: usize = 50;
const IMPORTED: u64 = 150;
const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n[[group]]\nid = \"sales\"\n";
const SALES: [&str; 2] = ["--group", "sales"];

/// A generator with a seed: what is drawn is the same in each run.
struct Random(u64);

impl Random {
    /// `KILL_SEED`, or the usual one.
    fn seeded(part: u64) -> Self {
        let seed: u64 = std::env::var("KILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x5eed);
        println!("KILL_SEED={seed}");
        Self(seed ^ (part << 32))
    }

    fn below(&mut self, most: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn wait(&mut self, most: u64) {
        thread::sleep(Duration::from_millis(self.below(most)));
    }
}

/// What an entry may be in the end: its mail address, or `None` where it is not there. More than one where a command was
/// cut off, so that nobody was told whether it was carried out.
type Fate = BTreeSet<Option<String>>;

/// What one person does at one machine, all the time: adds entries, and changes and removes those of before.
struct Writer {
    machine: usize,
    random: Random,
    fates: BTreeMap<String, Fate>,
    /// The entries whose ids were told.
    ids: BTreeMap<String, String>,
    acknowledged: usize,
    cut_off: usize,
}

impl Writer {
    fn new(machine: usize) -> Self {
        let random = Random::seeded(1 + machine as u64);
        Self { machine, random, fates: BTreeMap::new(), ids: BTreeMap::new(), acknowledged: 0, cut_off: 0 }
    }

    fn write(&mut self, machine: &Machine) {
        let number = self.acknowledged + self.cut_off;
        let mail = format!("{number}@writer{}.example", self.machine);
        let old: Vec<(String, String)> = self.ids.clone().into_iter().collect();
        match self.random.below(5) {
            0 | 1 if !old.is_empty() => {
                let (name, id) = self.random.pick(&old).clone();
                let args = [&["address", "edit", &id, "--mail", &mail], &SALES[..]].concat();
                self.did(&name, Some(mail.clone()), machine.ask(&args).unwrap().status);
            }
            2 if !old.is_empty() => {
                let (name, id) = self.random.pick(&old).clone();
                // Whether it is removed or not, it is not named again.
                self.ids.remove(&name);
                let args = [&["address", "remove", &id], &SALES[..]].concat();
                self.did(&name, None, machine.ask(&args).unwrap().status);
            }
            _ => {
                let name = format!("Entry {}-{number:03}", self.machine);
                let args = [&["address", "add", "--name", &name, "--mail", &mail], &SALES[..]].concat();
                let printed = machine.ask(&args).unwrap();
                if let Some(id) = printed.json["id"].as_str() {
                    self.ids.insert(name.clone(), id.into());
                }
                self.fates.insert(name.clone(), Fate::from([None]));
                self.did(&name, Some(mail), printed.status);
            }
        }
    }

    fn did(&mut self, name: &str, stands: Option<String>, status: i32) {
        let fate = self.fates.get_mut(name).unwrap();
        if status == 0 {
            self.acknowledged += 1;
            fate.clear();
        } else {
            self.cut_off += 1;
        }
        fate.insert(stands);
    }
}

/// A group's list of so many entries; the names of its entries.
fn list(path: &Path, title: &str, entries: u64) -> BTreeSet<String> {
    let mut text = String::from(
        "# Canon AddressBook CSV version: 0x0003\n# CharSet: UTF-8\n\n\
         objectclass,cn,mailaddress,protocol,indxid,usergroupname,\n",
    );
    let mut names = BTreeSet::new();
    for n in 0..entries {
        let name = format!("{title} {n:03}");
        text.push_str(&format!("email,\"{name}\",\"{n}@import.example\",smtp,{},\"sales\",\n", 201 + n));
        names.insert(name);
    }
    fs::write(path, text).unwrap();
    names
}

/// The imports so far: what each would bring in, and whether its command ended well.
#[derive(Default)]
struct Imports {
    all: Vec<(BTreeSet<String>, bool)>,
    /// How many were cut off after they had begun.
    hit: usize,
}

impl Imports {
    /// Begins an import and kills it, and the process that owns the folder, somewhere on its way.
    fn kill_one(&mut self, folder: &Path, machine: &Machine, random: &mut Random, usual: Duration) {
        // Sometimes the command has the folder to itself.
        let alone = random.below(3) == 0;
        if alone {
            machine.kill();
        }
        let file = folder.join("list.csv");
        let names = list(&file, &format!("Import {:02}", self.all.len()), IMPORTED);
        let carried = machine.link.carried();
        let args = ["import", file.to_str().unwrap(), "--item", "user-group-address-list"];
        let mut import = machine.begin(&args).unwrap();
        // It has begun when it has asked the server whether the token is an administrator's.
        let by = Instant::now() + Duration::from_secs(5);
        while machine.link.carried() == carried && import.try_wait().unwrap().is_none() && Instant::now() < by
        {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(usual.mul_f64(random.below(100) as f64 / 100.0));
        self.hit += usize::from(machine.link.carried() != carried && import.try_wait().unwrap().is_none());
        machine.kill();
        if alone || random.below(2) == 0 {
            let _ = import.kill();
        }
        // Where only the owner was killed, the command ends by itself, and says that it does not know.
        let ended_well = import.wait().unwrap().success();
        self.all.push((names, ended_well));
        random.wait(30);
        machine.run().unwrap();
    }
}

fn fleet(folder: &Path) -> Fleet {
    let fleet = Fleet::start(Programs::built().unwrap(), folder, USERS, "127.0.0.1:0", THREE).unwrap();
    for machine in &fleet.machines {
        machine.ok(&["login", "alice"]).unwrap();
    }
    fleet
}

/// Waits until a machine has nothing left to send.
fn settle(machine: &Machine) {
    let status = until(
        || {
            machine.ok(&["sync"]).ok();
            machine.ok(&["status"])
        },
        |status| status["outbox"] == 0 && status["state"] == "in-progress",
    );
    let status = status.unwrap();
    assert_eq!((&status["outbox"], &status["state"]), (&0.into(), &"in-progress".into()), "{status}");
}

/// The entries of the group's list: each name with its mail address, and no name twice.
fn entries(machine: &Machine) -> BTreeMap<String, String> {
    let printed = machine.ok(&[&["address", "list"], &SALES[..]].concat()).unwrap();
    let mut entries = BTreeMap::new();
    for entry in printed.as_array().unwrap() {
        let word = |key: &str| entry[key].as_str().unwrap_or_default().to_string();
        let doubled = entries.insert(word("name"), word("mail"));
        assert_eq!(doubled, None, "{}: {} is doubled", machine.name, word("name"));
    }
    entries
}

#[test]
fn fifty_kills_lose_nothing_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut fleet = fleet(folder.path());
    let mut random = Random::seeded(0);
    let usual = {
        let file = folder.path().join("list.csv");
        list(&file, "Measured", IMPORTED);
        let args = ["import", file.to_str().unwrap(), "--item", "user-group-address-list"];
        let begun = Instant::now();
        fleet.machines[2].ok(&args).unwrap();
        begun.elapsed()
    };
    let mut imports = Imports::default();
    let (mut on_server, mut on_machine) = (0, 0);
    let over = AtomicBool::new(false);
    let kills = AtomicUsize::new(0);
    let machines = &fleet.machines;
    let writers: Vec<Writer> = thread::scope(|scope| {
        let writing: Vec<_> = (0..2)
            .map(|machine| {
                let (over, kills) = (&over, &kills);
                scope.spawn(move || {
                    let mut writer = Writer::new(machine);
                    // The kills set the pace: the lists must not grow with the speed of the computer.
                    while !over.load(Ordering::Relaxed) {
                        if writer.acknowledged + writer.cut_off < 12 * (1 + kills.load(Ordering::Relaxed)) {
                            writer.write(&machines[machine]);
                        } else {
                            thread::sleep(Duration::from_millis(1));
                        }
                    }
                    writer
                })
            })
            .collect();
        while kills.load(Ordering::Relaxed) < KILLS {
            // Some of the time one link loses the answers to what its machine sends.
            let losing = (random.below(2) == 0).then(|| random.pick(machines));
            if let Some(machine) = losing {
                let before = machine.link.dropped();
                machine.link.set(Link::DropsAnswers);
                let by = Instant::now() + Duration::from_secs(1);
                while machine.link.dropped() == before && Instant::now() < by {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            random.wait(80);
            let at = random.below(10);
            if at.is_multiple_of(2) {
                // Now at a moment when somebody waits for an answer.
                let by = Instant::now() + Duration::from_millis(300);
                while !machines[..2].iter().any(|machine| machine.link.is_asking()) && Instant::now() < by {
                    thread::sleep(Duration::from_micros(200));
                }
            }
            match at {
                0..4 => {
                    fleet.kill_server();
                    on_server += 1;
                    random.wait(100);
                    fleet.restart_server().unwrap();
                }
                4..7 => {
                    let machine = &machines[usize::try_from(random.below(2)).unwrap()];
                    machine.kill();
                    on_machine += 1;
                    random.wait(60);
                    machine.run().unwrap();
                }
                _ => imports.kill_one(folder.path(), &machines[2], &mut random, usual),
            }
            kills.fetch_add(1, Ordering::Relaxed);
            if let Some(machine) = losing {
                machine.link.set(Link::Up);
            }
        }
        over.store(true, Ordering::Relaxed);
        writing.into_iter().map(|writer| writer.join().unwrap()).collect()
    });

    for machine in &fleet.machines {
        settle(machine);
    }
    // Another machine, which comes only now, reads what the server has.
    fleet.add("Machine 4", "client", OWN_SERVER).unwrap();
    fleet.machines[3].ok(&["login", "alice"]).unwrap();
    let server = fleet.server_command(&["spaces"]).unwrap();
    let sales = server.as_array().unwrap().iter().find(|space| space["space"] == "office/group/sales");
    let records = usize::try_from(sales.unwrap()["records"].as_u64().unwrap()).unwrap();
    let there = until(|| Ok(entries(&fleet.machines[3])), |entries| entries.len() == records).unwrap();
    assert_eq!(there.len(), records);
    for machine in &fleet.machines {
        let found = until(|| Ok(entries(machine)), |found| *found == there).unwrap();
        assert_eq!(found, there, "{} has what the server has", machine.name);
        let status = machine.ok(&["status"]).unwrap();
        assert_eq!(status["superseded"], 0, "{}: nobody wrote beside the one writer", machine.name);
    }
    let mut known: BTreeSet<String> = (0..IMPORTED).map(|n| format!("Measured {n:03}")).collect();
    for (name, fate) in writers.iter().flat_map(|writer| &writer.fates) {
        let stands = there.get(name).cloned();
        assert!(fate.contains(&stands), "{name} is {stands:?}, not one of {fate:?}");
        known.insert(name.clone());
    }
    for (names, ended_well) in &imports.all {
        let found = names.iter().filter(|name| there.contains_key(*name)).count();
        let whole = found == names.len();
        assert!(whole || (found == 0 && !ended_well), "{found} of {}, ended well: {ended_well}", names.len());
        known.extend(names.iter().cloned());
    }
    let unknown: Vec<_> = there.keys().filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "nobody wrote {unknown:?}");

    // That all of it was put to the test.
    let sum = |count: fn(&Writer) -> usize| writers.iter().map(count).sum::<usize>();
    let (acknowledged, cut_off) = (sum(|w| w.acknowledged), sum(|w| w.cut_off));
    let unanswered: u64 = fleet.machines.iter().map(|machine| machine.link.cut_off()).sum();
    let dropped: u64 = fleet.machines.iter().map(|machine| machine.link.dropped()).sum();
    let told = format!(
        "{on_server} kills of the server, {on_machine} of machines, {} of imports ({} of which had begun); \
         {unanswered} requests were not answered, {dropped} answers were dropped; {acknowledged} edits were \
         acknowledged, {cut_off} cut off",
        imports.all.len(),
        imports.hit
    );
    println!("{told}");
    assert!(on_server > 5 && on_machine > 5 && imports.hit > 2, "{told}");
    assert!(unanswered > 5 && dropped > 5 && acknowledged > 100, "{told}");
}

/// The journal of a procedure, and the steps of which somebody was told.
fn steps(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().map_or(&[][..], Vec::as_slice);
    steps.iter().filter_map(|step| step["evidence"]["step"].as_str()).collect()
}

#[test]
fn a_killed_procedure_goes_on_and_brings_its_lists_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet(folder.path());
    let mut random = Random::seeded(9);
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    let file: PathBuf = folder.path().join("list.csv");
    let (mut resumed, mut done_before) = (0, BTreeSet::new());
    for round in 0..20 {
        let names = list(&file, &format!("Round {round:02}"), 60);
        let mut running = one.begin(&["procedure", file.to_str().unwrap()]).unwrap();
        random.wait(220);
        if random.below(2) == 0 {
            one.kill();
            random.wait(30);
            one.run().unwrap();
        } else {
            fleet.kill_server();
            random.wait(30);
            fleet.restart_server().unwrap();
        }
        let ended_well = running.wait().unwrap().success();
        let journal = one.ok(&["procedure", "--list"]).unwrap();
        match journal.as_array().and_then(|all| all.first()) {
            Some(report) if report["phase"] != "finished" => {
                assert!(!ended_well, "{report}");
                done_before.insert(steps(report).len());
                resumed += 1;
                let report = until(
                    || Ok(one.ask(&["procedure", "--resume"])?.json),
                    |report| report["phase"] == "finished",
                )
                .unwrap();
                assert_eq!(
                    steps(&report),
                    ["join", "stop", "back-up", "delete", "import", "start"],
                    "{report}"
                );
            }
            // It was killed before it began, or after it ended.
            _ if !ended_well => drop(one.ok(&["procedure", file.to_str().unwrap()]).unwrap()),
            _ => {}
        }
        let wanted: Vec<String> = names.into_iter().collect();
        for machine in [one, two] {
            let found = until(|| machine.names(&SALES), |found| *found == wanted).unwrap();
            assert_eq!(found, wanted, "round {round}, {}", machine.name);
        }
    }
    println!("{resumed} procedures were resumed, after {done_before:?} steps");
    assert!(resumed > 2 && done_before.len() > 1, "{resumed} {done_before:?}");
}

/// Kills the machine or the server while a command runs; says whether the command ended well.
fn kill_during(fleet: &Fleet, machine: &Machine, args: &[&str], random: &mut Random, most: u64) -> bool {
    let mut running = machine.begin(args).unwrap();
    random.wait(most);
    if random.below(2) == 0 {
        machine.kill();
        random.wait(30);
        machine.run().unwrap();
    } else {
        fleet.kill_server();
        random.wait(30);
        fleet.restart_server().unwrap();
    }
    running.wait().unwrap().success()
}

#[test]
fn a_killed_undo_goes_on_and_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet(folder.path());
    let mut random = Random::seeded(11);
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    one.ok(&["set", "display-language", "ja"]).unwrap();
    for n in 0..5 {
        let name = format!("Of before {n}");
        one.ok(&[&["address", "add", "--name", &name, "--mail", "b@x.example"], &SALES[..]].concat())
            .unwrap();
    }
    one.ok(&["sync"]).unwrap();
    // With ids and all fields.
    let list = |machine: &Machine| machine.ok(&[&["address", "list"], &SALES[..]].concat());
    let before = list(one).unwrap();
    let file: PathBuf = folder.path().join("list.csv");
    let (mut cut_off, mut undone_before) = (0, BTreeSet::new());
    for round in 0..10 {
        list_of(&file, round);
        // The procedure itself is killed too: what is undone is finished, failed, or somewhere between.
        if random.below(3) == 0 {
            kill_during(&fleet, one, &["procedure", file.to_str().unwrap()], &mut random, 250);
        } else {
            one.ok(&["procedure", file.to_str().unwrap()]).unwrap();
        }
        let began = |report: &Value| report["procedure"].as_str().map(String::from);
        let newest = one.ok(&["procedure", "--list"]).unwrap()[0].clone();
        if newest["phase"] == "undone" || newest.is_null() {
            // It was killed before it began.
            continue;
        }
        let id = began(&newest).unwrap();
        for _ in 0..2 {
            if !kill_during(&fleet, one, &["procedure", "--undo", &id], &mut random, 200) {
                let report = one.ok(&["procedure", "--show", &id]).unwrap();
                undone_before.insert(report["undone"].as_array().unwrap().len());
                cut_off += 1;
            }
        }
        // By `--undo` or by `--resume`, whichever fits, until it is over.
        let last = until(
            || {
                one.ask(&["procedure", if random.below(2) == 0 { "--undo" } else { "--resume" }])?;
                one.ok(&["procedure", "--show", &id])
            },
            |report| report["phase"] == "undone",
        )
        .unwrap();
        assert_eq!(last["phase"], "undone", "round {round}: {last}");
        for machine in [one, two] {
            let found = until(|| list(machine), |found| *found == before).unwrap();
            assert_eq!(found, before, "round {round}, {}", machine.name);
            let setting =
                until(|| machine.ok(&["get", "display-language"]), |setting| setting["value"] == "ja");
            assert_eq!(setting.unwrap()["value"], "ja");
        }
    }
    println!("{cut_off} undoes were cut off, after {undone_before:?} steps");
    assert!(cut_off > 2 && undone_before.len() > 1, "{cut_off} {undone_before:?}");
}

fn list_of(file: &Path, round: u64) -> BTreeSet<String> {
    list(file, &format!("Round {round:02}"), 60)
}

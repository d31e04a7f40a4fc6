//! Random histories of three machines and a server: stop, back up, delete, import, start, edit, sync. The machines keep
//! their replicas in SQLite files, as in a device; data folders are put back to earlier copies; answers are lost.
//!
//! Checked throughout: nothing that was acknowledged is lost, what is denied changes nothing, and in the end all agree.
//! Whether an import is denied is judged by a reference model of the rules that imports nothing of the crates.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::rules_model::{self, Asked};
use proptest::{prelude::*, test_runner::TestRunner};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use sync_client::store::{Batch, Edit, Identity, Plan, Store};
use sync_core::{
    address::{Address, AddressKind},
    change::{Author, Operation},
    id::{Epoch, Incarnation, MachineId, RecordId, ServerId, SnapshotId},
    import,
    item::Item,
    machine::{DestinationAddress, Machine as Facts, Role, SyncState},
    procedure::ListMode,
    protocol::{Limits, Reply, RestoreMode, SyncAnswer},
    record::{Lost, Record, Superseded},
    rules::{self, Question},
    server::{self, Action, Answer, Event, PastEpoch, Request, Scope, Session, StoreHead, memory::Memory},
    space::SpaceName,
    time::Timestamp,
    value::Value,
};
use tempfile::TempDir;
use uuid::Uuid;

const MACHINES: usize = 3;
const ROLES: [Role; MACHINES] = [Role::Client, Role::Client, Role::ServerWithClient];
const DESTINATIONS: [&str; 3] = ["localhost:8443", "127.0.0.1:8443", "server.example"];

#[derive(Debug, Clone)]
enum Step {
    Edit {
        machine: usize,
        space: usize,
        record: u128,
    },
    Remove {
        machine: usize,
        space: usize,
        record: u128,
    },
    Sync {
        machine: usize,
        lost: bool,
    },
    Stop {
        machine: usize,
    },
    Start {
        machine: usize,
    },
    Destination {
        machine: usize,
        which: usize,
    },
    Import {
        machine: usize,
        space: usize,
        entries: usize,
        replace: bool,
    },
    BackUp,
    Delete {
        space: usize,
    },
    BringBack {
        space: usize,
    },
    Restore,
    /// The server's disk is lost, and the backup put in its place.
    Recover,
    /// The server forgets what every machine has read.
    Prune {
        space: usize,
    },
    /// The data folder is copied, or put back.
    Copy {
        machine: usize,
    },
    PutBack {
        machine: usize,
    },
    /// It is put back to where it had something to send, after it sent that and more.
    TurnBack {
        machine: usize,
        space: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let m = 0..MACHINES;
    prop_oneof![
        8 => (m.clone(), 0..2_usize, 1..4_u128).prop_map(|(machine, space, record)| Step::Edit { machine, space, record }),
        2 => (m.clone(), 0..2_usize, 1..4_u128).prop_map(|(machine, space, record)| Step::Remove { machine, space, record }),
        8 => (m.clone(), prop::bool::weighted(0.3)).prop_map(|(machine, lost)| Step::Sync { machine, lost }),
        1 => m.clone().prop_map(|machine| Step::Stop { machine }),
        2 => m.clone().prop_map(|machine| Step::Start { machine }),
        1 => (m.clone(), 0..3_usize).prop_map(|(machine, which)| Step::Destination { machine, which }),
        4 => (m.clone(), 0..2_usize, 1..4_usize, any::<bool>())
            .prop_map(|(machine, space, entries, replace)| Step::Import { machine, space, entries, replace }),
        1 => Just(Step::BackUp),
        1 => (0..2_usize).prop_map(|space| Step::Delete { space }),
        1 => (0..2_usize).prop_map(|space| Step::BringBack { space }),
        1 => Just(Step::Restore),
        1 => Just(Step::Recover),
        1 => (0..2_usize).prop_map(|space| Step::Prune { space }),
        2 => m.clone().prop_map(|machine| Step::Copy { machine }),
        2 => m.clone().prop_map(|machine| Step::PutBack { machine }),
        1 => (m, 0..2_usize).prop_map(|(machine, space)| Step::TurnBack { machine, space }),
    ]
}

/// What happened over the whole run.
#[derive(Debug, Default)]
struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    fn add(&mut self, what: &'static str, n: u64) {
        *self.0.entry(what).or_default() += n;
    }
}

struct Fleet {
    folder: TempDir,
    stores: Vec<Option<Store>>,
    destinations: [usize; MACHINES],
    server: Memory,
    backup: Option<Memory>,
    copies: BTreeSet<usize>,
    now: Timestamp,
    drawn: u128,
    next: i64,
    /// Values that the server acknowledged: to the machine that wrote them, in an answer that arrived.
    acknowledged: BTreeSet<i64>,
    /// Values that a whole-store restore replaced; the replaced store is kept as a file.
    replaced: BTreeSet<i64>,
    /// Values that were on the server's disk when it was lost, and at a machine: they come back.
    owed: BTreeSet<i64>,
    counts: Counts,
}

fn spaces() -> [SpaceName; 2] {
    [SpaceName::user("office", "alice"), SpaceName::group("office", "sales")]
}

fn server_id() -> ServerId {
    ServerId(Uuid::from_u128(5))
}

fn machine_id(machine: usize) -> MachineId {
    MachineId(Uuid::from_u128(0xaa00 + machine as u128))
}

/// The number in an address's name: every one is unique, so it tells which edit wrote it.
fn number(value: &Value) -> Option<i64> {
    value.as_text()?.strip_prefix("Desk ")?.parse().ok()
}

fn address(n: i64) -> Address {
    Address {
        kind: AddressKind::Email,
        name: format!("Desk {n}"),
        mail: format!("desk{n}@branch.example"),
        ..Address::default()
    }
}

impl Fleet {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let epoch = Epoch { restores: 0, draw: Uuid::from_u128(0xe) };
        let mut fleet = Self {
            stores: Vec::new(),
            destinations: [1, 1, 0],
            server: Memory::new(StoreHead { epoch, lineage: Vec::new(), position: 0 }),
            backup: None,
            copies: BTreeSet::new(),
            now: Timestamp(1),
            drawn: 0,
            next: 0,
            acknowledged: BTreeSet::new(),
            replaced: BTreeSet::new(),
            owed: BTreeSet::new(),
            counts: Counts::default(),
            folder,
        };
        for (machine, role) in ROLES.into_iter().enumerate() {
            let known = server::Machine {
                name: format!("Machine {}", machine + 1),
                token: [u8::try_from(machine).unwrap(); 32],
                scope: Scope::All,
                enrolled: Timestamp(0),
            };
            fleet.server.machines.insert(machine_id(machine), known);
            fleet.commit(Request::Membership {
                machine: machine_id(machine),
                login: Some("alice".into()),
                join: spaces().to_vec(),
                leave: vec![],
                now: Timestamp(1),
            });
            fs::create_dir(fleet.path(machine)).unwrap();
            let mut store = Store::open(&fleet.path(machine)).unwrap();
            let identity = Identity {
                machine: Some(machine_id(machine)),
                role: Some(role),
                server: Some(server_id()),
                realm: Some("office".into()),
                ..Identity::default()
            };
            store.set_identity(identity).unwrap();
            store.set_state(SyncState::InProgress).unwrap();
            store.join(&spaces()).unwrap();
            fleet.stores.push(Some(store));
        }
        fleet
    }

    fn path(&self, machine: usize) -> PathBuf {
        self.folder.path().join(format!("machine-{machine}"))
    }

    fn store(&mut self, machine: usize) -> &mut Store {
        self.stores[machine].as_mut().unwrap()
    }

    fn draw(&mut self) -> Uuid {
        self.drawn += 1;
        Uuid::from_u128(0x1000_0000 + self.drawn)
    }

    fn commit(&mut self, request: Request) -> Answer {
        self.server.commit(vec![request], &Limits::default()).remove(0)
    }

    fn author(&self) -> Author {
        Author { person: Some("alice".into()), time: self.now, import: None }
    }

    fn take(&mut self, step: Step) {
        self.now = Timestamp(self.now.0 + 1);
        match step {
            Step::Edit { machine, space, record } => {
                self.next += 1;
                let fields = address(self.next).to_fields();
                let set = fields.into_iter().map(|(name, value)| (name, Some(value))).collect();
                self.edit(machine, space, RecordId(Uuid::from_u128(record)), Operation::Edit(set));
            }
            Step::Remove { machine, space, record } => {
                self.edit(machine, space, RecordId(Uuid::from_u128(record)), Operation::Delete);
            }
            Step::Sync { machine, lost } => drop(self.round(machine, lost)),
            Step::Stop { machine } => self.store(machine).set_state(SyncState::Stopped).unwrap(),
            Step::Start { machine } => self.start(machine),
            Step::Destination { machine, which } => self.destinations[machine] = which,
            Step::Import { machine, space, entries, replace } => {
                self.import(machine, space, entries, replace)
            }
            Step::BackUp => self.backup = Some(self.server.clone()),
            Step::Delete { space } => {
                let snapshot = SnapshotId(self.draw());
                let request = Request::Delete {
                    spaces: vec![(spaces()[space].clone(), snapshot)],
                    by: "administrator".into(),
                    procedure: None,
                    now: self.now,
                };
                assert!(matches!(self.commit(request), Answer::Deleted(_)));
                self.counts.add("deletions", 1);
            }
            Step::BringBack { space } => self.bring_back(space),
            Step::Restore => {
                self.replaced.extend(at_server(&self.server));
                self.restore(RestoreMode::Rollback);
            }
            Step::Recover => {
                if self.backup.is_none() {
                    return;
                }
                let mut gone = at_server(&self.server);
                for machine in 0..MACHINES {
                    let seen = self.seen_at(machine);
                    self.owed.extend(gone.intersection(&seen));
                    gone.retain(|value| !seen.contains(value));
                }
                self.replaced.extend(gone);
                self.restore(RestoreMode::Recover);
            }
            Step::Prune { space } => self.prune(space),
            Step::Copy { machine } => {
                // Between two writes, as the snapshot of a virtual machine's disk: the machine goes on in the same
                // incarnation.
                copy_folder(&self.path(machine), &self.path(machine).with_extension("copy"));
                self.copies.insert(machine);
            }
            Step::TurnBack { machine, space } => {
                let edit = |record| Step::Edit { machine, space, record };
                for step in [
                    edit(1),
                    Step::Copy { machine },
                    edit(2),
                    Step::Sync { machine, lost: false },
                    Step::PutBack { machine },
                    edit(3),
                ] {
                    self.take(step);
                }
            }
            Step::PutBack { machine } => {
                if self.copies.contains(&machine) {
                    // What it alone could have given back is gone.
                    let (seen, kept) = (self.seen_at(machine), at_server(&self.server));
                    self.replaced.extend(seen.difference(&kept));
                    self.stores[machine] = None;
                    copy_folder(&self.path(machine).with_extension("copy"), &self.path(machine));
                    self.stores[machine] = Some(Store::open(&self.path(machine)).unwrap());
                }
            }
        }
        self.nothing_acknowledged_is_lost();
    }

    fn edit(&mut self, machine: usize, space: usize, record: RecordId, operation: Operation) {
        let author = self.author();
        let space = spaces()[space].clone();
        if self.store(machine).is_member(&space).unwrap() {
            self.store(machine).edit(&space, record, operation, author).unwrap();
        }
    }

    fn start(&mut self, machine: usize) {
        if self.store(machine).state() == SyncState::Stopped {
            self.store(machine).set_state(SyncState::Starting).unwrap();
        }
    }

    /// One round trip. Says whether something is left to do.
    fn round(&mut self, machine: usize, lost: bool) -> bool {
        let now = self.now;
        let Some(plan) = self.store(machine).plan(now).unwrap() else { return false };
        let answer = self.answer(machine, &plan);
        if lost {
            self.counts.add("answers lost", 1);
            return true;
        }
        let pushed: BTreeSet<i64> = plan
            .request
            .spaces
            .iter()
            .zip(&answer.spaces)
            .filter(|(_, said)| matches!(said.reply, Reply::Ok(_)))
            .flat_map(|(asked, _)| asked.changes.iter().flat_map(written))
            .collect();
        let report = self.store(machine).absorb(&plan, answer, Duration::ZERO, now).unwrap();
        self.acknowledged.extend(pushed);
        if !report.outcome.unstarted && self.store(machine).state() == SyncState::Starting {
            self.store(machine).set_state(SyncState::InProgress).unwrap();
            self.counts.add("starts", 1);
        }
        self.counts.add("set aside", report.set_aside.len() as u64);
        report.outcome.to_do || report.outcome.unstarted
    }

    fn answer(&mut self, machine: usize, plan: &Plan) -> SyncAnswer {
        let before: BTreeMap<SpaceName, u64> =
            self.server.spaces.iter().map(|(name, space)| (name.clone(), space.head.head)).collect();
        let mut session = Session::new(server_id(), machine_id(machine));
        let heads = self.server.heads();
        let mut action = session.handle(Event::Asked(plan.request.clone(), &heads), self.now);
        if let Action::Commit(requests) = action {
            let answers = self.server.commit(requests, &Limits::default());
            action = session.handle(Event::Committed(answers, &self.server.heads()), self.now);
        }
        let Action::Reply(answer) = action else { panic!("no reply: {action:?}") };
        for (asked, said) in plan.request.spaces.iter().zip(&answer.spaces) {
            match &said.reply {
                Reply::Ok(page) => {
                    let accepted = page.head.saturating_sub(before.get(&asked.space).copied().unwrap_or(0));
                    self.counts.add("repeats", (asked.changes.len() as u64).saturating_sub(accepted));
                }
                Reply::Fork(_) => self.counts.add("forks", 1),
                _ => {}
            }
        }
        answer
    }

    fn import(&mut self, machine: usize, space: usize, entries: usize, replace: bool) {
        let destination = DESTINATIONS[self.destinations[machine]];
        let state = self.store(machine).state();
        let item = if space == 0 { Item::PersonalAddressList } else { Item::UserGroupAddressList };
        let facts = Facts::new(ROLES[machine], state, destination.parse::<DestinationAddress>().unwrap())
            .with_administrator(true);
        let decision = rules::decide(&facts, &Question::new(rules::Operation::Import, item, self.now));
        let asked = Asked {
            role: ROLES[machine].as_str(),
            state: state.as_str(),
            destination,
            operation: "import",
            item: item.as_str(),
            administrator: true,
            languages: None,
        };
        let expected = rules_model::expected(&asked);
        let got = decision.as_ref().err().map(|denied| (denied.code.as_str(), denied.rule.as_str()));
        assert_eq!(got, expected, "{asked:?}");
        if decision.is_err() {
            self.counts.add("denials", 1);
            return;
        }
        let space = spaces()[space].clone();
        if !self.store(machine).is_member(&space).unwrap() {
            return;
        }
        let existing = self.store(machine).live(&space).unwrap();
        // Some of what is there already, and some new entries.
        let there = existing.values().filter_map(|fields| Address::from_fields(fields.clone()));
        let mut incoming: Vec<Address> = there.take(entries / 2).collect();
        while incoming.len() < entries {
            self.next += 1;
            incoming.push(address(self.next));
        }
        let mode = if replace { ListMode::Replace } else { ListMode::Append };
        let rows = incoming.iter().cloned().map(Into::into).collect();
        let plan = import::plan(&existing, rows, mode, &mut || RecordId(self.draw()));
        let edits = plan
            .operations()
            .map(|(record, operation)| Edit { space: space.clone(), record, operation })
            .collect();
        let author = self.author();
        self.store(machine).apply(&Batch { edits, author, keep: None }).unwrap();
        let now: Vec<Address> = self
            .store(machine)
            .live(&space)
            .unwrap()
            .into_values()
            .filter_map(Address::from_fields)
            .collect();
        for address in &incoming {
            assert!(now.contains(address), "what was imported is there: {address:?}");
        }
        if replace {
            assert_eq!(now.len(), incoming.len(), "a replaced list holds what was imported and nothing else");
        }
        self.counts.add("imports", 1);
    }

    fn bring_back(&mut self, space: usize) {
        let name = spaces()[space].clone();
        let Some(kept) = self.backup.as_ref().and_then(|backup| backup.spaces.get(&name)).cloned() else {
            return;
        };
        let records: Vec<_> = kept
            .records
            .iter()
            .filter_map(|(id, record)| {
                let live = record.live()?;
                Some((*id, live.into_iter().map(|(name, value)| (name.to_string(), value.clone())).collect()))
            })
            .collect();
        let (incarnation, snapshot) = (Incarnation(self.draw()), SnapshotId(self.draw()));
        let author = self.author();
        let expected: Vec<(RecordId, BTreeMap<String, Value>)> = records.clone();
        let request = Request::BringBack { space: name.clone(), records, incarnation, snapshot, author };
        assert!(matches!(self.commit(request), Answer::BroughtBack { .. }));
        for (id, fields) in expected {
            let record = &self.server.spaces[&name].records[&id];
            for (field, value) in fields {
                assert_eq!(record.get(&field), Some(&value), "what was brought back stands");
            }
        }
        self.counts.add("brought back", 1);
    }

    /// The values that people see at a machine.
    fn seen_at(&mut self, machine: usize) -> BTreeSet<i64> {
        let live = spaces().map(|name| self.store(machine).live(&name).unwrap_or_default());
        let fields = live.into_iter().flat_map(BTreeMap::into_values);
        fields.filter_map(|fields| number(fields.get("name")?)).collect()
    }

    /// The values in what a machine has set aside, and in what was superseded there.
    fn kept_at(&mut self, machine: usize) -> BTreeSet<i64> {
        let store = self.store(machine);
        let mut kept = BTreeSet::new();
        for row in store.snapshots().unwrap() {
            let snapshot = store.snapshot(row.id).unwrap();
            kept.extend(snapshot.records.iter().filter_map(|(_, record)| name_in(record)));
            kept.extend(snapshot.outbox.iter().flat_map(written));
            kept.extend(snapshot.superseded.iter().filter_map(superseded_value));
        }
        let lost = store.superseded().unwrap().into_iter();
        kept.into_iter().chain(lost.filter_map(|row| superseded_value(&row.lost))).collect()
    }

    /// What everybody has read is forgotten, unless a backup may still bring it back.
    fn prune(&mut self, space: usize) {
        for machine in (0..MACHINES).cycle().take(3 * MACHINES) {
            self.round(machine, false);
        }
        let name = spaces()[space].clone();
        let head = |memory: &Memory| memory.spaces.get(&name).map(|space| space.head);
        let old = match (self.backup.as_ref().map(head), head(&self.server)) {
            (None, _) => u64::MAX,
            (Some(Some(backup)), Some(now)) if backup.generation == now.generation => backup.head,
            _ => 0,
        };
        let members = (0..MACHINES).map(machine_id).collect();
        let before = head(&self.server).map_or(0, |head| head.horizon);
        let Answer::Pruned(horizon) = self.commit(Request::Prune { space: name, old, members }) else {
            panic!("not pruned")
        };
        self.counts.add("horizons raised", u64::from(horizon > before));
    }

    fn restore(&mut self, mode: RestoreMode) {
        let Some(backup) = self.backup.clone() else { return };
        let members: BTreeMap<_, _> =
            self.server.spaces.iter().map(|(name, space)| (name.clone(), space.members.clone())).collect();
        let position = self.server.store.position.max(backup.store.position) + 1;
        let heads =
            backup.spaces.iter().map(|(n, s)| (n.clone(), (s.head.generation, s.head.head))).collect();
        let past = PastEpoch { epoch: backup.store.epoch, mode, heads };
        self.server = backup;
        self.server.store.lineage.push(past);
        let draw = self.draw();
        self.server.store.epoch = Epoch { restores: self.server.store.epoch.restores + 1, draw };
        self.server.store.position = position;
        for (name, members) in members {
            self.server.spaces.entry(name).or_default().members = members;
        }
        self.counts.add(if mode == RestoreMode::Recover { "recoveries" } else { "restores" }, 1);
    }

    /// Its value is live, superseded, in the history or in a snapshot.
    fn nothing_acknowledged_is_lost(&mut self) {
        let mut somewhere = at_server(&self.server);
        somewhere.extend(&self.replaced);
        // What is still to be given back is looked for once all have spoken.
        for value in self.acknowledged.difference(&self.owed) {
            assert!(somewhere.contains(value), "the acknowledged value {value} is lost");
        }
    }

    fn settle(&mut self) {
        for machine in 0..MACHINES {
            self.start(machine);
        }
        for _ in 0..3 {
            for machine in 0..MACHINES {
                for left in (0..300).rev() {
                    if !self.round(machine, false) {
                        break;
                    }
                    assert!(left > 0, "machine {machine} never comes to rest");
                }
            }
        }
        self.nothing_acknowledged_is_lost();
        let mut kept = at_server(&self.server);
        kept.extend(&self.replaced);
        for machine in 0..MACHINES {
            kept.extend(self.kept_at(machine));
        }
        for value in self.acknowledged.intersection(&self.owed) {
            assert!(kept.contains(value), "the acknowledged value {value} did not come back");
        }
        let given_back = self.server.spaces.values().flat_map(|space| &space.history);
        self.counts.add("given back", given_back.filter(|batch| batch.given_back.is_some()).count() as u64);
        for machine in 0..MACHINES {
            for name in spaces() {
                let server = self.server.spaces.get(&name).cloned().unwrap_or_default();
                let live: BTreeMap<RecordId, BTreeMap<String, Value>> =
                    server.records.iter().filter_map(|(id, record)| Some((*id, fields(record)?))).collect();
                assert_eq!(
                    self.store(machine).live(&name).unwrap(),
                    live,
                    "machine {machine} agrees on {name}"
                );
                let standing = self.store(machine).spaces().unwrap();
                let standing = standing.iter().find(|space| space.name == name).unwrap();
                assert_eq!((standing.outbox, standing.head.seen), (0, server.head.head));
                assert_eq!(standing.head.digest, server.head.digest, "machine {machine} agrees on {name}");
            }
        }
        let conflicts = self.server.spaces.values().flat_map(|space| &space.superseded);
        let conflicts = conflicts.filter(|s| matches!(s.what, Lost::Field(..) | Lost::Deletion)).count();
        self.counts.add("conflicts", conflicts as u64);
    }
}

fn fields(record: &Record) -> Option<BTreeMap<String, Value>> {
    Some(record.live()?.into_iter().map(|(name, value)| (name.to_string(), value.clone())).collect())
}

fn written(change: &sync_core::change::Change) -> Vec<i64> {
    match &change.operation {
        Operation::Edit(fields) => fields.get("name").and_then(|v| number(v.as_ref()?)).into_iter().collect(),
        Operation::Delete => Vec::new(),
    }
}

/// Every value in the server's history, superseded values and snapshots.
fn at_server(server: &Memory) -> BTreeSet<i64> {
    let history = server.spaces.values().flat_map(|s| &s.history).flat_map(|batch| &batch.changes);
    let mut values: BTreeSet<i64> = history.flat_map(written).collect();
    for superseded in server.spaces.values().flat_map(|space| &space.superseded) {
        values.extend(superseded_value(superseded));
    }
    for record in server.spaces.values().flat_map(|space| space.records.values()) {
        values.extend(name_in(record));
    }
    values
}

/// The value that a record has, or had before it was deleted.
fn name_in(record: &Record) -> Option<i64> {
    number(record.fields.get("name")?.value.as_ref()?)
}

fn superseded_value(superseded: &Superseded) -> Option<i64> {
    match &superseded.what {
        Lost::Field(name, Some(value)) if name == "name" => number(value),
        _ => None,
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_denied_means_unchanged_and_all_converge() {
    let totals = RefCell::new(Counts::default());
    // PROPTEST_CASES runs more.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 20..70), |steps| {
            let mut fleet = Fleet::new();
            for step in steps {
                fleet.take(step);
            }
            fleet.settle();
            for (what, n) in fleet.counts.0 {
                totals.borrow_mut().add(what, n);
            }
            Ok(())
        })
        .unwrap();
    let totals = totals.into_inner().0;
    println!("{totals:?}");
    for what in [
        "conflicts",
        "denials",
        "repeats",
        "forks",
        "deletions",
        "imports",
        "starts",
        "set aside",
        "restores",
        "recoveries",
        "given back",
        "horizons raised",
        "brought back",
        "answers lost",
    ] {
        assert!(totals.get(what).is_some_and(|n| *n > 0), "{what} never happened");
    }
}

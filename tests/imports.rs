//! Imports at a machine, through the real program: planned, applied, cancelled, undone, redone, and cut off by a power
//! failure at every write.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    cuts::{Cuts, Recorder},
    fleet::{Fleet, OTHER_SERVER, OWN_SERVER},
    measure::most_memory,
    offline::Offline,
    programs::{Programs, until},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path, process::Command, thread, time::Duration};
use sync_client::{
    machine::{Machine, Options},
    store::ImportState,
};
use sync_core::{machine::SyncState, space::SpaceName};
use tempfile::TempDir;

const BRANCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/branch.csv");
const HEAD: &str = "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
                    objectclass,cn,mailaddress,protocol,indxid,usergroupname,\r\n";
const GROUP: [&str; 2] = ["--group", "sales"];

fn machine(state: SyncState) -> (TempDir, Offline) {
    let folder = tempfile::tempdir().unwrap();
    let machine = Offline::make(&Programs::built().unwrap(), folder.path(), state).unwrap();
    (folder, machine)
}

/// A file of entries of the group `sales`.
fn file(folder: &Path, name: &str, entries: &[(&str, &str)]) -> String {
    let rows: Vec<String> = (201..)
        .zip(entries)
        .map(|(n, (name, mail))| format!("email,\"{name}\",\"{mail}\",smtp,{n},\"sales\",\r\n"))
        .collect();
    let path = folder.join(name);
    fs::write(&path, format!("{HEAD}{}", rows.concat())).unwrap();
    path.to_str().unwrap().into()
}

/// A file of so many entries.
fn large(folder: &Path, entries: usize) -> String {
    let entries: Vec<(String, String)> =
        (0..entries).map(|n| (format!("Entry {n}"), format!("e{n}@row.example"))).collect();
    let entries: Vec<(&str, &str)> = entries.iter().map(|(name, mail)| (&**name, &**mail)).collect();
    file(folder, "large.csv", &entries)
}

/// The group's entries: name and mail by id.
fn entries(machine: &Offline) -> BTreeMap<String, (String, String)> {
    let listed = machine.ask(&["address", "list", GROUP[0], GROUP[1]]).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let one = |entry: &Value| (text(&entry["id"]), (text(&entry["name"]), text(&entry["mail"])));
    listed.json.as_array().into_iter().flatten().map(one).collect()
}

fn names(machine: &Offline) -> Vec<String> {
    let mut names: Vec<_> = entries(machine).into_values().map(|(name, _)| name).collect();
    names.sort();
    names
}

fn id_of(machine: &Offline, name: &str) -> String {
    entries(machine).into_iter().find(|(_, (found, _))| found == name).unwrap().0
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

#[test]
fn a_plan_is_applied_as_it_was_shown_or_not_at_all() {
    let (folder, machine) = machine(SyncState::Stopped);
    let first = file(folder.path(), "first.csv", &[("Ann", "ann@a.example"), ("Bob", "bob@a.example")]);
    machine.ok(&["import", &first]).unwrap();
    let before = entries(&machine);
    let second = file(
        folder.path(),
        "second.csv",
        &[("Ann", "ann@a.example"), ("Bob", "new@a.example"), ("Cid", "cid@a.example")],
    );
    let replace = ["import", &second, "--mode", "replace"];
    let plan = |machine: &Offline| machine.ok(&[&replace[..], &["--plan"]].concat()).unwrap();
    let shown = plan(&machine);
    let effects: Vec<_> = shown["plan"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(one, "effect"), text(one, "name")))
        .collect();
    assert_eq!(shown["verdicts"], json!([{"item": "user-group-address-list", "allowed": true}]));
    assert_eq!(effects, [("add", "Cid"), ("change", "Bob"), ("same", "Ann")]);
    assert_eq!(entries(&machine), before, "a plan writes nothing");
    assert_eq!(machine.ok(&["import", "--list"]).unwrap().as_array().unwrap().len(), 1);

    let apply = |fingerprint: &str, more: &[&str]| {
        machine.ask(&[&replace[..], &["--apply-plan", fingerprint], more].concat()).unwrap()
    };
    let refused = |printed: harness::programs::Printed, why: &str| {
        assert_eq!((printed.status, printed.code()), (1, "plan_stale"), "{}", printed.json);
        assert!(text(&printed.json["error"], "message").contains(why), "{}", printed.json);
    };
    let fingerprint = text(&shown, "fingerprint").to_string();
    // Another order, another file, other records: each is refused, and nothing is changed.
    let appended = machine.ask(&["import", &second, "--apply-plan", &fingerprint]).unwrap();
    refused(appended, "order");
    let bytes = fs::read_to_string(&second).unwrap();
    fs::write(&second, bytes.replace("cid@", "sid@")).unwrap();
    refused(apply(&fingerprint, &[]), "file");
    fs::write(&second, &bytes).unwrap();
    let bob = id_of(&machine, "Bob");
    let edit =
        |mail: &str| machine.ok(&["address", "edit", &bob, "--mail", mail, GROUP[0], GROUP[1]]).unwrap();
    edit("other@a.example");
    refused(apply(&fingerprint, &[]), "records");
    assert_eq!(entries(&machine)[&bob].1, "other@a.example");
    assert_eq!(apply("nonsense", &[]).status, 2);
    // As it was when it was planned, it is that plan again.
    edit("bob@a.example");
    let done = apply(&fingerprint, &[]).ok().unwrap();
    assert_eq!(names(&machine), ["Ann", "Bob", "Cid"]);
    assert_eq!(done["spaces"], shown["spaces"]);
    assert_eq!(id_of(&machine, "Bob"), bob);
    // Applied twice is applied once.
    assert_eq!(apply(&fingerprint, &[]).ok().unwrap(), done);
    assert_eq!(machine.ok(&["import", "--list"]).unwrap().as_array().unwrap().len(), 2);
    // What is applied now is another plan: nothing is left to do.
    let nothing = plan(&machine);
    assert_ne!(text(&nothing, "fingerprint"), fingerprint);
    assert_eq!(nothing["spaces"][0]["same"], 3);
}

#[test]
fn a_rule_that_says_no_since_makes_a_plan_stale() {
    let (folder, machine) = machine(SyncState::Stopped);
    let list = file(folder.path(), "list.csv", &[("Ann", "ann@a.example")]);
    let shown = machine.ok(&["import", &list, "--plan"]).unwrap();
    let mut store = sync_client::store::Store::open(&machine.data).unwrap();
    store.set_state(SyncState::InProgress).unwrap();
    drop(store);
    let stale = machine.ask(&["import", &list, "--apply-plan", text(&shown, "fingerprint")]).unwrap();
    assert_eq!((stale.status, stale.code()), (1, "plan_stale"));
    assert!(text(&stale.json["error"], "message").contains("synchronizing"));
    assert_eq!(machine.ask(&["import", &list]).unwrap().code(), "synchronizing");
    assert_eq!(machine.ok(&["import", "--list"]).unwrap(), json!([]));

    // Of a file with refused and permitted items the plan lists both, and stands for nothing until they may be skipped.
    let shown = machine.ok(&["import", BRANCH, "--plan"]).unwrap();
    let verdicts: Vec<_> = shown["verdicts"].as_array().unwrap().iter().map(|one| &one["allowed"]).collect();
    assert_eq!(verdicts, [true, false, false]);
    assert!(shown["fingerprint"].is_null());
    let skip = ["import", BRANCH, "--skip-refused"];
    let shown = machine.ok(&[&skip[..], &["--plan"]].concat()).unwrap();
    let apply = ["--apply-plan", text(&shown, "fingerprint")];
    let done = machine.ok(&[&skip[..], &apply[..]].concat()).unwrap();
    assert_eq!(done["items"], json!(["address-book"]));
    assert_eq!(done["spaces"], shown["spaces"]);
}

#[test]
fn an_undo_leaves_what_somebody_changed_since_and_can_be_undone() {
    let (folder, machine) = machine(SyncState::Stopped);
    let first = file(
        folder.path(),
        "first.csv",
        &[
            ("Ann", "ann@a.example"),
            ("Bob", "bob@a.example"),
            ("Cid", "cid@a.example"),
            ("Dot", "dot@a.example"),
        ],
    );
    machine.ok(&["import", &first]).unwrap();
    let before = entries(&machine);
    let second = file(
        folder.path(),
        "second.csv",
        &[
            ("Ann", "ann@b.example"),
            ("Bob", "bob@b.example"),
            ("Eve", "eve@b.example"),
            ("Fay", "fay@b.example"),
        ],
    );
    let import = machine.ok(&["import", &second, "--mode", "replace"]).unwrap();
    let imported = entries(&machine);
    assert_eq!(names(&machine), ["Ann", "Bob", "Eve", "Fay"]);

    // Nothing happened since: it is as it was, ids and all.
    let undo = machine.ok(&["import", "--undo"]).unwrap();
    assert_eq!((&undo["undoes"], &undo["stayed"]), (&import["import"], &json!([])));
    assert_eq!(entries(&machine), before);
    let again = machine.ask(&["import", "--undo", text(&import, "import")]).unwrap();
    assert_eq!((again.status, again.code()), (1, "already_undone"));
    // And back, by the undo's own id.
    let redo = machine.ok(&["import", "--undo", text(&undo, "import")]).unwrap();
    assert_eq!(entries(&machine), imported);
    let list = machine.ok(&["import", "--list"]).unwrap();
    let standing: Vec<_> = list.as_array().unwrap().iter().map(|one| &one["undone_by"]).collect();
    assert_eq!(standing, [&Value::Null, &redo["import"], &Value::Null, &Value::Null]);
    assert_eq!((text(&list[2], "file"), &list[2]["removed"]), (&*second, &json!(2)));

    // Somebody works on: a field of an entry that was changed, one that was added, one that was removed by the import.
    let edit = |name: &str, field: &str, value: &str| {
        let id = id_of(&machine, name);
        machine.ok(&["address", "edit", &id, field, value, GROUP[0], GROUP[1]]).unwrap();
    };
    edit("Ann", "--mail", "ann@mine.example");
    edit("Bob", "--reading", "Bobby");
    edit("Eve", "--reading", "Evie");
    machine.ok(&["address", "remove", &id_of(&machine, "Fay"), GROUP[0], GROUP[1]]).unwrap();
    let mine = entries(&machine);
    let shown = machine.ok(&["import", "--undo", "--plan"]).unwrap();
    assert_eq!(entries(&machine), mine);
    let stayed: Vec<_> = shown["stayed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(one, "name"), one["field"].as_str(), text(one, "why")))
        .collect();
    assert_eq!(stayed, [("Ann", Some("mail"), "edited"), ("Eve", None, "edited")]);
    let apply = ["import", "--undo", "--apply-plan", text(&shown, "fingerprint")];
    edit("Bob", "--mail", "bob@mine.example");
    let stale = machine.ask(&apply).unwrap();
    assert_eq!((stale.status, stale.code()), (1, "plan_stale"));
    edit("Bob", "--mail", "bob@b.example");
    let undo = machine.ok(&apply).unwrap();
    assert_eq!(undo["stayed"], shown["stayed"]);
    assert_eq!(names(&machine), ["Ann", "Bob", "Cid", "Dot", "Eve"]);
    let now = entries(&machine);
    let mail = |name: &str| now[&id_of(&machine, name)].1.clone();
    assert_eq!([mail("Ann"), mail("Bob")], ["ann@mine.example", "bob@a.example"]);
    assert_eq!((&now[&id_of(&machine, "Cid")], &now[&id_of(&machine, "Dot")]), {
        let old = |name: &str| before.iter().find(|(_, (found, _))| found == name).unwrap();
        assert_eq!(*old("Cid").0, id_of(&machine, "Cid"));
        (old("Cid").1, old("Dot").1)
    });
    // What the undo did is taken back, and then the import by force.
    machine.ok(&["import", "--undo", text(&undo, "import")]).unwrap();
    assert_eq!(entries(&machine), mine);
    let forced = machine.ok(&["import", "--undo", "--force"]).unwrap();
    assert_eq!((&forced["undoes"], &forced["stayed"]), (&import["import"], &json!([])));
    assert_eq!(entries(&machine), before);

    for (args, code) in [
        (vec!["import", "--undo", "00000000-0000-0000-0000-000000000009"], "unknown_import"),
        (vec!["import", "--undo", "nonsense"], "usage"),
        (vec!["import", "--cancel"], "no_import"),
        (vec!["import"], "usage"),
        (vec!["import", &first, "--force"], "wrong_command"),
    ] {
        assert_eq!(machine.ask(&args).unwrap().code(), code, "{args:?}");
    }
    // The first import's entries go, but for the one that somebody worked on.
    machine.ok(&["import", "--undo"]).unwrap();
    assert_eq!(names(&machine), ["Bob"]);
    assert_eq!(machine.ask(&["import", "--undo"]).unwrap().code(), "nothing_to_undo");
}

/// What a machine's folder holds: the entries of every space, and how the newest import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    spaces: BTreeMap<SpaceName, String>,
    newest: Option<ImportState>,
    imports: usize,
    said: Vec<String>,
    logged: usize,
}

/// A process that another test is just starting may hold the folder's lock for a moment, as a copy of this one.
fn opened(folder: &Path) -> Machine {
    loop {
        match Machine::open(folder, Options::default()) {
            Err(sync_client::Error::FolderInUse(_)) => thread::sleep(Duration::from_millis(1)),
            opened => return opened.unwrap(),
        }
    }
}

fn held(folder: &Path) -> Held {
    let machine = opened(folder);
    let status = machine.status().unwrap();
    let store = machine.store();
    let spaces = store.spaces().unwrap().into_iter().map(|standing| {
        let live = store.live(&standing.name).unwrap();
        (standing.name, format!("{live:?}"))
    });
    let spaces = spaces.filter(|(_, live)| live != "{}").collect();
    let lines = store.imports().unwrap();
    let log = store.log(1_000).unwrap();
    Held {
        spaces,
        newest: lines.first().map(|line| line.state),
        imports: lines.len(),
        said: status["interrupted_imports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| text(one, "code").to_string())
            .collect(),
        logged: log.iter().filter(|line| line.code == "import_did_not_happen").count(),
    }
}

/// Cuts the power at every write, and finds before or after, never between, and which of them.
fn every_cut(cuts: &Cuts, before: &Held, after: &Held) {
    assert_ne!(before.spaces, after.spaces);
    let (mut last_before, mut first_after, mut said_no, mut said_yes) = (0, usize::MAX, 0, 0);
    for cut in cuts.all() {
        let folder = tempfile::tempdir().unwrap();
        cuts.lay(cut, folder.path()).unwrap();
        let found = held(folder.path());
        let whole = cuts.whole_frames(cut);
        if found.spaces == after.spaces {
            first_after = first_after.min(whole);
            assert_eq!((found.newest, found.imports), (Some(ImportState::Done), after.imports), "{cut:?}");
            // Whoever asked may not have heard it.
            assert!(found.said.is_empty() || found.said == ["import_was_done"], "{cut:?}: {found:?}");
            said_yes += found.said.len();
        } else {
            last_before = last_before.max(whole);
            assert_eq!(found.spaces, before.spaces, "{cut:?} leaves something between");
            if found.imports == before.imports {
                assert_eq!((found.newest, &found.said), (before.newest, &vec![]), "{cut:?}");
            } else {
                assert_eq!(found.newest, Some(ImportState::NotDone), "{cut:?}");
                assert_eq!((&*found.said, found.logged), (&["import_did_not_happen".to_string()][..], 1));
                said_no += 1;
                // It is said once in the log, and stands in the status until somebody is told.
                let again = held(folder.path());
                assert_eq!((&again, again.logged), (&found, 1));
                let machine = opened(folder.path());
                assert_eq!(machine.interrupted_imports().unwrap().len(), 1);
                assert!(machine.interrupted_imports().unwrap().is_empty());
            }
        }
    }
    assert!(last_before < first_after, "{last_before} {first_after}");
    assert!(said_no > 0 && said_yes > 0, "{said_no} {said_yes}");
}

#[test]
fn a_power_cut_at_any_write_leaves_before_or_after() {
    let (folder, machine) = machine(SyncState::Stopped);
    let first = file(folder.path(), "first.csv", &[("Ann", "ann@a.example"), ("Bob", "bob@a.example")]);
    machine.ok(&["import", &first]).unwrap();
    let database = machine.data.join("replica.db");
    // Local lists, personal lists and group lists at once; entries that go and entries that come.
    for args in [&["import", BRANCH, "--mode", "replace"][..], &["import", "--undo"]] {
        let before = held(&machine.data);
        let recorder = Recorder::begin(&database).unwrap();
        machine.ok(args).unwrap();
        let cuts = recorder.end().unwrap();
        assert!(cuts.frames() > 20, "{}", cuts.frames());
        every_cut(&cuts, &before, &held(&machine.data));
    }
}

#[test]
fn the_next_import_and_the_next_run_say_what_did_not_happen() {
    let (folder, machine) = machine(SyncState::Stopped);
    let list = file(folder.path(), "list.csv", &[("Ann", "ann@a.example")]);
    let recorder = Recorder::begin(&machine.data.join("replica.db")).unwrap();
    machine.ok(&["import", &list]).unwrap();
    let cuts = recorder.end().unwrap();
    // A cut that leaves the beginning of an import alone.
    let cut = cuts
        .all()
        .find(|cut| {
            let trial = tempfile::tempdir().unwrap();
            cuts.lay(*cut, trial.path()).unwrap();
            !held(trial.path()).said.is_empty()
        })
        .unwrap();
    for name in ["replica.db-wal", "replica.db-shm"] {
        let _ = fs::remove_file(machine.data.join(name));
    }
    cuts.lay(cut, &machine.data).unwrap();
    let status = machine.ok(&["status"]).unwrap();
    assert!(text(&status["interrupted_imports"][0], "text").ends_with("nothing was changed"));
    let running = machine.run().unwrap();
    assert_eq!(running.ready["interrupted_imports"][0]["code"], "import_did_not_happen");
    drop(running);
    assert_eq!(machine.ok(&["status"]).unwrap()["interrupted_imports"], json!([]));

    let _ = fs::remove_file(machine.data.join("replica.db-shm"));
    cuts.lay(cut, &machine.data).unwrap();
    let done = machine.ok(&["import", &list]).unwrap();
    let warned = |done: &Value| {
        let warnings = done["warnings"].as_array().unwrap();
        warnings.iter().filter(|warning| warning["code"] == "import_did_not_happen").count()
    };
    assert_eq!((warned(&done), names(&machine)), (1, vec!["Ann".to_string()]));
    assert_eq!(warned(&machine.ok(&["import", &list]).unwrap()), 0);
    let states: Vec<_> = machine
        .ok(&["import", "--list"])
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|line| text(line, "state").to_string())
        .collect();
    assert_eq!(states, ["done", "done", "not-done"]);
}

/// Waits until so much of an import is written that it is under way.
fn writes(machine: &Offline) {
    let log = machine.data.join("replica.db-wal");
    until(|| Ok(fs::metadata(&log).map_or(0, |log| log.len())), |len| *len > 200_000).unwrap();
}

#[test]
fn a_cancel_and_a_ctrl_c_change_nothing() {
    let (folder, machine) = machine(SyncState::Stopped);
    let list = large(folder.path(), 20_000);
    let interrupt = |child: &std::process::Child| {
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    };
    let running = |machine: &Offline| {
        let status = machine.ok(&["status"]).unwrap();
        let stage = status["import"]["stage"].as_str().unwrap_or_default();
        ["planning", "writing"].contains(&stage).then_some(status)
    };
    let owner = machine.run().unwrap();
    // Another process cancels it, through the owner of the folder.
    let mut import = machine.begin(&["import", &list]).unwrap();
    let status = until(|| Ok(running(&machine)), Option::is_some).unwrap().unwrap();
    assert_eq!(status["import"]["bytes"], status["import"]["bytes_total"], "the file is read");
    let second = machine.ask(&["import", &list]).unwrap();
    assert_eq!((second.status, second.code()), (1, "import_running"));
    let cancelled = machine.ok(&["import", "--cancel"]).unwrap();
    assert_eq!((&cancelled["import"], &cancelled["cancelled"]), (&status["import"]["import"], &json!(true)));
    assert_eq!(import.wait().unwrap().code(), Some(1));
    assert_eq!((names(&machine).len(), machine.ok(&["status"]).unwrap()["import"].clone()), (0, Value::Null));

    // Ctrl-C where the owner works, and where the command itself does.
    let mut import = machine.begin(&["import", &list]).unwrap();
    until(|| Ok(running(&machine)), Option::is_some).unwrap();
    interrupt(&import);
    assert_eq!(import.wait().unwrap().code(), Some(1));
    assert_eq!(names(&machine).len(), 0);
    drop(owner);
    let mut import = machine.begin(&["import", &list]).unwrap();
    // Its owner cannot be asked: it owns the folder only for a moment.
    writes(&machine);
    interrupt(&import);
    assert_eq!(import.wait().unwrap().code(), Some(1));
    assert_eq!((names(&machine).len(), machine.ok(&["import", "--list"]).unwrap()), (0, json!([])));
    assert_eq!(machine.ok(&["status"]).unwrap()["interrupted_imports"], json!([]));

    // Killed, it did not happen either; and then it is not said that it was cancelled.
    let mut import = machine.begin(&["import", &list]).unwrap();
    writes(&machine);
    import.kill().unwrap();
    import.wait().unwrap();
    let status = machine.ok(&["status"]).unwrap();
    assert_eq!(status["interrupted_imports"][0]["code"], "import_did_not_happen");
    assert_eq!(names(&machine).len(), 0);
}

#[test]
fn progress_is_told_in_lines_unless_somebody_wants_none() {
    let (folder, machine) = machine(SyncState::Stopped);
    let list = large(folder.path(), 1_000);
    let plain = |args: &[&str]| {
        let all = [args, &["--data", machine.data.to_str().unwrap()]].concat();
        let token = folder.path().join("token");
        let token = ["--administrator-token", token.to_str().unwrap()];
        Programs::built().unwrap().client.run(&[&all[..], &token].concat()).unwrap().said
    };
    for owner in [false, true] {
        let _owner = owner.then(|| machine.run().unwrap());
        let said = plain(&["import", &list, "--mode", "replace"]);
        let said: Vec<&str> = said.lines().collect();
        assert!(said.iter().any(|line| line.starts_with("reading ")) || owner, "{said:?}");
        let whole = if owner { "0 of 0 records, 1 of 1 items" } else { "1000 of 1000 records, 1 of 1 items" };
        assert_eq!(said.last(), Some(&whole), "{said:?}");
        assert_eq!(plain(&["import", &list, "--quiet"]), "");
        assert_eq!(plain(&["import", &list, "--json"]), "");
    }
}

#[test]
fn an_import_in_a_fleet_and_its_undo_reach_every_machine() {
    const USERS: &str = "realm = \"office\"\n[[group]]\nid = \"sales\"\n\
        [[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n";
    let folder = tempfile::tempdir().unwrap();
    let roles = [("Machine 1", "client", OTHER_SERVER), ("Machine 2", "server-with-client", OWN_SERVER)];
    let fleet =
        Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", &roles).unwrap();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    one.ok(&["login", "alice"]).unwrap();
    let add = ["address", "add", "--name", "Ann", "--mail", "ann@a.example", GROUP[0], GROUP[1]];
    let ann = text(&one.ok(&add).unwrap(), "id").to_string();
    let list = file(folder.path(), "list.csv", &[("Bob", "bob@b.example"), ("Cid", "cid@b.example")]);
    until(|| one.ok(&["status"]), |status| status["outbox"] == 0).unwrap();
    let import = two.ok(&["import", &list, "--mode", "replace"]).unwrap();
    until(|| one.names(&GROUP), |names| names == &["Bob", "Cid"]).unwrap();
    // Somebody at the other machine works on what was imported.
    let listed = one.ok(&[&["address", "list"], &GROUP[..]].concat()).unwrap();
    let bob = listed.as_array().unwrap().iter().find(|entry| entry["name"] == "Bob").unwrap();
    one.ok(&["address", "edit", text(bob, "id"), "--mail", "bob@mine.example", GROUP[0], GROUP[1]]).unwrap();
    let mails = |status: &Value| status.to_string().contains("bob@mine.example");
    until(|| two.ok(&[&["address", "list"], &GROUP[..]].concat()), mails).unwrap();

    // A machine that synchronizes elsewhere may not undo either (rule 6).
    let refused = two.ask(&["set-destination", OTHER_SERVER, "--connect-to", &two.connect_to()]).unwrap();
    assert_eq!(refused.status, 0);
    assert_eq!(two.ask(&["import", "--undo"]).unwrap().code(), "destination_not_localhost");
    two.ok(&["set-destination", OWN_SERVER, "--connect-to", &two.connect_to()]).unwrap();
    let undo = two.ok(&["import", "--undo"]).unwrap();
    assert_eq!(undo["undoes"], import["import"]);
    assert_eq!((text(&undo["stayed"][0], "name"), undo["stayed"].as_array().unwrap().len()), ("Bob", 1));
    until(|| one.names(&GROUP), |names| names == &["Ann", "Bob"]).unwrap();
    let listed = one.ok(&[&["address", "list"], &GROUP[..]].concat()).unwrap();
    assert!(listed.as_array().unwrap().iter().any(|entry| entry["id"] == *ann), "under its own id");
    two.ok(&["import", "--undo", text(&undo, "import")]).unwrap();
    until(|| one.names(&GROUP), |names| names == &["Bob", "Cid"]).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_hundred_thousand_addresses_take_less_than_200_megabytes() {
    let (folder, machine) = machine(SyncState::Stopped);
    let list = large(folder.path(), 100_000);
    let mut import = machine.begin(&["import", &list]).unwrap();
    let mut most = 0;
    while import.try_wait().unwrap().is_none() {
        most = most.max(most_memory(&import.id().to_string()).unwrap_or(0));
        thread::sleep(Duration::from_millis(5));
    }
    assert!(import.wait().unwrap().success());
    assert!(most > 20_000_000 && most < 200_000_000, "{most} bytes");
    assert_eq!(names(&machine).len(), 100_000);
}

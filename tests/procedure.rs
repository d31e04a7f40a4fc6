//! The procedure and its way back, through the real programs: plan, undo, cancel, evidence.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, Machine, OTHER_SERVER},
    programs::{Programs, until},
    proxy::Link,
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path, process::Command};
use tempfile::TempDir;

const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\", \"support\"]\n\
    [[user]]\nname = \"bob\"\ngroups = [\"sales\"]\n\
    [[group]]\nid = \"sales\"\n[[group]]\nid = \"support\"\n";
const TWO: [(&str, &str, &str); 2] =
    [("Machine 1", "client", OTHER_SERVER), ("Machine 2", "client", OTHER_SERVER)];
const ALICE: [&str; 2] = ["--user", "alice"];
const SALES: [&str; 2] = ["--group", "sales"];

fn fleet() -> (TempDir, Fleet) {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let fleet = Fleet::start(programs, folder.path(), USERS, "127.0.0.1:0", &TWO).unwrap();
    for machine in &fleet.machines {
        machine.ok(&["login", "alice"]).unwrap();
    }
    (folder, fleet)
}

/// A file with these names for alice and for sales.
fn file(folder: &Path, alice: &[&str], sales: &[&str]) -> String {
    let mut text = String::from(
        "# Canon AddressBook CSV version: 0x0003\n# CharSet: UTF-8\n\n\
         objectclass,cn,mailaddress,protocol,indxid,usergroupname,loginusername,\n",
    );
    let row = |n: usize, name: &str, group: &str, user: &str| {
        let mail = name.to_lowercase().replace(' ', ".");
        format!("email,\"{name}\",\"{mail}@file.example\",smtp,{},\"{group}\",\"{user}\",\n", 201 + n)
    };
    for (n, name) in alice.iter().enumerate() {
        text.push_str(&row(n, name, "", "alice"));
    }
    for (n, name) in sales.iter().enumerate() {
        text.push_str(&row(n, name, "sales", ""));
    }
    let path = folder.join("lists.csv");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().into()
}

fn add(machine: &Machine, list: &[&str], name: &str) -> String {
    let added = machine
        .ok(&[&["address", "add", "--name", name, "--mail", "of@before.example"], list].concat())
        .unwrap();
    added["id"].as_str().unwrap().into()
}

/// What a person finds at a machine: every entry with its id and all its fields, and the settings.
fn found(machine: &Machine) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for list in [&ALICE, &SALES, &["--group", "support"]] {
        let entries = machine.ok(&[&["address", "list"], &list[..]].concat()).unwrap();
        for entry in entries.as_array().unwrap() {
            all.insert(format!("{list:?} {}", entry["id"]), entry.clone());
        }
    }
    for setting in machine.ok(&["get", "--user", "alice"]).unwrap().as_array().unwrap() {
        all.insert(setting["setting"].to_string(), setting.clone());
    }
    all
}

fn becomes(machine: &Machine, wanted: &BTreeMap<String, Value>) {
    let now = until(|| Ok(found(machine)), |now| now == wanted).unwrap();
    assert_eq!(&now, wanted, "{}", machine.name);
}

fn names_become(machine: &Machine, list: &[&str], wanted: &[&str]) {
    let now = until(|| machine.names(list), |now| now == wanted).unwrap();
    assert_eq!(now, wanted, "{list:?} on {}", machine.name);
}

/// Lists and settings of before, at both machines.
fn with_data(fleet: &Fleet) -> BTreeMap<String, Value> {
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    one.ok(&["set", "display-language", "ja"]).unwrap();
    one.ok(&["set", "copy.copies", "7"]).unwrap();
    for name in ["Front desk", "Old printer room"] {
        add(one, &ALICE, name);
    }
    for name in ["Sales office", "Order desk"] {
        add(one, &SALES, name);
    }
    add(one, &["--group", "support"], "Hotline");
    one.ok(&["sync"]).unwrap();
    let before = found(one);
    becomes(two, &before);
    before
}

fn undone(report: &Value) -> Vec<&str> {
    let undone = report["undone"].as_array().unwrap();
    undone.iter().map(|undone| undone["evidence"]["step"].as_str().unwrap()).collect()
}

/// A count of an undo's deletion, over all spaces.
fn count(report: &Value, what: &str) -> u64 {
    let steps = report["undone"].as_array().unwrap();
    let step = steps.iter().find(|step| step["evidence"]["step"] == "delete").unwrap();
    step["evidence"]["spaces"].as_array().unwrap().iter().map(|space| space[what].as_u64().unwrap()).sum()
}

#[test]
fn a_procedure_that_is_undone_leaves_everything_as_it_was() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    let lists = file(folder.path(), &["Front desk", "New hall"], &["Order desk", "New shop", "New store"]);
    let done = one.ok(&["procedure", &lists]).unwrap();
    assert_eq!(done["phase"], "finished");
    for machine in [one, two] {
        names_become(machine, &ALICE, &["Front desk", "New hall"]);
        names_become(machine, &SALES, &["New shop", "New store", "Order desk"]);
    }

    // What it would touch is said first, and nothing is changed by that.
    let imported = found(one);
    let plan = one.ok(&["procedure", "--undo", "--plan"]).unwrap();
    let steps: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!((steps, &plan["kept"]), (vec!["start", "import", "delete", "stop"], &0.into()));
    assert_eq!((found(one), found(two)), (imported.clone(), imported));

    let back = one.ok(&["procedure", "--undo"]).unwrap();
    assert_eq!(
        (&back["phase"], undone(&back)),
        (&"undone".into(), vec!["start", "import", "delete", "stop"])
    );
    assert_eq!(count(&back, "kept"), 0);
    for what in ["brought_back", "removed"] {
        let planned: u64 =
            plan["fleet"].as_array().unwrap().iter().map(|space| space[what].as_u64().unwrap()).sum();
        assert_eq!(count(&back, what), planned, "{what}");
    }
    for machine in [one, two] {
        becomes(machine, &before);
    }
    assert_eq!(one.ok(&["status"]).unwrap()["state"], "in-progress");
    // Its end was told: the next start has nothing to say of it.
    one.kill();
    assert_eq!(one.ok(&["status"]).unwrap()["interrupted_imports"], Value::Array(vec![]));
    one.run().unwrap();
    // What came in is kept, and nothing was superseded.
    assert_eq!(two.ok(&["superseded", "list"]).unwrap(), Value::Array(vec![]));
    let kept = fleet.server_command(&["snapshots"]).unwrap();
    assert!(kept.as_array().unwrap().iter().any(|one| one["reason"] == "brought-back"), "{kept}");

    // Once is enough.
    let id = back["procedure"].as_str().unwrap();
    for again in
        [&["procedure", "--undo"][..], &["procedure", "--undo", id], &["procedure", "--undo", "--plan"]]
    {
        assert_eq!(one.ask(again).unwrap().code(), "procedure_undone", "{again:?}");
    }
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_eq!(one.ask(&["procedure", "--undo", nobody]).unwrap().code(), "unknown_procedure");
    becomes(two, &before);
    // And people work on.
    let id = add(two, &SALES, "After it all");
    until(|| one.names(&SALES), |names| names.contains(&"After it all".into())).unwrap();
    two.ok(&[&["address", "remove", &id], &SALES[..]].concat()).unwrap();
    becomes(one, &before);
    // Another procedure goes its own way, and back.
    one.ok(&["procedure", &lists]).unwrap();
    names_become(two, &ALICE, &["Front desk", "New hall"]);
    one.ok(&["procedure", "--undo"]).unwrap();
    for machine in [one, two] {
        becomes(machine, &before);
    }
}

#[test]
fn procedures_over_one_list_are_undone_one_after_the_other() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    let mut stood = vec![before];
    let mut ids = Vec::new();
    // The last one brings back by its file what the first one took away; another machine runs the second.
    for (machine, alice, sales) in [
        (one, ["Front desk", "New hall"], ["Order desk", "New shop"]),
        (two, ["New hall", "Third floor"], ["New shop", "Stores"]),
        (one, ["New hall", "Old printer room"], ["New shop", "Sales office"]),
    ] {
        let done = machine.ok(&["procedure", &file(folder.path(), &alice, &sales)]).unwrap();
        ids.push((machine, done["procedure"].as_str().unwrap().to_string()));
        for other in [one, two] {
            names_become(other, &ALICE, &alice);
        }
        let now = found(one);
        becomes(two, &now);
        stood.push(now);
    }
    let (_, first) = &ids[0];
    let refused = one.ask(&["procedure", "--undo", first]).unwrap();
    assert_eq!(refused.code(), "procedure_overtaken", "{}", refused.json);
    stood.pop();
    while let Some((machine, id)) = ids.pop() {
        let back = machine.ok(&["procedure", "--undo", &id]).unwrap();
        assert_eq!((&back["phase"], count(&back, "kept")), (&"undone".into(), 0), "{back}");
        let wanted = stood.pop().unwrap();
        for machine in [one, two] {
            becomes(machine, &wanted);
        }
    }
}

#[test]
fn what_somebody_edited_since_survives_the_undo() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    let lists = file(folder.path(), &["New hall", "New room"], &["New shop"]);
    one.ok(&["procedure", &lists]).unwrap();
    names_become(two, &ALICE, &["New hall", "New room"]);
    names_become(two, &SALES, &["New shop"]);
    // At the other machine: an entry that came in is edited, one is removed, one is added, a setting is changed.
    let entries = two.ok(&["address", "list"]).unwrap();
    let id_of = |name: &str| {
        let entry = entries.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
        entry["id"].as_str().unwrap().to_string()
    };
    two.ok(&["address", "edit", &id_of("New hall"), "--mail", "edited@since.example"]).unwrap();
    two.ok(&["address", "remove", &id_of("New room")]).unwrap();
    let added = add(two, &SALES, "Since then");
    two.ok(&["set", "copy.copies", "3"]).unwrap();
    two.ok(&["sync"]).unwrap();
    // And here, but not sent yet when it begins.
    let here = add(one, &ALICE, "Written here since");

    let plan = one.ok(&["procedure", "--undo", "--plan"]).unwrap();
    assert_eq!(plan["kept"], 2, "{plan}");
    let back = one.ok(&["procedure", "--undo"]).unwrap();
    assert_eq!((&back["phase"], count(&back, "kept")), (&"undone".into(), 2));
    let mut wanted = before;
    let hall = id_of("New hall");
    for machine in [two, one] {
        for (list, id) in [(&ALICE, &hall), (&ALICE, &here), (&SALES, &added)] {
            let key = format!("{list:?} \"{id}\"");
            let entry = until(|| Ok(found(two).get(&key).cloned()), Option::is_some).unwrap();
            wanted.insert(key, entry.unwrap());
        }
        wanted.get_mut("\"copy.copies\"").unwrap()["value"] = 3.into();
        becomes(machine, &wanted);
    }
    assert_eq!(wanted[&format!("{ALICE:?} \"{hall}\"")]["mail"], "edited@since.example");
    assert_eq!(two.ok(&["superseded", "list"]).unwrap(), Value::Array(vec![]));
    assert!(back["warnings"].to_string().contains("edited_since"), "{back}");
}

#[test]
fn a_plan_shows_everything_and_changes_nothing() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    let snapshots = fleet.server_command(&["snapshots"]).unwrap();
    let mut lists = file(folder.path(), &["Front desk", "New hall"], &["New shop"]);
    let mut text = fs::read_to_string(&lists).unwrap();
    text.push_str("email,\"Ghost\",\"g@file.example\",smtp,230,\"nobody\",\"\",\n");
    fs::write(&lists, text).unwrap();
    let plan = one.ok(&["procedure", &lists, "--plan"]).unwrap();
    let space = |name: &str| {
        plan["spaces"].as_array().unwrap().iter().find(|space| space["space"] == name).cloned().unwrap()
    };
    // Two addresses and two settings of alice.
    assert_eq!(
        (&space("office/user/alice")["known"], &space("office/user/alice")["deleted"]),
        (&true.into(), &4.into())
    );
    assert_eq!(
        (&space("office/group/sales")["deleted"], &space("office/group/sales")["machines"]),
        (&2.into(), &1.into())
    );
    assert_eq!(space("office/group/nobody")["known"], false);
    let effect = |name: &str| {
        let effects = plan["import"]["plan"].as_array().unwrap();
        effects.iter().find(|effect| effect["name"] == name).map(|effect| effect["effect"].clone())
    };
    assert_eq!(effect("New hall"), Some("add".into()));
    assert_eq!(effect("Old printer room"), Some("remove".into()));
    assert_eq!(effect("Ghost"), None);
    assert_eq!(plan["steps"].as_array().unwrap().len(), 6);
    assert_eq!(plan["source"]["hash"].as_str().unwrap().len(), 64);
    for machine in [one, two] {
        assert_eq!(found(machine), before);
        assert_eq!(machine.ok(&["status"]).unwrap()["state"], "in-progress");
    }
    assert_eq!(one.ok(&["procedure", "--list"]).unwrap(), Value::Array(vec![]));
    assert_eq!(fleet.server_command(&["snapshots"]).unwrap(), snapshots);
    assert!(!fleet.server_data().join("backups").exists(), "nothing was backed up");
    // Refused as the procedure would be.
    lists = file(folder.path(), &[], &[]);
    assert_eq!(one.ask(&["procedure", &lists, "--plan"]).unwrap().code(), "nothing_to_import");
    assert_eq!(one.ask(&["procedure", "--undo", "--plan"]).unwrap().code(), "no_procedure");
}

#[test]
fn the_evidence_of_each_step_is_kept_and_shown() {
    let (folder, fleet) = fleet();
    let one = &fleet.machines[0];
    with_data(&fleet);
    let lists = file(folder.path(), &["New hall"], &["New shop"]);
    let done = one.ok(&["procedure", &lists]).unwrap();
    let id = done["procedure"].as_str().unwrap();
    let shown = one.ok(&["procedure", "--show", id]).unwrap();
    assert_eq!(shown, one.ok(&["procedure", "--list"]).unwrap()[0]);
    assert_eq!((&shown["by"], &shown["phase"]), (&"alice".into(), &"finished".into()));
    let evidence = |step: &str| {
        let steps = shown["steps"].as_array().unwrap();
        steps.iter().find(|one| one["evidence"]["step"] == step).unwrap()["evidence"].clone()
    };
    let backup =
        fs::read(fleet.server_data().join("backups").join(evidence("back-up")["backup"].as_str().unwrap()));
    assert!(backup.unwrap().starts_with(b"SQLite format 3"));
    assert_eq!(evidence("back-up")["hash"].as_str().unwrap().len(), 64);
    let deleted = evidence("delete");
    assert_eq!((&deleted["records"], deleted["snapshots"].as_array().unwrap().len()), (&6.into(), 2));
    assert!(deleted["spaces"].as_array().unwrap().iter().all(|space| space[1] == 2), "{deleted}");
    // Moments are text everywhere.
    let is_moment =
        |value: &Value| value.as_str().is_some_and(|text| text.ends_with('Z') && text.contains('T'));
    assert!(is_moment(&deleted["reserved_until"]) && is_moment(&shown["began"]), "{shown}");
    assert!(shown["steps"].as_array().unwrap().iter().all(|step| is_moment(&step["at"])), "{shown}");
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(one.ask(&["procedure", "--show", unknown]).unwrap().code(), "unknown_procedure");
}

/// Runs a procedure whose file is another one when the import reads it again: it fails for good behind the deletion. The
/// file is a pipe, so that this happens each time.
fn fails_behind_the_deletion(folder: &Path, fleet: &Fleet) -> String {
    let one = &fleet.machines[0];
    let good = fs::read(file(folder, &["New hall"], &["New shop"])).unwrap();
    let pipe = folder.join("pipe.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut running = one.begin(&["procedure", pipe.to_str().unwrap()]).unwrap();
    fs::write(&pipe, good).unwrap();
    until(
        || Ok(fleet.server_command(&["spaces"])?.to_string().contains("\"reserved_for\":\"")),
        |reserved| *reserved,
    )
    .unwrap();
    fs::write(&pipe, "another file").unwrap();
    assert!(!running.wait().unwrap().success());
    let report = one.ok(&["procedure", "--list"]).unwrap()[0].clone();
    assert_eq!((&report["phase"], &report["step"]), (&"failed".into(), &"import".into()), "{report}");
    report["procedure"].as_str().unwrap().into()
}

#[test]
fn a_procedure_that_cannot_go_on_says_how_to_go_back_and_goes() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    fails_behind_the_deletion(folder.path(), &fleet);
    // What a start would break is refused, and every way out is named.
    let refused = one.ask(&["start"]).unwrap();
    assert_eq!(refused.code(), "procedure_unfinished");
    assert!(refused.json["error"]["remedy"].to_string().contains("--undo"), "{}", refused.json);
    assert_eq!(one.ask(&["procedure", "/no/matter.csv"]).unwrap().code(), "procedure_unfinished");
    // The way back needs the server; without it nothing is begun.
    one.link.set(Link::Down);
    for args in [&["procedure", "--undo"][..], &["procedure", "--undo", "--plan"]] {
        assert_eq!(one.ask(args).unwrap().code(), "network", "{args:?}");
    }
    assert_eq!(one.ok(&["procedure", "--list"]).unwrap()[0]["phase"], "failed");
    one.link.set(Link::Up);
    let back = one.ok(&["procedure", "--undo"]).unwrap();
    assert_eq!(
        (&back["phase"], undone(&back)),
        (&"undone".into(), vec!["import", "delete", "stop"]),
        "{back}"
    );
    for machine in [one, two] {
        becomes(machine, &before);
    }
    let spaces = fleet.server_command(&["spaces"]).unwrap();
    assert!(spaces.as_array().unwrap().iter().all(|space| space["reserved_until"].is_null()), "{spaces}");
}

#[test]
fn a_cancelled_procedure_can_be_undone_and_an_administrator_may_end_anybodys() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    let id = fails_behind_the_deletion(folder.path(), &fleet);
    let ended = fleet.server_command(&["end-procedure", &id]).unwrap();
    assert_eq!(ended["cancelled"]["deleted"].as_array().unwrap().len(), 2, "{ended}");
    let cancelled = one.ok(&["procedure", "--cancel"]).unwrap();
    assert_eq!((&cancelled["phase"], cancelled["steps"].as_array().unwrap().len()), (&"cancelled".into(), 4));
    names_become(two, &ALICE, &[]);
    // Somebody works on in the emptied list; it stays beside what comes back.
    let added = add(two, &SALES, "In between");
    two.ok(&["sync"]).unwrap();
    let back = one.ok(&["procedure", "--undo"]).unwrap();
    assert_eq!(back["phase"], "undone");
    names_become(one, &SALES, &["In between", "Order desk", "Sales office"]);
    names_become(two, &SALES, &["In between", "Order desk", "Sales office"]);
    two.ok(&[&["address", "remove", &added], &SALES[..]].concat()).unwrap();
    for machine in [one, two] {
        becomes(machine, &before);
    }
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(fleet.ask_server(&["end-procedure", unknown]).unwrap().code(), "unknown_procedure");
}

/// Puts the machine's journal back to where a step had begun and was not known to be done, as a crash or a disk that is put
/// back does.
fn put_back(machine: &Machine, step: &str, done: usize) {
    machine.kill();
    let db = rusqlite::Connection::open(machine.data.join("replica.db")).unwrap();
    let journal: Vec<u8> = db.query_row("SELECT body FROM journal", [], |row| row.get(0)).unwrap();
    let mut journal: Value = serde_json::from_slice(&journal).unwrap();
    journal["state"] = serde_json::json!({"phase": "running", "step": step});
    journal["done"].as_array_mut().unwrap().truncate(done);
    db.execute("UPDATE journal SET body = ?1", [serde_json::to_vec(&journal).unwrap()]).unwrap();
    drop(db);
    machine.run().unwrap();
}

#[test]
fn a_deletion_that_arrives_after_the_cancel_is_refused() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    fails_behind_the_deletion(folder.path(), &fleet);
    one.ok(&["procedure", "--cancel"]).unwrap();
    names_become(two, &SALES, &[]);
    add(two, &SALES, "In between");
    two.ok(&["sync"]).unwrap();
    put_back(one, "delete", 3);
    let late = one.ask(&["procedure", "--resume"]).unwrap();
    assert_eq!((late.status, late.code()), (1, "procedure_ended"), "{}", late.json);
    assert_eq!(two.names(&SALES).unwrap(), ["In between"], "nothing was deleted again");
    // From there too it goes back.
    one.ok(&["procedure", "--undo"]).unwrap();
    names_become(one, &SALES, &["In between", "Order desk", "Sales office"]);
    let there = found(one);
    becomes(two, &there);
    assert!(before.iter().all(|(key, value)| there.get(key) == Some(value)), "{there:?}");
}

#[test]
fn an_import_and_a_start_that_were_done_are_not_done_again() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    let lists = file(folder.path(), &["New hall"], &["New shop"]);
    one.ok(&["procedure", &lists]).unwrap();
    let imported = found(one);
    for (step, done) in [("import", 4), ("start", 5)] {
        put_back(one, step, done);
        let resumed = one.ok(&["procedure", "--resume", "--wait", "10"]).unwrap();
        assert_eq!((&resumed["phase"], resumed["steps"].as_array().unwrap().len()), (&"finished".into(), 6));
        for machine in [one, two] {
            becomes(machine, &imported);
        }
    }
    one.ok(&["procedure", "--undo"]).unwrap();
    for machine in [one, two] {
        becomes(machine, &before);
    }
}

#[test]
fn a_machine_that_was_stopped_stays_stopped_after_the_undo_with_its_copy_of_before() {
    let (folder, fleet) = fleet();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    let before = with_data(&fleet);
    one.ok(&["stop"]).unwrap();
    let lists = file(folder.path(), &["New hall"], &["New shop"]);
    one.ok(&["procedure", &lists]).unwrap();
    names_become(two, &ALICE, &["New hall"]);
    let back = one.ok(&["procedure", "--undo"]).unwrap();
    assert_eq!(back["undone"][3]["evidence"]["started"], false, "{back}");
    assert_eq!(one.ok(&["status"]).unwrap()["state"], "stopped");
    assert_eq!(found(one), before);
    becomes(two, &before);
    one.ok(&["start"]).unwrap();
    becomes(one, &before);
}

#[test]
fn what_was_imported_offline_is_sent_by_the_next_start() {
    let (folder, mut fleet) = fleet();
    let lists = file(folder.path(), &[], &["Brought along"]);
    fleet.add("Machine 3", "client", OTHER_SERVER).unwrap();
    let [one, _, three] = &fleet.machines[..] else { panic!("three machines") };
    three.ok(&["stop"]).unwrap();
    three.link.set(Link::Down);
    // Nobody of the group ever logged in here: the server was not asked.
    let done = three.ok(&["import", &lists, "--item", "user-group-address-list"]).unwrap();
    assert!(done["warnings"].to_string().contains("owners_not_asked"), "{done}");
    let refused = three.ask(&["start", "--wait", "1"]).unwrap();
    assert_eq!(
        (refused.status, refused.code()),
        (1, "network"),
        "it can't be sent before the server is asked"
    );
    assert_eq!(three.ok(&["status"]).unwrap()["state"], "stopped");
    three.link.set(Link::Up);
    three.ok(&["start"]).unwrap();
    names_become(one, &SALES, &["Brought along"]);
    names_become(three, &SALES, &["Brought along"]);
    let set_aside = three.ok(&["snapshots", "list"]).unwrap();
    assert!(!set_aside.to_string().contains("forbidden"), "{set_aside}");
}

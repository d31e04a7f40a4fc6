//! Preparing personalized data (rule 9) through the real programs: on the machine that is its own server, of data that
//! were made on others.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, Machine, OWN_SERVER, THREE},
    programs::Programs,
    proxy::Link,
};
use serde_json::Value;
use tempfile::TempDir;

const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n\
    [[user]]\nname = \"bob\"\n\
    [[user]]\nname = \"carol\"\n\
    [[group]]\nid = \"sales\"\n";

/// Alice, Bob and a group have data, made on machines 1 and 2; nobody was ever at machine 3, which is its own server.
fn fleet() -> (TempDir, Fleet) {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let fleet = Fleet::start(programs, folder.path(), USERS, "127.0.0.1:0", THREE).unwrap();
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    one.ok(&["login", "alice"]).unwrap();
    one.ok(&["set", "copy.copies", "3"]).unwrap();
    for (list, name) in [(&[] as &[&str], "Front desk"), (&[], "Store room"), (&["--group", "sales"], "Fair")]
    {
        add(one, list, name);
    }
    two.ok(&["login", "bob"]).unwrap();
    add(two, &[], "Workshop");
    for machine in [one, two] {
        machine.ok(&["sync"]).unwrap();
    }
    (folder, fleet)
}

fn add(machine: &Machine, list: &[&str], name: &str) {
    machine.ok(&[&["address", "add", "--name", name, "--mail", "x@office.example"], list].concat()).unwrap();
}

fn spaces(report: &Value) -> Vec<String> {
    let spaces = report["spaces"].as_array().unwrap().iter();
    spaces.map(|one| one["space"].as_str().unwrap().to_string()).collect()
}

fn export(machine: &Machine, args: &[&str]) -> (Value, String) {
    let report = machine.ok(&[&["export", "-"], args].concat()).unwrap();
    let content = report["content"].as_str().unwrap().to_string();
    (report, content)
}

fn warned(report: &Value) -> bool {
    report["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "not_prepared")
}

#[test]
fn what_was_prepared_is_exported_whole() {
    let (_folder, fleet) = fleet();
    let [one, _, three] = &fleet.machines[..] else { panic!("three machines") };
    let alice = ["--user", "alice"];
    assert_eq!(three.ask(&["export", "-", "--user", "alice"]).unwrap().code(), "not_a_member");
    assert_eq!(three.ok(&["status"]).unwrap()["prepared"], Value::Null);

    // One person, by name.
    let report = three.ok(&["prepare", "--user", "alice"]).unwrap();
    assert_eq!(spaces(&report), ["office/user/alice"]);
    assert_eq!((&report["users"], &report["groups"]), (&1.into(), &0.into()));
    assert_eq!((&report["records"], &report["all"]), (&3.into(), &false.into()));
    assert!(report["received"].as_u64().unwrap() >= 3);
    let (written, content) = export(three, &alice);
    assert!(content.contains("Front desk") && content.contains("Store room"), "{content}");
    assert_eq!((&written["entries"], warned(&written)), (&2.into(), false));
    assert!(written["replica_age_ms"].is_u64());
    let status = three.ok(&["status"]).unwrap();
    assert_eq!(status["prepared"], report["time"]);
    // Of the others nothing is here, and an export of all says so.
    assert_eq!(three.ask(&["export", "-", "--user", "bob"]).unwrap().code(), "not_a_member");
    let (written, content) = export(three, &[]);
    assert!(warned(&written) && !content.contains("Workshop"), "{written}");

    // All that the server has; those who have nothing are not among them.
    let report = three.ok(&["prepare"]).unwrap();
    assert_eq!(spaces(&report), ["office/user/alice", "office/user/bob", "office/group/sales"]);
    assert_eq!((&report["users"], &report["groups"], &report["all"]), (&2.into(), &1.into(), &true.into()));
    let (written, content) = export(three, &[]);
    for name in ["Front desk", "Store room", "Fair", "Workshop"] {
        assert!(content.contains(name), "{name}: {content}");
    }
    assert!(!warned(&written), "{written}");

    // What came since is there as soon as it is prepared again: nothing is waited for.
    for number in 0..20 {
        add(one, &[], &format!("Late {number}"));
    }
    one.ok(&["sync"]).unwrap();
    three.ok(&["prepare", "--user", "alice", "--group", "sales"]).unwrap();
    let (written, _) = export(three, &alice);
    assert_eq!(written["entries"], 22);
    // Somebody who came to be here without being prepared is named.
    three.ok(&["login", "carol"]).unwrap();
    let (written, _) = export(three, &["--user", "carol"]);
    assert!(warned(&written), "{written}");
    let log = three.ok(&["log"]).unwrap();
    assert_eq!(log.as_array().unwrap().iter().filter(|line| line["code"] == "prepared").count(), 3);
}

#[test]
fn it_is_refused_where_it_cannot_be_and_then_nothing_counts_as_prepared() {
    let (_folder, fleet) = fleet();
    let [one, _, three] = &fleet.machines[..] else { panic!("three machines") };
    let denied = one.ask(&["prepare", "--user", "alice"]).unwrap();
    assert_eq!((denied.status, denied.code()), (1, "prepare_elsewhere"));
    assert_eq!(denied.json["error"]["rule"], "9");
    assert!(!denied.json["error"]["remedy"].as_array().unwrap().is_empty());

    let leads_to = three.connect_to();
    three.ok(&["set-destination", "127.0.0.1:8443", "--connect-to", &leads_to]).unwrap();
    let denied = three.ask(&["prepare"]).unwrap();
    assert_eq!(denied.code(), "prepare_elsewhere");
    let steps = denied.json["error"]["remedy"].to_string();
    assert!(steps.contains("set_destination"), "{steps}");
    three.ok(&["set-destination", OWN_SERVER, "--connect-to", &leads_to]).unwrap();

    let before = three.ok(&["status"]).unwrap()["spaces"].as_array().unwrap().len();
    for (args, code) in [
        (["prepare", "--user", "nobody"], "unknown_user"),
        (["prepare", "--group", "nobodies"], "unknown_group"),
    ] {
        assert_eq!(three.ask(&args).unwrap().code(), code);
    }
    // One that is not known refuses all of them.
    let both = ["prepare", "--user", "alice", "--user", "nobody"];
    assert_eq!(three.ask(&both).unwrap().code(), "unknown_user");
    assert_eq!(three.ok(&["status"]).unwrap()["spaces"].as_array().unwrap().len(), before);

    three.link.set(Link::Down);
    assert_eq!(three.ask(&["prepare", "--user", "alice"]).unwrap().code(), "network");
    three.link.set(Link::Up);
    three.ok(&["stop"]).unwrap();
    assert_eq!(three.ask(&["prepare", "--user", "alice"]).unwrap().code(), "stopped");
    assert_eq!(three.ok(&["status"]).unwrap()["prepared"], Value::Null);
    three.ok(&["start"]).unwrap();
    three.ok(&["prepare", "--user", "alice"]).unwrap();
    assert_ne!(three.ok(&["status"]).unwrap()["prepared"], Value::Null);
}

/// An older model wants the data prepared before they leave.
fn older(folder: &TempDir, machine: &Machine) {
    let profile = folder.path().join("older.toml");
    std::fs::write(&profile, "[preparation]\nrequired = true\n").unwrap();
    machine.ok(&["machine", "--profile", profile.to_str().unwrap()]).unwrap();
}

#[test]
fn where_it_is_required_the_window_is_open_for_those_who_were_prepared() {
    let (folder, fleet) = fleet();
    let [one, two, three] = &fleet.machines[..] else { panic!("three machines") };
    older(&folder, three);
    // Bob is at the machine too.
    three.ok(&["login", "bob"]).unwrap();
    three.ok(&["sync"]).unwrap();
    three.ok(&["prepare", "--user", "alice"]).unwrap();
    export(three, &["--user", "alice"]);
    let denied = three.ask(&["export", "-", "--user", "bob"]).unwrap();
    assert_eq!((denied.status, denied.code()), (1, "not_prepared"));
    let error = &denied.json["error"];
    assert!(error["message"].as_str().unwrap().contains("the user bob never was"), "{error}");
    assert_eq!(
        (&error["remedy"][0]["code"], &error["remedy"][0]["by"]),
        (&"prepare".into(), &"command".into())
    );
    // A whole export would take bob's with it, in a batch as well.
    assert_eq!(
        three.ask(&["export", "-", "--item", "personal-address-list"]).unwrap().code(),
        "not_prepared"
    );
    let bundle = folder.path().join("all.bundle");
    let bundle = bundle.to_str().unwrap();
    let batch = ["export", bundle, "--batch", "--item", "personal-settings"];
    assert_eq!(three.ask(&batch).unwrap().code(), "not_prepared");
    three.ok(&[&batch[..], &["--user", "alice"]].concat()).unwrap();

    // An import asks for those into whose lists its rows go.
    let file = |user: &str| folder.path().join(format!("{user}.csv")).to_str().unwrap().to_string();
    for (machine, user) in [(one, "alice"), (two, "bob")] {
        machine.ok(&["stop"]).unwrap();
        machine.ok(&["export", &file(user), "--user", user]).unwrap();
    }
    let (alice, bob) = (file("alice"), file("bob"));
    let import = |file| ["import", file, "--item", "personal-address-list"];
    assert_eq!(three.ask(&import(&bob)).unwrap().code(), "not_prepared");
    assert_eq!(three.ask(&["import", &bob]).unwrap().code(), "not_prepared");
    three.ok(&import(&alice)).unwrap();

    // The remedy, and then all of it; and where nobody is named, all are prepared.
    three.ok(&["prepare"]).unwrap();
    export(three, &["--user", "bob"]);
    three.ok(&import(&bob)).unwrap();
    export(three, &[]);
}

#[test]
fn what_keeps_an_import_from_beginning_keeps_a_preparation() {
    let (_folder, fleet) = fleet();
    let three = &fleet.machines[2];
    three.ok(&["process", "begin", "software-update"]).unwrap();
    let denied = three.ask(&["prepare", "--user", "alice"]).unwrap();
    assert_eq!((denied.status, denied.code()), (1, "interlocked"));
    assert_eq!(denied.json["error"]["rule"], "7");
    assert_eq!(three.ok(&["status"]).unwrap()["prepared"], Value::Null);
    three.ok(&["process", "end", "software-update"]).unwrap();
    three.ok(&["process", "begin", "control-panel"]).unwrap();
    three.ok(&["prepare", "--user", "alice"]).unwrap();
    assert_eq!(three.ok(&["process", "list"]).unwrap()["running"], serde_json::json!(["control-panel"]));
}

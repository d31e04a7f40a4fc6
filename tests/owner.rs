//! Who carries out what is asked of a machine: the process that owns its folder, or, where there is none, whoever asks.
//! Owners that are killed, commands that cross each other, and commands that come while the owner is busy.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, Machine, OTHER_SERVER},
    programs::{Programs, until},
    proxy::Link,
};
use std::{
    fs,
    process::Child,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\", \"support\"]\n\
    [[group]]\nid = \"sales\"\n[[group]]\nid = \"support\"\n";
const BRANCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/branch.csv");

fn fleet() -> (TempDir, Fleet) {
    let folder = tempfile::tempdir().unwrap();
    let roles = [("Machine 1", "client", OTHER_SERVER)];
    let fleet =
        Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", &roles).unwrap();
    fleet.machines[0].ok(&["login", "alice"]).unwrap();
    (folder, fleet)
}

/// Waits for a command to end. The bound is no measure of speed: it tells "soon" from "never".
fn ended(what: &str, mut child: Child) -> bool {
    let by = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if Instant::now() > by {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{what} does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn starts_and_stops_that_cross_each_other_all_end() {
    let (_folder, fleet) = fleet();
    let machine = &fleet.machines[0];
    for round in 0..5 {
        let asked = ["stop", "start", "stop", "start", "stop", "start"].map(|word| {
            let args = match word {
                // Whoever waits for a machine that somebody else has stopped is told, and does not wait on.
                "start" => vec![word, "--wait", "3600"],
                _ => vec![word],
            };
            (word, machine.begin(&args).unwrap())
        });
        for (word, child) in asked {
            assert!(ended(word, child), "{word}, round {round}");
        }
        let state = machine.ok(&["status"]).unwrap()["state"].clone();
        assert!(state == "stopped" || state == "in-progress", "{state}");
    }
    assert_eq!(machine.ok(&["start"]).unwrap()["state"], "in-progress");
    machine.ok(&["set", "display-language", "de"]).unwrap();
    until(|| machine.ok(&["status"]), |status| status["outbox"] == 0).unwrap();
    // A stop that cannot send ends at its deadline, and says what is left.
    machine.link.set(Link::Down);
    machine.ok(&["set", "display-language", "fr"]).unwrap();
    let stopped = machine.ok(&["stop", "--deadline", "0"]).unwrap();
    assert_eq!((&stopped["state"], &stopped["unsent"]), (&"stopped".into(), &1.into()));
}

#[test]
fn a_killed_owner_leaves_nothing_in_the_way() {
    let (_folder, fleet) = fleet();
    let machine = &fleet.machines[0];
    let program = Programs::built().unwrap().client;
    let data = machine.data.to_str().unwrap();
    let second = program.run(&["run", "--json", "--data", data]).unwrap();
    assert_eq!((second.status, second.code()), (1, "folder_in_use"));

    machine.kill();
    assert!(machine.data.join("socket").exists(), "a killed process removes nothing");
    // Nobody owns the folder: whoever asks does the work, and several take turns.
    assert_eq!(machine.ok(&["set", "display-language", "de"]).unwrap()["value"], "de");
    let names: Vec<String> = (0..8).map(|n| format!("Entry {n}")).collect();
    let asked: Vec<Child> = names
        .iter()
        .map(|name| machine.begin(&["address", "add", "--name", name, "--mail", "e@branch.example"]).unwrap())
        .collect();
    // And an owner that comes back meanwhile takes over.
    machine.run().unwrap();
    for child in asked {
        assert!(ended("address add", child));
    }
    assert_eq!(machine.names(&[]).unwrap(), names);
    until(|| machine.ok(&["status"]), |status| status["outbox"] == 0).unwrap();
    assert_eq!(machine.ok(&["status"]).unwrap()["state"], "in-progress");
    // Without an owner the machine synchronizes where it is asked to.
    machine.kill();
    machine.ok(&["set", "display-language", "fr"]).unwrap();
    assert_eq!(machine.ok(&["sync"]).unwrap()["settled"], 1);
    assert_eq!(machine.ok(&["stop"]).unwrap()["state"], "stopped");
    assert_eq!(machine.ok(&["start"]).unwrap()["level"], true);
}

#[test]
fn an_owner_that_is_killed_at_work_is_named() {
    let (_folder, fleet) = fleet();
    let machine = &fleet.machines[0];
    // The server's answer never comes: the stop waits for it in the owner.
    machine.link.set(Link::DropsAnswers);
    machine.ok(&["set", "display-language", "de"]).unwrap();
    let asked = thread::scope(|scope| {
        let asking = scope.spawn(|| machine.ask(&["stop", "--deadline", "600"]).unwrap());
        until(|| machine.ok(&["status"]), |status| status["state"] == "stopping").unwrap();
        machine.kill();
        asking.join().unwrap()
    });
    assert_eq!((asked.status, asked.code()), (1, "owner_gone"), "{}", asked.json);
    machine.link.set(Link::Up);
    machine.run().unwrap();
    // A stop that was cut off is a stop; what was not sent stays.
    let status = until(|| machine.ok(&["status"]), |status| status["state"] == "stopped").unwrap();
    assert_eq!((&status["state"], &status["outbox"]), (&"stopped".into(), &1.into()));
    assert_eq!(machine.ok(&["get", "display-language"]).unwrap()["value"], "de");
}

#[test]
fn a_busy_owner_answers_everybody() {
    let (folder, fleet) = fleet();
    let machine = &fleet.machines[0];
    let busy = |machine: &Machine| {
        let mut asked = Vec::new();
        for n in 0..6 {
            let name = format!("Busy {n}");
            asked.push(machine.begin(&["status"]).unwrap());
            asked.push(
                machine.begin(&["address", "add", "--name", &name, "--mail", "b@branch.example"]).unwrap(),
            );
            asked.push(machine.begin(&["sync"]).unwrap());
            asked.push(machine.begin(&["superseded", "list"]).unwrap());
            asked.push(machine.begin(&["snapshots", "list"]).unwrap());
            asked.push(machine.begin(&["export", "-", "--item", "address-book"]).unwrap());
        }
        asked
    };
    let asked = busy(machine);
    for child in asked {
        assert!(ended("a command", child));
    }
    assert_eq!(machine.names(&[]).unwrap().len(), 6);
    // While a procedure runs, people work on.
    let procedure = machine.begin(&["procedure", BRANCH, "--item", "user-group-address-list"]).unwrap();
    let asked = [&["status"][..], &["login", "alice"], &["set", "copy.copies", "3"]];
    let asked = asked.map(|args| machine.begin(args).unwrap());
    let second = machine.ask(&["procedure", BRANCH]).unwrap();
    // Of two at the same moment one runs; the other is refused, or comes after it.
    let first = ended("the procedure", procedure);
    assert!(first || second.status == 0, "{}", second.json);
    assert!(
        second.status == 0 || ["procedure_running", "procedure_unfinished"].contains(&second.code()),
        "{}",
        second.json
    );
    for child in asked {
        assert!(ended("a command", child));
    }
    until(|| machine.names(&["--group", "sales"]), |names| names.len() == 12).unwrap();

    // An import waits for nobody, and what was asked for beside it is answered.
    machine.ok(&["stop"]).unwrap();
    let file = folder.path().join("list.csv");
    let rows: String = (0..2_000)
        .map(|n| format!("email,\"Row {n:04}\",\"{n}@row.example\",smtp,{},\"support\",\r\n", 201 + n))
        .collect();
    let head = "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
                objectclass,cn,mailaddress,protocol,indxid,usergroupname,\r\n";
    fs::write(&file, format!("{head}{rows}")).unwrap();
    let import = ["import", file.to_str().unwrap(), "--item", "user-group-address-list", "--mode", "replace"];
    let import = machine.begin(&import).unwrap();
    let asked = ["status", "get", "log"].map(|word| machine.begin(&[word]).unwrap());
    for child in asked.into_iter().chain([import]) {
        assert!(ended("a command", child));
    }
    assert_eq!(machine.names(&["--group", "support"]).unwrap().len(), 2_000);
    assert_eq!(machine.ok(&["start", "--wait", "60"]).unwrap()["level"], true);
}

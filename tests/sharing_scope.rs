//! The sharing scope, through the real programs: chosen while the fleet runs, with a machine that is out of reach.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, Machine, OTHER_SERVER, Roles},
    programs::{Programs, until},
    proxy::Link,
};
use serde_json::Value;

const USERS: &str = "realm = \"office\"\n[[user]]\nname = \"alice\"\n";
const TWO: Roles<'static> = &[("Machine 1", "client", OTHER_SERVER), ("Machine 2", "client", OTHER_SERVER)];

fn get(machine: &Machine) -> (Value, Value) {
    let found = machine.ok(&["get", "copy.copies", "--user", "alice"]).unwrap();
    (found["scope"].clone(), found["value"].clone())
}

fn becomes(machine: &Machine, scope: &str, value: i64) {
    let wanted = (Value::from(scope), Value::from(value));
    let found = until(|| Ok(get(machine)), |found| *found == wanted).unwrap();
    assert_eq!(found, wanted, "{}", machine.name);
}

fn choose(fleet: &Fleet, scope: &str) {
    let done = fleet.server_command(&["scope", "set", "copy.copies", scope]).unwrap();
    assert_eq!((&done["scope"], &done["changed"]), (&scope.into(), &true.into()));
    let again = fleet.server_command(&["scope", "set", "copy.copies", scope]).unwrap();
    assert_eq!(again["changed"], false);
}

#[test]
fn a_scope_is_chosen_while_the_fleet_runs_and_chosen_back() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", TWO).unwrap();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    for machine in [one, two] {
        machine.ok(&["login", "alice"]).unwrap();
    }
    one.ok(&["set", "copy.copies", "3"]).unwrap();
    becomes(two, "shared", 3);

    // Chosen while the second is out of reach, with edits on both sides of it.
    two.link.set(Link::Down);
    one.ok(&["set", "copy.copies", "5"]).unwrap();
    one.ok(&["sync"]).unwrap();
    choose(&fleet, "device-specific");
    becomes(one, "device-specific", 5);
    one.ok(&["set", "copy.copies", "6"]).unwrap();
    assert_eq!(get(two), ("shared".into(), 3.into()));
    two.link.set(Link::Up);
    becomes(two, "device-specific", 5);
    two.ok(&["set", "copy.copies", "7"]).unwrap();
    one.ok(&["sync"]).unwrap();
    two.ok(&["sync"]).unwrap();
    becomes(one, "device-specific", 6);
    becomes(two, "device-specific", 7);
    let status = two.ok(&["status"]).unwrap();
    assert_eq!(status["scopes"]["copy.copies"], "device-specific");
    assert_eq!(status["scopes"]["copy.colour"], "shared");
    // What is chosen survives the process.
    two.kill();
    becomes(two, "device-specific", 7);

    // And back, while the second is stopped: the server's value stands, what each had is kept.
    two.run().unwrap();
    two.ok(&["stop"]).unwrap();
    choose(&fleet, "shared");
    becomes(one, "shared", 5);
    assert_eq!(get(two), ("device-specific".into(), 7.into()));
    two.ok(&["start"]).unwrap();
    becomes(two, "shared", 5);
    let lost = until(
        || {
            let list = two.ok(&["superseded", "list"])?;
            let mut values: Vec<i64> =
                list.as_array().into_iter().flatten().filter_map(|row| row["value"].as_i64()).collect();
            values.sort_unstable();
            Ok(values)
        },
        |values| values.len() == 2,
    );
    assert_eq!(lost.unwrap(), [6, 7]);
    let log = one.ok(&["log"]).unwrap();
    let said: Vec<&Value> =
        log.as_array().unwrap().iter().filter(|line| line["code"] == "sharing_scope").collect();
    assert_eq!(said.len(), 2);
    assert!(said[1]["text"].as_str().unwrap().contains("kept as superseded"), "{said:?}");
    // Shared again means shared.
    two.ok(&["set", "copy.copies", "9"]).unwrap();
    becomes(one, "shared", 9);
}

/// The titles of alice's timeline, by their times.
fn timeline(machine: &Machine) -> Vec<String> {
    let list = machine.ok(&["item", "list", "personal-settings", "--user", "alice"]).unwrap();
    let entries = list["records"].as_array().unwrap().iter().filter(|one| one["type"] == "timeline-entry");
    let mut entries: Vec<(i64, String)> = entries
        .map(|one| {
            let fields = &one["fields"];
            (fields["time"].as_i64().unwrap(), fields["title"].as_str().unwrap().to_string())
        })
        .collect();
    entries.sort_unstable();
    entries.into_iter().map(|(_, title)| title).collect()
}

fn timeline_becomes(machine: &Machine, wanted: &[&str]) {
    let found = until(|| Ok(timeline(machine)), |found| found == wanted).unwrap();
    assert_eq!(found, wanted, "{}", machine.name);
}

fn did(machine: &Machine, time: &str, title: &str) -> Value {
    let (time, title) = (format!("time={time}"), format!("title={title}"));
    let add = ["item", "add", "personal-settings", "timeline-entry", &time, "function=copy", &title];
    machine.ok(&[&add[..], &["--user", "alice"]].concat()).unwrap()["record"].clone()
}

fn scope_becomes(machine: &Machine, name: &str, scope: &str) {
    let scope_of = || Ok(machine.ok(&["status"])?["scopes"][name].clone());
    assert_eq!(until(scope_of, |found| *found == scope).unwrap(), scope, "{}", machine.name);
}

#[test]
fn the_timeline_goes_its_own_way_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", TWO).unwrap();
    let [one, two] = &fleet.machines[..] else { panic!("two machines") };
    for machine in [one, two] {
        machine.ok(&["login", "alice"]).unwrap();
    }
    did(one, "1", "Invoice");
    timeline_becomes(two, &["Invoice"]);

    let done = fleet.server_command(&["scope", "set", "timeline-entry", "device-specific"]).unwrap();
    assert_eq!(done["changed"], true);
    for machine in [one, two] {
        scope_becomes(machine, "timeline-entry", "device-specific");
        // Brought level once more, then its own way.
        timeline_becomes(machine, &["Invoice"]);
    }
    did(one, "2", "Plan");
    let fax = did(two, "3", "Fax");
    let fax = fax.as_str().unwrap();
    one.ok(&["sync"]).unwrap();
    two.ok(&["sync"]).unwrap();
    timeline_becomes(one, &["Invoice", "Plan"]);
    timeline_becomes(two, &["Invoice", "Fax"]);
    // An entry of its own is shown, changed and removed as any other.
    let owner = ["--user", "alice"];
    two.ok(&[&["item", "set", "personal-settings", fax, "title", "Letter"][..], &owner].concat()).unwrap();
    timeline_becomes(two, &["Invoice", "Letter"]);
    let shown = two.ok(&[&["item", "show", "personal-settings", fax][..], &owner].concat()).unwrap();
    assert_eq!(shown["fields"]["title"], "Letter");
    two.ok(&[&["item", "remove", "personal-settings", fax][..], &owner].concat()).unwrap();
    timeline_becomes(two, &["Invoice"]);
    did(two, "4", "Poster");
    // The newest ten of each machine stay.
    for time in 11..=19 {
        did(one, &time.to_string(), "Copy");
    }
    assert_eq!(timeline(one).len(), 10);

    // And back: the server's stands, what each had is kept and can be brought back.
    fleet.server_command(&["scope", "set", "timeline-entry", "shared"]).unwrap();
    for machine in [one, two] {
        scope_becomes(machine, "timeline-entry", "shared");
        timeline_becomes(machine, &["Invoice"]);
        let kept = machine.ok(&["snapshots", "list"]).unwrap();
        assert_eq!(kept[0]["reason"], "sharing-scope", "{kept}");
    }
    let kept = two.ok(&["snapshots", "list"]).unwrap();
    two.ok(&["snapshots", "restore", kept[0]["id"].as_str().unwrap()]).unwrap();
    timeline_becomes(one, &["Invoice", "Poster"]);
}

#[test]
fn only_what_can_be_chosen_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", &[]).unwrap();
    let list = fleet.server_command(&["scope", "list"]).unwrap();
    let fixed = list.as_array().unwrap().iter().filter(|info| info["selectable"] == false).count();
    assert!(fixed > 0 && fixed < list.as_array().unwrap().len());
    for (setting, code) in [
        ("display-language", "scope_not_selectable"),
        ("personal-button", "scope_not_selectable"),
        ("nothing", "unknown_setting"),
    ] {
        let refused = fleet.ask_server(&["scope", "set", setting, "device-specific"]).unwrap();
        assert_eq!((refused.status, refused.code()), (1, code));
    }
    let wrong = fleet.ask_server(&["scope", "set", "copy.copies", "sometimes"]).unwrap();
    assert_eq!(wrong.status, 2);
    assert_eq!(fleet.server_command(&["scope", "list"]).unwrap(), list);
}

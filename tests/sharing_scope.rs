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

#[test]
fn only_what_can_be_chosen_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", &[]).unwrap();
    let list = fleet.server_command(&["scope", "list"]).unwrap();
    let fixed = list.as_array().unwrap().iter().filter(|info| info["selectable"] == false).count();
    assert!(fixed > 0 && fixed < list.as_array().unwrap().len());
    for (setting, code) in [("display-language", "scope_not_selectable"), ("nothing", "unknown_setting")] {
        let refused = fleet.ask_server(&["scope", "set", setting, "device-specific"]).unwrap();
        assert_eq!((refused.status, refused.code()), (1, code));
    }
    let wrong = fleet.ask_server(&["scope", "set", "copy.copies", "sometimes"]).unwrap();
    assert_eq!(wrong.status, 2);
    assert_eq!(fleet.server_command(&["scope", "list"]).unwrap(), list);
}

//! One machine's day, and its fleet's, through the real programs over real HTTPS.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, Machine, OWN_SERVER, THREE},
    programs::{Programs, until},
    proxy::Link,
};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\", \"support\"]\n\
    [[user]]\nname = \"bob\"\ngroups = [\"sales\"]\n\
    [[group]]\nid = \"sales\"\n[[group]]\nid = \"support\"\n";
const BRANCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/branch.csv");

fn fleet() -> (TempDir, Fleet) {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let fleet = Fleet::start(programs, folder.path(), USERS, "127.0.0.1:0", THREE).unwrap();
    (folder, fleet)
}

fn setting_becomes(machine: &Machine, name: &str, wanted: &str) {
    let found = until(
        || Ok(machine.ok(&["get", name, "--user", "alice"])?["value"].clone()),
        |found| found == wanted,
    );
    assert_eq!(found.unwrap(), wanted, "{name} on {}", machine.name);
}

fn names_become(machine: &Machine, list: &[&str], wanted: &[&str]) {
    let found = until(|| machine.names(list), |found| found == wanted).unwrap();
    assert_eq!(found, wanted, "{list:?} on {}", machine.name);
}

#[test]
fn a_person_finds_their_data_on_another_machine_and_nothing_that_lost_is_gone() {
    let (_folder, fleet) = fleet();
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    one.ok(&["login", "alice"]).unwrap();
    one.ok(&["set", "display-language", "de"]).unwrap();
    let added = one.ok(&["address", "add", "--name", "Front desk", "--mail", "desk@branch.example"]).unwrap();
    two.ok(&["login", "alice"]).unwrap();
    setting_becomes(two, "display-language", "de");
    names_become(two, &["--user", "alice"], &["Front desk"]);

    // An edit on the other machine, and a removal that comes back to the first.
    let id = added["id"].as_str().unwrap();
    two.ok(&["address", "edit", id, "--mail", "front@branch.example"]).unwrap();
    until(|| one.ok(&["address", "list"]), |list| list[0]["mail"] == "front@branch.example").unwrap();
    one.ok(&["address", "remove", id]).unwrap();
    names_become(two, &[], &[]);

    // Both change one setting while one is offline; each then knows what stands and what lost.
    two.link.set(Link::Down);
    two.ok(&["set", "copy.copies", "7"]).unwrap();
    one.ok(&["set", "copy.copies", "3"]).unwrap();
    one.ok(&["sync"]).unwrap();
    two.link.set(Link::Up);
    let lost = until(
        || two.ok(&["superseded", "list"]),
        |list| list.as_array().is_some_and(|list| !list.is_empty()),
    )
    .unwrap();
    assert_eq!((&lost[0]["value"], &lost[0]["stands"]), (&Value::from(7), &Value::from(3)));
    assert_eq!(two.ok(&["get", "copy.copies"]).unwrap()["value"], 3);
    two.ok(&["superseded", "take", &lost[0]["id"].to_string()]).unwrap();
    let found = until(|| Ok(one.ok(&["get", "copy.copies"])?["value"].clone()), |value| *value == 7);
    assert_eq!(found.unwrap(), 7);

    let status = one.ok(&["status"]).unwrap();
    assert_eq!((&status["state"], &status["user"]), (&"in-progress".into(), &"alice".into()));
    assert_eq!(status["role"], "client");
    // A person who is not in the group does not get its list, and a machine says whose data it has.
    two.ok(&["login", "bob"]).unwrap();
    assert!(two.ok(&["status"]).unwrap()["spaces"].as_array().unwrap().len() >= 4);
}

#[test]
fn an_import_is_refused_or_done_by_the_rules_and_goes_out_as_it_came_in() {
    let (folder, fleet) = fleet();
    let [one, _, three] = &fleet.machines[..] else { panic!("three machines") };
    let import = ["import", BRANCH, "--item", "user-group-address-list"];
    let denied = one.ask(&import).unwrap();
    assert_eq!((denied.status, denied.code()), (1, "synchronizing"));
    assert_eq!(denied.json["error"]["rule"], "6");
    assert!(denied.json["error"]["remedy"].as_array().unwrap().len() > 1);
    assert_eq!(one.ok(&["status"]).unwrap()["outbox"], 0, "what is denied changes nothing");

    let leads_to = three.connect_to();
    three.ok(&["set-destination", "127.0.0.1:8443", "--connect-to", &leads_to]).unwrap();
    assert_eq!(three.ask(&import).unwrap().code(), "destination_not_localhost");
    three.ok(&["set-destination", OWN_SERVER, "--connect-to", &leads_to]).unwrap();
    let done = three.ok(&import).unwrap();
    assert_eq!(done["read"], 48);
    let again =
        three.ok(&["import", BRANCH, "--item", "user-group-address-list", "--mode", "replace"]).unwrap();
    for space in again["spaces"].as_array().unwrap() {
        assert_eq!(
            (&space["added"], &space["removed"], &space["changed"]),
            (&0.into(), &0.into(), &0.into())
        );
    }

    // Out again: the rows of the group are the bytes that came in.
    let out = folder.path().join("sales.csv");
    let args = ["export", out.to_str().unwrap(), "--item", "user-group-address-list", "--group", "sales"];
    three.ok(&args).unwrap();
    let rows_of = |text: &str| {
        let rows =
            text.lines().filter(|line| line.contains("\"sales\"")).map(|line| line.trim_end().to_string());
        rows.collect::<Vec<_>>()
    };
    let (came_in, went_out) = (fs::read_to_string(BRANCH).unwrap(), fs::read_to_string(&out).unwrap());
    assert_eq!(rows_of(&came_in).len(), 12);
    assert_eq!(rows_of(&went_out), rows_of(&came_in));

    // Without the administrator's token nothing is imported.
    let denied = Programs::built()
        .unwrap()
        .client
        .run(&["import", BRANCH, "--item", "address-book", "--json", "--data", three.data.to_str().unwrap()])
        .unwrap();
    assert_eq!(denied.status, 1);
    assert_eq!(denied.code(), "administrator_required");
}

#[test]
fn the_procedure_brings_lists_in_and_a_backup_brings_a_person_back() {
    let (_folder, fleet) = fleet();
    let [one, two, three] = &fleet.machines[..] else { panic!("three machines") };
    for machine in [one, two, three] {
        machine.ok(&["login", "alice"]).unwrap();
    }
    one.ok(&["set", "display-language", "ja"]).unwrap();
    one.ok(&["address", "add", "--name", "Of before", "--mail", "before@branch.example"]).unwrap();
    names_become(two, &[], &["Of before"]);
    let done = one.ok(&["procedure", BRANCH]).unwrap();
    assert_eq!(done["phase"], "finished");
    let steps: Vec<&str> =
        done["steps"].as_array().unwrap().iter().map(|s| s["evidence"]["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["join", "stop", "back-up", "delete", "import", "start"]);
    let backup = done["steps"][2]["evidence"]["backup"].as_str().unwrap();
    for machine in [one, two, three] {
        let names = until(|| machine.names(&[]), |names| names.len() == 11).unwrap();
        assert!(!names.contains(&"Of before".into()), "{names:?}");
        until(|| machine.names(&["--group", "sales"]), |names| names.len() == 12).unwrap();
        until(|| machine.names(&["--group", "support"]), |names| names.len() == 11).unwrap();
        setting_becomes(machine, "display-language", "ja");
    }
    fleet.server_command(&["restore", "--space", "user/alice", "--from", backup, "--as-changes"]).unwrap();
    for machine in [one, two, three] {
        let names = until(|| machine.names(&[]), |names| names.len() == 12).unwrap();
        assert!(names.contains(&"Of before".into()), "{names:?}");
    }
    // Only one at a time, and none without its file.
    assert_eq!(one.ask(&["procedure", "--resume"]).unwrap().code(), "no_procedure");
}

#[test]
fn what_an_administrator_deletes_is_kept_on_both_sides_and_can_be_brought_back() {
    let (_folder, fleet) = fleet();
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    for machine in [one, two] {
        machine.ok(&["login", "alice"]).unwrap();
    }
    one.ok(&["address", "add", "--name", "Front desk", "--mail", "desk@branch.example"]).unwrap();
    names_become(two, &[], &["Front desk"]);
    two.link.set(Link::Down);
    two.ok(&["address", "add", "--name", "Not sent yet", "--mail", "unsent@branch.example"]).unwrap();
    let deleted = fleet.server_command(&["delete", "--user", "alice"]).unwrap();
    assert_eq!(deleted["deleted"][0]["records"], 1);
    two.link.set(Link::Up);
    names_become(one, &[], &[]);
    names_become(two, &[], &[]);
    // The machine kept its copy with what it had not sent; the server kept its own.
    let kept = two.ok(&["snapshots", "list"]).unwrap();
    assert_eq!(kept[0]["reason"], "gone");
    let id = kept[0]["id"].as_str().unwrap();
    let shown = two.ok(&["snapshots", "show", id]).unwrap().to_string();
    assert!(shown.contains("Not sent yet") && shown.contains("Front desk"), "{shown}");
    two.ok(&["snapshots", "restore", id]).unwrap();
    names_become(one, &[], &["Front desk", "Not sent yet"]);
    let snapshots = fleet.server_command(&["snapshots"]).unwrap();
    assert_eq!(snapshots[0]["reason"], "deleted");
    let id = snapshots[0]["id"].as_str().unwrap();
    let back = fleet.server_command(&["restore", "--snapshot", id, "--as-changes"]).unwrap();
    assert_eq!(back["changes"], 0, "it stands already");
}

#[test]
fn a_whole_restore_begins_a_new_epoch_and_sets_aside_what_came_after() {
    let (_folder, fleet) = fleet();
    for machine in &fleet.machines[..2] {
        machine.ok(&["login", "alice"]).unwrap();
    }
    fleet.machines[0].ok(&["address", "add", "--name", "Kept", "--mail", "kept@branch.example"]).unwrap();
    names_become(&fleet.machines[1], &[], &["Kept"]);
    fleet.server_command(&["backup", "--name", "before.db"]).unwrap();
    fleet.machines[0].ok(&["address", "add", "--name", "Later", "--mail", "later@branch.example"]).unwrap();
    names_become(&fleet.machines[1], &[], &["Kept", "Later"]);

    let refused = fleet.ask_server(&["restore", "--from", "before.db", "--rollback"]).unwrap();
    assert_eq!((refused.status, refused.code()), (1, "folder_in_use"), "not while it serves");
    fleet.kill_server();
    fleet.server_command(&["restore", "--from", "before.db", "--rollback"]).unwrap();
    fleet.restart_server().unwrap();
    for machine in &fleet.machines[..2] {
        names_become(machine, &[], &["Kept"]);
        let kept = machine.ok(&["snapshots", "list"]).unwrap();
        assert_eq!(kept[0]["reason"], "restored");
    }
    let id = fleet.machines[0].ok(&["snapshots", "list"]).unwrap()[0]["id"].as_str().unwrap().to_string();
    fleet.machines[0].ok(&["snapshots", "restore", &id]).unwrap();
    names_become(&fleet.machines[1], &[], &["Kept", "Later"]);
}

#[test]
fn after_a_lost_disk_the_machines_give_back_what_the_backup_does_not_have() {
    let (_folder, fleet) = fleet();
    let [one, two, three] = &fleet.machines[..] else { panic!("three machines") };
    for machine in [one, two] {
        machine.ok(&["login", "alice"]).unwrap();
    }
    one.ok(&["address", "add", "--name", "Kept", "--mail", "kept@branch.example"]).unwrap();
    names_become(two, &[], &["Kept"]);
    fleet.server_command(&["backup", "--name", "before.db"]).unwrap();
    one.ok(&["address", "add", "--name", "Later", "--mail", "later@branch.example"]).unwrap();
    two.ok(&["set", "display-language", "fr"]).unwrap();
    names_become(two, &[], &["Kept", "Later"]);
    setting_becomes(one, "display-language", "fr");
    // One is off while the disk is lost, with something that it has not sent.
    two.link.set(Link::Down);
    two.ok(&["address", "add", "--name", "Not sent yet", "--mail", "unsent@branch.example"]).unwrap();

    fleet.kill_server();
    for entry in fs::read_dir(fleet.server_data()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("store.db")) {
            fs::remove_file(path).unwrap();
        }
    }
    fleet.server_command(&["restore", "--from", "before.db", "--recover"]).unwrap();
    fleet.restart_server().unwrap();
    // Who never had any of it sees all of it.
    until(|| one.ok(&["sync"]), |_| true).unwrap();
    three.ok(&["login", "alice"]).unwrap();
    names_become(three, &[], &["Kept", "Later"]);
    setting_becomes(three, "display-language", "fr");
    two.link.set(Link::Up);
    for machine in [one, two, three] {
        names_become(machine, &[], &["Kept", "Later", "Not sent yet"]);
        assert_eq!(
            machine.ok(&["snapshots", "list"]).unwrap(),
            serde_json::json!([]),
            "nothing is set aside"
        );
        assert_eq!(machine.ok(&["superseded", "list"]).unwrap(), serde_json::json!([]));
    }
    let log = one.ok(&["log"]).unwrap().to_string();
    assert!(log.contains("which is given back"), "{log}");
}

#[test]
fn a_change_reaches_another_machine_without_a_poll() {
    let (_folder, fleet) = fleet();
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    for machine in [one, two] {
        machine.kill();
        // It polls when it starts, and not again while this test runs.
        machine.run_polling("86400000").unwrap();
        machine.ok(&["login", "alice"]).unwrap();
    }
    for n in 1..=5 {
        let (name, mail) = (format!("Desk {n}"), format!("desk{n}@branch.example"));
        let [from, to] = if n % 2 == 0 { [one, two] } else { [two, one] };
        from.ok(&["address", "add", "--name", &name, "--mail", &mail]).unwrap();
        until(|| to.names(&[]), |names| names.contains(&name)).unwrap();
    }
}

#[test]
fn stop_and_start_and_wrong_questions() {
    let (_folder, fleet) = fleet();
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    one.ok(&["login", "alice"]).unwrap();
    two.ok(&["login", "alice"]).unwrap();
    assert_eq!(one.ok(&["stop"]).unwrap()["state"], "stopped");
    one.ok(&["address", "add", "--name", "While stopped", "--mail", "s@branch.example"]).unwrap();
    two.ok(&["address", "add", "--name", "Meanwhile", "--mail", "m@branch.example"]).unwrap();
    two.ok(&["sync"]).unwrap();
    assert_eq!(one.ask(&["sync"]).unwrap().code(), "stopped");
    one.ok(&["start"]).unwrap();
    // The server's data stand; the machine's version is a snapshot.
    names_become(one, &[], &["Meanwhile"]);
    assert_eq!(one.ok(&["snapshots", "list"]).unwrap()[0]["reason"], "start");

    for (wrong, code) in [
        (vec!["set", "no-such-setting", "1"], "unknown_setting"),
        (vec!["set", "copy.copies", "0"], "setting_value"),
        (vec!["address", "remove", "not-an-id"], "unknown_entry"),
        (vec!["snapshots", "show", "not-an-id"], "unknown_snapshot"),
        (vec!["superseded", "take", "99"], "unknown_superseded"),
        (vec!["login", "nobody-of-that-name"], "unknown_user"),
    ] {
        let printed = one.ask(&wrong).unwrap();
        assert_eq!((printed.status, printed.code()), (1, code), "{wrong:?}: {}", printed.json);
    }
    let printed = one.ask(&["no-such-command"]).unwrap();
    assert_eq!((printed.status, printed.code()), (2, "usage"));
}

#[test]
fn a_machine_without_its_server_works_on_and_says_what_it_cannot_do() {
    let (folder, fleet) = fleet();
    let [one, two, three] = &fleet.machines[..] else { panic!("three machines") };
    one.ok(&["login", "alice"]).unwrap();
    let code = fleet.server_command(&["enroll"]).unwrap();
    fleet.kill_server();

    // What needs nobody else is done, and waits to be sent; a login works with what is there.
    one.ok(&["set", "display-language", "fr"]).unwrap();
    one.ok(&["address", "add", "--name", "Offline", "--mail", "offline@branch.example"]).unwrap();
    assert_eq!(one.names(&[]).unwrap(), ["Offline"]);
    let login = two.ok(&["login", "bob"]).unwrap();
    assert_eq!((&login["level"], &login["user"]), (&false.into(), &"bob".into()));
    two.ok(&["set", "display-language", "it"]).unwrap();
    let status = until(|| one.ok(&["status"]), |status| status["last_error"]["code"] == "network").unwrap();
    assert_eq!((&status["outbox"], &status["last_error"]["code"]), (&2.into(), &"network".into()));
    assert_eq!(status["state"], "in-progress");

    // What needs the server says so, and has done nothing.
    for refused in [
        one.ask(&["sync"]),
        one.ask(&["procedure", BRANCH]),
        three.ask(&["import", BRANCH, "--item", "user-group-address-list"]),
    ] {
        let refused = refused.unwrap();
        assert_eq!((refused.status, refused.code()), (1, "network"), "{}", refused.json);
        assert!(!refused.json["error"]["remedy"].as_str().unwrap().is_empty());
    }
    assert_eq!(one.ok(&["procedure", "--list"]).unwrap(), Value::Array(vec![]));
    assert_eq!(one.ok(&["status"]).unwrap()["state"], "in-progress");
    for args in [&["machines"][..], &["backup"], &["delete", "--user", "alice"], &["enroll"]] {
        let refused = fleet.ask_server(args).unwrap();
        assert_eq!((refused.status, refused.code()), (1, "server_not_reachable"), "{args:?}");
    }
    let client = Programs::built().unwrap().client;
    let (fresh, address) = (folder.path().join("fresh"), fleet.address.to_string());
    let word = |key: &str| code[key].as_str().unwrap();
    let enroll = [
        "enroll",
        "--json",
        "--data",
        fresh.to_str().unwrap(),
        "--server",
        &address,
        "--code",
        word("code"),
        "--fingerprint",
        word("fingerprint"),
    ];
    assert_eq!(client.run(&enroll).unwrap().code(), "network");
    let start = ["start", "--json", "--data", fresh.to_str().unwrap(), "--administrator-token"];
    let token = fleet.server_data().join("administrator-token");
    let started = client.run(&[&start[..], &[token.to_str().unwrap()]].concat()).unwrap();
    assert_eq!((started.status, started.code()), (1, "not_enrolled"));
    // A stop ends at its deadline; a start goes on when the server is there again.
    assert_eq!(one.ok(&["stop", "--deadline", "0"]).unwrap()["unsent"], 2);
    let started = one.ok(&["start"]).unwrap();
    assert_eq!((&started["state"], &started["level"]), (&"starting".into(), &false.into()));
    assert_eq!(started["error"]["code"], "network");

    fleet.restart_server().unwrap();
    until(|| one.ok(&["status"]), |status| status["state"] == "in-progress").unwrap();
    two.ok(&["login", "alice"]).unwrap();
    setting_becomes(two, "display-language", "fr");
    names_become(two, &["--user", "alice"], &["Offline"]);
    one.ok(&["login", "bob"]).unwrap();
    let found = until(|| Ok(one.ok(&["get", "display-language"])?["value"].clone()), |found| *found == "it");
    assert_eq!(found.unwrap(), "it", "what was done after a login that the server had not heard of");
    assert_eq!(client.run(&enroll).unwrap().status, 0, "the code was not used up");
}

#[test]
fn passwords_are_kept_and_shown_to_nobody_who_does_not_ask_for_them() {
    let (folder, fleet) = fleet();
    let [one, two, three] = &fleet.machines[..] else { panic!("three machines") };
    let book = |password: &str| {
        let file = folder.path().join("folders.csv");
        let text = format!(
            "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
             objectclass,cn,url,path,protocol,username,pwd,indxid,accesscode,loginusername,\r\n\
             remotefilesystem,\"Scans\",\"ftp.branch.example\",\"/in\",ftp,\"scanner\",\"{password}\",201,4711,\"alice\",\r\n"
        );
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_string()
    };
    let first = book("Pa55-one");
    let item = ["--item", "personal-address-list"];
    one.ok(&["login", "alice"]).unwrap();
    two.ok(&["login", "alice"]).unwrap();
    let mut said = vec![three.ok(&[&["import", &first, "--plan"], &item[..]].concat()).unwrap()];
    said.push(three.ok(&[&["import", &first], &item[..]].concat()).unwrap());
    names_become(one, &[], &["Scans"]);
    names_become(two, &[], &["Scans"]);
    // Two passwords at once: one of them is superseded.
    two.link.set(Link::Down);
    let second = book("Pa55-two");
    said.push(three.ok(&[&["import", &second, "--mode", "replace"], &item[..]].concat()).unwrap());
    three.ok(&["sync"]).unwrap();
    let (out, asked_for) = (folder.path().join("out.csv"), folder.path().join("with-passwords.csv"));
    said.push(three.ok(&["export", out.to_str().unwrap(), "--user", "alice"]).unwrap());
    // Whoever asks for them gets them, and the log says so.
    let export = ["export", asked_for.to_str().unwrap(), "--user", "alice", "--with-passwords"];
    said.push(three.ok(&export).unwrap());
    let text = fs::read_to_string(&asked_for).unwrap();
    assert!(text.contains("Pa55-two") && text.contains("4711"), "{text}");
    assert!(three.ok(&["log"]).unwrap().to_string().contains("passwords_exported"));
    two.ok(&["stop", "--deadline", "0"]).unwrap();
    let third = book("Pa55-three");
    said.push(two.ok(&[&["import", &third, "--mode", "replace"], &item[..]].concat()).unwrap());
    two.link.set(Link::Up);
    two.ok(&["start"]).unwrap();
    said.push(one.ok(&["procedure", BRANCH, "--item", "personal-address-list"]).unwrap());
    for machine in [one, two, three] {
        for args in
            [&["address", "list", "--user", "alice"][..], &["superseded", "list"], &["log"], &["status"]]
        {
            said.push(machine.ok(args).unwrap());
        }
        let kept = machine.ok(&["snapshots", "list"]).unwrap();
        for snapshot in kept.as_array().unwrap() {
            said.push(machine.ok(&["snapshots", "show", snapshot["id"].as_str().unwrap()]).unwrap());
        }
    }
    assert!(said.iter().any(|said| said.to_string().contains("***")), "something was hidden");
    let mut texts: Vec<String> = said.iter().map(ToString::to_string).collect();
    for text in &texts {
        assert!(!text.contains("4711"), "an access code is shown: {text}");
    }
    // In a file it goes with the entry that it protects.
    texts.push(fs::read_to_string(&out).unwrap());
    for log in ["server.log", "machine-1.log", "machine-2.log", "machine-3.log"] {
        texts.push(fs::read_to_string(folder.path().join(log)).unwrap());
    }
    let token = fs::read_to_string(fleet.server_data().join("administrator-token")).unwrap();
    for text in texts {
        for secret in ["Pa55", token.trim()] {
            assert!(!text.contains(secret), "{secret} is shown: {text}");
        }
    }
    // What lies on the disks is its owner's alone.
    use std::os::unix::fs::PermissionsExt as _;
    let server = fleet.server_data();
    for (path, mode) in [
        (&one.data, 0o700),
        (&server, 0o700),
        (&server.join("key.pem"), 0o600),
        (&server.join("administrator-token"), 0o600),
        (&out, 0o600),
        (&asked_for, 0o600),
    ] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}

//! One file from the server to many machines, through the real programs: machines that are off, busy or unwilling, a set
//! time, kills in between, and what the report says of each.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, Machine, THREE},
    programs::{Programs, until},
    proxy::Link,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use sync_core::time::Timestamp;
use tempfile::TempDir;

const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n[[group]]\nid = \"sales\"\n";
/// 8 entries of the machine's own lists, and others of users and groups.
const BRANCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/branch.csv");

fn fleet() -> (TempDir, Fleet) {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let fleet = Fleet::start(programs, folder.path(), USERS, "127.0.0.1:0", THREE).unwrap();
    (folder, fleet)
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// How a distribution stands on the machines, by their names.
fn deliveries(fleet: &Fleet, id: &str) -> BTreeMap<String, Value> {
    let report = fleet.server_command(&["distributions", id]).unwrap();
    let all = report["deliveries"].as_array().unwrap().clone();
    all.into_iter().map(|one| (one["name"].as_str().unwrap().to_string(), one)).collect()
}

fn becomes(fleet: &Fleet, id: &str, machine: &str, wanted: &str) -> Value {
    let found =
        until(|| Ok(deliveries(fleet, id)[machine].clone()), |delivery| delivery["state"] == wanted).unwrap();
    assert_eq!(found["state"], wanted, "{machine}: {found}");
    found
}

/// The names of the machine's own list 1.
fn list(machine: &Machine) -> Vec<String> {
    machine.names(&["--list", "1"]).unwrap()
}

fn id_of(made: &Value) -> String {
    made["distribution"].as_str().unwrap().to_string()
}

/// Leaves a procedure of the machine unfinished: its backup fails, because the folder of backups is none.
fn make_busy(fleet: &Fleet, machine: &Machine) {
    let backups = fleet.server_data().join("backups");
    fs::write(&backups, "in the way").unwrap();
    machine.ok(&["login", "alice"]).unwrap();
    machine.ask(&["procedure", BRANCH, "--item", "user-group-address-list"]).unwrap();
    assert!(!machine.ok(&["status"]).unwrap()["procedure"].is_null());
    fs::remove_file(&backups).unwrap();
}

/// A bundle and its pass phrase.
const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bundle-1.0.age");
const PHRASE: &str = "correct horse battery staple";

#[test]
fn each_machine_takes_it_by_its_own_plan_whether_off_busy_or_unwilling() {
    let (_folder, fleet) = fleet();
    let [off, unwilling, busy] = &fleet.machines[..] else { panic!("three machines") };
    off.kill();
    let refused = Programs::built().unwrap().client;
    let data = unwilling.data.to_str().unwrap();
    let refused = refused.run(&["receiving", "off", "--json", "--data", data]).unwrap();
    assert_eq!(refused.code(), "administrator_required");
    assert_eq!(unwilling.ok(&["receiving"]).unwrap()["receiving"], "on");
    let set = unwilling.ok(&["receiving", "forwarding"]).unwrap();
    assert_eq!(set, json!({"receiving": "items", "items": ["forwarding"]}));
    make_busy(&fleet, busy);

    let made = fleet.server_command(&["distribute", BRANCH]).unwrap();
    let id = id_of(&made);
    assert_eq!((&made["open"], &made["name"]), (&3.into(), &"branch.csv".into()));
    let refusal = becomes(&fleet, &id, unwilling.name, "refused");
    assert_eq!(refusal["report"]["outcome"]["refused"]["code"], "not_received");
    let tried = until(
        || Ok(deliveries(&fleet, &id)[busy.name].clone()),
        |delivery| delivery["attempts"].as_u64() >= Some(2),
    );
    let tried = tried.unwrap();
    assert_eq!(tried["report"]["outcome"]["again"]["code"], "procedure_unfinished", "{tried}");
    assert_eq!((&tried["state"], tried["next"].is_i64()), (&"waiting".into(), true));
    let waits = &deliveries(&fleet, &id)[off.name];
    assert_eq!(
        (&waits["state"], &waits["attempts"], &waits["report"]),
        (&"waiting".into(), &0.into(), &Value::Null)
    );
    assert!(list(busy).is_empty() && list(unwilling).is_empty());

    // Free again, and on again: nobody does anything at the server.
    busy.ok(&["procedure", "--cancel"]).unwrap();
    off.run().unwrap();
    for machine in [busy, off] {
        let done = becomes(&fleet, &id, machine.name, "applied");
        let applied = &done["applied"];
        assert_eq!(applied["added"], done["report"]["outcome"]["applied"]["added"]);
        assert!(applied["added"].as_u64().unwrap() > 0, "{done}");
        // What synchronizes is not distributed beside that.
        let notes = applied["warnings"].as_array().unwrap();
        assert!(notes.iter().any(|note| note["code"] == "not_distributable"), "{done}");
        assert!(list(machine).contains(&"Desk 01".to_string()));
    }
    let over = fleet.server_command(&["distributions", &id]).unwrap();
    assert_eq!(over["counts"], json!({"applied": 2, "refused": 1}));
    assert!(over["over"].is_i64() && over["open"] == 0);

    // Undone on each machine that applied it; each says how that went.
    fleet.server_command(&["distributions", "--undo", &id]).unwrap();
    for machine in [busy, off] {
        becomes(&fleet, &id, machine.name, "undone");
        assert!(list(machine).is_empty(), "{} has its lists as they were", machine.name);
    }
    assert_eq!(deliveries(&fleet, &id)[unwilling.name]["state"], "refused");
}

/// A whole address book has one-touch buttons, which can't be appended.
#[test]
fn a_whole_address_book_arrives_by_default_and_by_number() {
    let (folder, fleet) = fleet();
    let [one, ..] = &fleet.machines[..] else { panic!("three machines") };
    let book = |name: &str, button: &str| {
        let rows = format!(
            "email,{button},11,{button}@office.example,smtp,1,\r\nemail,Lobby,1,lobby@office.example,smtp,201,\r\n"
        );
        let head = "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
                    objectclass,cn,subdbid,mailaddress,protocol,indxid,\r\n";
        let path = folder.path().join(name);
        fs::write(&path, format!("{head}{rows}")).unwrap();
        path.to_str().unwrap().to_string()
    };
    let (desk, porter) = (book("desk.csv", "Desk"), book("porter.csv", "Porter"));
    for (order, added, said) in
        [(&[&*desk][..], 2, true), (&[&*porter], 0, true), (&[&*desk, "--mode", "overwrite"], 0, false)]
    {
        let args = [&["distribute", "--machine", one.name], order].concat();
        let id = id_of(&fleet.server_command(&args).unwrap());
        let applied = becomes(&fleet, &id, one.name, "applied")["applied"].clone();
        assert_eq!(applied["added"], added, "{applied}");
        let mut notes = applied["warnings"].as_array().into_iter().flatten();
        assert_eq!(notes.any(|note| note["code"] == "one_touch_overwritten"), said, "{applied}");
    }
    assert_eq!(
        (one.names(&["--list", "11"]).unwrap(), list(one)),
        (vec!["Desk".into()], vec!["Lobby".into()])
    );
}

#[test]
fn a_set_time_is_waited_for_and_a_cancel_ends_what_has_not_begun() {
    let (_folder, fleet) = fleet();
    let [one, two, _] = &fleet.machines[..] else { panic!("three machines") };
    // The client function of one is stopped: a distribution is no synchronization.
    one.ok(&["stop"]).unwrap();
    let at = now() + 2_500;
    let at_text = Timestamp(at).to_string();
    let args = ["distribute", BRANCH, "--at", &at_text, "--machine", one.name, "--item", "address-book"];
    let id = id_of(&fleet.server_command(&args).unwrap());
    let later = (Timestamp(now() + 3_600_000)).to_string();
    let never = id_of(&fleet.server_command(&["distribute", BRANCH, "--at", &later]).unwrap());
    let done = becomes(&fleet, &id, one.name, "applied");
    assert!(done["report"]["time"].as_i64().unwrap() >= at, "{done}");
    assert_eq!(
        (list(one).len(), list(two).len()),
        (done["applied"]["added"].as_u64().unwrap().try_into().unwrap(), 0)
    );

    let cancelled = fleet.server_command(&["distributions", "--cancel", &never]).unwrap();
    assert_eq!((&cancelled["open"], &cancelled["counts"]), (&0.into(), &json!({"cancelled": 3})));
    let all = fleet.server_command(&["distributions"]).unwrap();
    let ids: Vec<&Value> = all.as_array().unwrap().iter().map(|one| &one["distribution"]).collect();
    assert_eq!(ids, [&json!(never), &json!(id)]);
}

#[test]
fn what_cannot_be_distributed_is_refused_before_any_machine_hears_of_it() {
    let (folder, fleet) = fleet();
    let code = |args: &[&str]| fleet.ask_server(args).unwrap().code().to_string();
    assert_eq!(code(&["distribute", BRANCH, "--item", "personal-settings"]), "not_distributable");
    assert_eq!(code(&["distribute", BRANCH, "--machine", "nobody"]), "unknown_machine");
    let missing = folder.path().join("missing.csv");
    assert_eq!(code(&["distribute", missing.to_str().unwrap()]), "usage");
    let empty = folder.path().join("empty.csv");
    fs::write(&empty, "").unwrap();
    assert_eq!(code(&["distribute", empty.to_str().unwrap()]), "empty_file");
    let unknown = "0192f3c0-0000-4000-8000-000000000001";
    for args in [&["distributions", unknown][..], &["distributions", "--undo", unknown]] {
        assert_eq!(code(args), "unknown_distribution");
    }
    assert_eq!(fleet.server_command(&["distributions"]).unwrap(), json!([]));
    // What no machine could apply is not stored: no address book, a wrong pass phrase, none.
    let wrong = folder.path().join("wrong.csv");
    fs::write(&wrong, "this is no address book\n").unwrap();
    assert_eq!(code(&["distribute", wrong.to_str().unwrap()]), "unknown_format");
    let words = folder.path().join("words");
    fs::write(&words, "open sesame\n").unwrap();
    assert_eq!(code(&["distribute", BUNDLE]), "bundle_passphrase_needed");
    let args = ["distribute", BUNDLE, "--passphrase-file", words.to_str().unwrap()];
    assert_eq!(code(&args), "bundle_passphrase");
    assert_eq!(fleet.server_command(&["distributions"]).unwrap(), json!([]));

    fs::write(&words, format!("{PHRASE}\n")).unwrap();
    let made = fleet.server_command(&args).unwrap();
    let id = id_of(&made);
    let report = || fleet.server_command(&["distributions", &id]);
    let report = until(report, |report| report["open"] == 0).unwrap();
    // The pass phrase is nowhere: not in an answer, not in a log, and no longer in the store.
    assert!(!format!("{made}{report}").contains(PHRASE));
    fleet.ask_server(&["backup", "--name", "after.db"]).unwrap();
    let mut looked_at = 0;
    let logs = fleet.machines.iter().map(|machine| machine.data.with_extension("log"));
    let others = [folder.path().join("server.log"), fleet.server_data().join("backups/after.db")];
    for file in logs.chain(others) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(PHRASE.len()).any(|part| part == PHRASE.as_bytes()), "{}", file.display());
        looked_at += 1;
    }
    assert_eq!(looked_at, 5);
}

/// Kills fall on the fetching, the import and the report; the answers to reports are lost too.
#[test]
fn a_machine_that_is_killed_in_between_applies_it_once() {
    const ROUNDS: u64 = 8;
    let (folder, fleet) = fleet();
    let one = &fleet.machines[0];
    let head: Vec<String> = fs::read_to_string(BRANCH).unwrap().lines().take(8).map(Into::into).collect();
    let row = fs::read_to_string(BRANCH).unwrap().lines().nth(8).unwrap().to_string();
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        let rows = (0..100).map(|n| row.replace("Desk 01", &format!("Round {round} {n:03}")));
        let file = folder.path().join(format!("round-{round}.csv"));
        fs::write(&file, head.iter().cloned().chain(rows).collect::<Vec<_>>().join("\r\n") + "\r\n").unwrap();
        let args = ["distribute", file.to_str().unwrap(), "--machine", one.name];
        ids.push(id_of(&fleet.server_command(&args).unwrap()));
        thread::sleep(Duration::from_millis(round * 41 % 300));
        if round % 2 == 1 {
            one.link.set(Link::DropsAnswers);
            thread::sleep(Duration::from_millis(200));
        }
        one.kill();
        one.link.set(Link::Up);
        one.run().unwrap();
    }
    for id in &ids {
        let done = becomes(&fleet, id, one.name, "applied");
        assert_eq!(done["applied"]["added"], 100, "{done}");
    }
    let names = list(one);
    assert_eq!(names.len(), usize::try_from(ROUNDS * 100).unwrap());
    // Each was written once: the machine's log has one line for each import.
    let log = one.ok(&["log", "--lines", "10000"]).unwrap();
    let imports = log.as_array().unwrap().iter().filter(|line| line["code"] == "imported").count();
    assert!(imports <= ids.len(), "{imports} imports of {} distributions", ids.len());
    let mut distinct = names.clone();
    distinct.dedup();
    assert_eq!(distinct, names);
}

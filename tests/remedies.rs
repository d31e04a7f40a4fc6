//! The commands of remedies, carried out word for word by the real programs: each leads to where the same question is
//! allowed. The caller puts in what the step's `fill` names, and nothing else.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, THREE},
    offline::Offline,
    programs::{Printed, Programs},
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};
use sync_core::machine::SyncState;

/// What the caller knows, by the word that stands for it.
type Known<'a> = BTreeMap<&'a str, String>;

/// The words of a step with what the caller knows in their place; an option whose word is not known is left out, where the
/// step says that it can be.
fn filled(words: &Value, step: &Value, known: &Known<'_>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in words.as_array().unwrap().iter().map(|word| word.as_str().unwrap()) {
        match (step["fill"][word].as_str(), known.get(word)) {
            (None, _) => {
                assert!(word.chars().any(|c| !c.is_ascii_uppercase() && c != '-'), "{word} is not explained");
                out.push(word.into());
            }
            (Some(_), Some(value)) => out.push(value.clone()),
            (Some(meaning), None) => {
                assert!(meaning.contains("left out"), "{word}: {meaning}");
                out.pop();
            }
        }
    }
    out
}

/// Carries out the steps of one way that are commands; says the words that the import needs from then on.
fn follow(programs: &Programs, denied: &Printed, way: u64, known: &Known<'_>) -> Vec<String> {
    let mut with = Vec::new();
    for step in denied.json["error"]["remedy"].as_array().unwrap().iter().filter(|one| one["way"] == way) {
        assert_eq!(step["by"], "command", "{step}");
        let mut words = filled(&step["command"], step, known);
        let program = match &*words.remove(0) {
            "sync-client" => &programs.client,
            "sync-server" => &programs.server,
            other => panic!("{other}"),
        };
        words.push("--json".into());
        let done = program.run(&words).unwrap();
        assert_eq!(done.status, 0, "{words:?}: {} {}", done.json, done.said);
        if step["import_with"].is_array() {
            with.extend(filled(&step["import_with"], step, known));
        }
    }
    with
}

fn codes(denied: &Printed) -> Vec<(u64, &str)> {
    let steps = denied.json["error"]["remedy"].as_array().unwrap().iter();
    steps.map(|step| (step["way"].as_u64().unwrap(), step["code"].as_str().unwrap())).collect()
}

fn written(path: &Path, text: &str) -> String {
    fs::write(path, text).unwrap();
    path.to_str().unwrap().to_string()
}

fn offline(root: &Path) -> Offline {
    fs::create_dir_all(root).unwrap();
    Offline::make(&Programs::built().unwrap(), root, SyncState::Stopped).unwrap()
}

#[test]
fn a_policy_password_that_differs_is_set_or_removed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let theirs = written(&root.join("theirs"), "the source's password\n");
    let ours = written(&root.join("ours"), "another password\n");
    let source = offline(&root.join("source"));
    source.ok(&["policy-password", "--password-file", &theirs]).unwrap();
    // A language of which the catalogue has no word.
    source.ok(&["machine", "--display-language", "th"]).unwrap();
    source.ok(&["item", "set", "security-policy", "policy.no-direct-connection", "on"]).unwrap();
    let bundle = root.join("policy.bundle").to_str().unwrap().to_string();
    // The password's hash leaves a machine encrypted alone.
    let phrase = written(&root.join("phrase"), "a pass phrase\n");
    let batch = ["--batch", "--item", "security-policy", "--passphrase-file", &phrase];
    source.ok(&[&["export", &bundle][..], &batch].concat()).unwrap();
    let import = [&["import", &bundle][..], &batch].concat();
    let mut followed = Vec::new();
    for way in 1.. {
        let root = root.join(way.to_string());
        let machine = offline(&root);
        machine.ok(&["policy-password", "--password-file", &ours]).unwrap();
        machine.ok(&["machine", "--display-language", "en"]).unwrap();
        // Two rules fail: each way has the steps of both.
        let denied = machine.ask(&import).unwrap();
        assert_eq!((denied.status, denied.code()), (1, "language_differs"));
        if way > denied.json["error"]["ways"].as_array().unwrap().len() as u64 {
            break;
        }
        let steps = denied.json["error"]["remedy"].as_array().unwrap().iter();
        if steps.filter(|step| step["way"] == way).any(|step| step["by"] != "command") {
            continue;
        }
        let known: Known<'_> = [
            ("DIR", machine.data.to_str().unwrap().to_string()),
            ("TOKEN", root.join("token").to_str().unwrap().to_string()),
            ("PASSWORD", theirs.clone()),
        ]
        .into();
        let with = follow(&Programs::built().unwrap(), &denied, way, &known);
        let mut again: Vec<&str> = import.clone();
        again.extend(with.iter().map(String::as_str));
        machine.ok(&again).unwrap();
        followed.extend(codes(&denied).iter().filter(|(of, _)| *of == way).map(|(_, code)| code.to_string()));
    }
    assert_eq!(
        followed,
        ["set_display_language", "set_policy_password", "set_display_language", "remove_policy_password"]
    );
}

const USERS: &str =
    "realm = \"office\"\n[[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n[[group]]\nid = \"sales\"\n";

#[test]
fn what_synchronizes_runs_or_is_not_prepared_is_helped_by_its_commands() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let fleet = Fleet::start(programs.clone(), folder.path(), USERS, "127.0.0.1:0", THREE).unwrap();
    let [one, _, three] = &fleet.machines[..] else { panic!("three machines") };
    let server = fleet.server_data();
    let file = folder.path().join("list.csv").to_str().unwrap().to_string();
    let known_at = |data: &Path| -> Known<'_> {
        [
            ("DIR", data.to_str().unwrap().to_string()),
            ("SERVER-DIR", server.to_str().unwrap().to_string()),
            ("TOKEN", server.join("administrator-token").to_str().unwrap().to_string()),
            ("FILE", file.clone()),
            ("ID", "sales".to_string()),
        ]
        .into()
    };
    for machine in [one, three] {
        machine.ok(&["login", "alice"]).unwrap();
    }
    three
        .ok(&["address", "add", "--name", "Fair", "--mail", "f@office.example", "--group", "sales"])
        .unwrap();
    three.ok(&["sync"]).unwrap();
    let group = ["--item", "user-group-address-list"];
    three.ok(&[&["export", &file][..], &group].concat()).unwrap();

    // A client: the procedure by hand, whose import is one of its steps.
    let import = [&["import", &file][..], &group].concat();
    let denied = one.ask(&import).unwrap();
    assert_eq!(denied.code(), "synchronizing");
    follow(&programs, &denied, 1, &known_at(&one.data));
    assert_eq!(one.ok(&["status"]).unwrap()["state"], "in-progress");

    // Several sessions of a kind.
    for _ in 0..2 {
        three.ok(&["process", "begin", "remote-address-book"]).unwrap();
    }
    let denied = three.ask(&import).unwrap();
    assert_eq!(codes(&denied), [(1, "end_process")]);
    follow(&programs, &denied, 1, &known_at(&three.data));
    three.ok(&import).unwrap();
    // What the product itself counts is not ended by a word.
    assert_eq!(three.ask(&["process", "end", "import-export", "--all"]).unwrap().code(), "wrong_command");

    // Prepared in parts, or all at once.
    let export = ["export", &file, "--item", "personal-address-list", "--user", "alice"];
    for (profile, question, code) in [
        ("required = true\nmost-at-once = 1\n", &import[..], "prepare_in_parts"),
        ("required = true\n", &export[..], "prepare"),
    ] {
        let profile = written(&folder.path().join("profile"), &format!("[preparation]\n{profile}"));
        three.ok(&["machine", "--profile", &profile]).unwrap();
        let denied = three.ask(question).unwrap();
        assert_eq!(codes(&denied), [(1, code)]);
        follow(&programs, &denied, 1, &known_at(&three.data));
        three.ok(question).unwrap();
    }

    // Another spelling of this machine.
    three.ok(&["set-destination", "127.0.0.1:8443", "--connect-to", &three.connect_to()]).unwrap();
    let denied = three.ask(&import).unwrap();
    assert_eq!(denied.code(), "destination_not_localhost");
    let ways = codes(&denied);
    let way = ways.iter().find(|(_, code)| *code == "set_destination").unwrap().0;
    let steps: Vec<&str> = ways.iter().filter(|(of, _)| *of == way).map(|(_, code)| *code).collect();
    // The destination, a preparation where one is still missing, and the import itself.
    assert_eq!((steps[0], steps[steps.len() - 1]), ("set_destination", "import"));

    // A machine that is used no more leaves its place; what it has not sent stays on it.
    let two = &fleet.machines[1];
    let question = [
        "decide",
        "--role",
        "server",
        "--administrator",
        "--operation",
        "import",
        "--item",
        "address-book",
        "--would-hold",
        "machines=11",
        "--json",
    ];
    let denied = programs.client.run(&question).unwrap();
    assert_eq!(denied.json["code"], "over_limit", "{}", denied.json);
    let step = &denied.json["remedy"][0];
    assert_eq!(step["http"]["path"], "/v1/machines/remove", "{step}");
    let mut known = known_at(&two.data);
    known.insert("MACHINE", two.name.into());
    let mut words = filled(&step["command"], step, &known);
    assert_eq!(words.remove(0), "sync-server");
    words.push("--json".into());
    let removed = programs.server.run(&words).unwrap();
    assert_eq!((removed.status, &removed.json["name"]), (0, &two.name.into()));
    let left = fleet.server_command(&["machines"]).unwrap();
    assert_eq!(left.as_array().unwrap().len(), 2, "{left}");
    two.ok(&["login", "alice"]).unwrap();
    two.ok(&["set", "display-language", "fr"]).unwrap();
    assert_eq!(two.ask(&["sync"]).unwrap().code(), "unauthorized");
    assert_eq!(two.ok(&["get", "display-language"]).unwrap()["value"], "fr");
}

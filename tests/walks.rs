//! What an administrator meets, through the real programs: limits, values that don't fit, secrets, another model's files, a
//! bounded enrolment, what is cancelled.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, OTHER_SERVER},
    offline::{Offline, TOKEN},
    programs::Programs,
};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path, process::Command, thread::sleep, time::Duration};
use sync_client::bundle::{Lock, PRODUCT, Work, create, open};
use sync_core::{
    bundle::{Entry, Manifest, Section, Source},
    id::RecordId,
    machine::SyncState,
    time::Timestamp,
    value::Value,
};

const HEAD: &str = "objectclass,cn,mailaddress,subdbid,indxid,\r\n";

const LIMITS: &str = "[limits]\naddresses = 2\nmachines = 10\nusers = 1000\none-touch = 200\ngroup-lists = 50\n\
                      local-users = 5001\ndepartment-ids = 1000\n";

#[test]
fn the_one_touch_list_is_overwritten_by_number_and_an_edit_since_stays_at_an_undo() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let machine = Offline::make(&programs, folder.path(), SyncState::Stopped).unwrap();
    let file = folder.path().join("lists.csv").to_str().unwrap().to_string();
    let rows = "email,Desk,desk@a.example,11,5,\r\nemail,Lobby,lobby@a.example,1,201,\r\n";
    fs::write(&file, format!("{HEAD}{rows}")).unwrap();
    let one_touch = || machine.ok(&["address", "list", "--list", "11"]).unwrap().as_array().unwrap().clone();
    // Buttons go by their numbers where entries are appended, and the plan says so.
    let planned = machine.ok(&["import", &file, "--plan"]).unwrap();
    assert!(planned["warnings"].to_string().contains("one_touch_overwritten"), "{planned}");
    assert_eq!(one_touch().len(), 0);

    let overwrite = ["import", &file, "--mode", "overwrite"];
    machine.ok(&overwrite).unwrap();
    let id = one_touch()[0]["id"].clone();
    fs::write(&file, format!("{HEAD}email,Gate,gate@a.example,11,5,\r\n")).unwrap();
    machine.ok(&overwrite).unwrap();
    assert_eq!((one_touch().len(), &one_touch()[0]["id"]), (1, &id));
    assert_eq!(one_touch()[0]["name"], "Gate");

    machine.ok(&["address", "edit", id.as_str().unwrap(), "--list", "11", "--name", "Back gate"]).unwrap();
    let planned = machine.ok(&["import", "--undo", "--plan"]).unwrap();
    assert!(planned.to_string().contains("Back gate"), "{planned}");
    assert_eq!(one_touch()[0]["name"], "Back gate");
    machine.ok(&["import", "--undo"]).unwrap();
    let (name, mail) = (one_touch()[0]["name"].clone(), one_touch()[0]["mail"].clone());
    assert_eq!((name, mail), (json!("Back gate"), json!("desk@a.example")));
}

#[test]
fn a_limit_that_the_profile_states_refuses_the_whole_import() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let machine = Offline::make(&programs, folder.path(), SyncState::Stopped).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (profile, lists, bundle) = (path("profile.toml"), path("lists.csv"), path("all.bundle"));
    let rows: String = (1..=3).map(|n| format!("email,Desk {n},d{n}@a.example,1,{},\r\n", 200 + n)).collect();
    fs::write(&lists, format!("{HEAD}{rows}")).unwrap();
    machine.ok(&["import", &lists]).unwrap();
    machine.ok(&["export", &bundle, "--batch", "--item", "address-book"]).unwrap();

    let one = path("one.csv");
    fs::write(&one, format!("{HEAD}email,Desk 1,d1@a.example,1,201,\r\n")).unwrap();
    machine.ok(&["import", &one, "--mode", "replace"]).unwrap();
    fs::write(&profile, LIMITS).unwrap();
    machine.ok(&["machine", "--profile", &profile]).unwrap();
    let listed = || machine.ok(&["address", "list", "--list", "1"]).unwrap();
    let before = listed();
    for args in
        [&["import", &lists, "--mode", "replace"][..], &["import", &bundle, "--batch", "--mode", "replace"]]
    {
        let answer = machine.ask(args).unwrap();
        let text = format!("{answer:?}");
        assert_eq!((answer.code(), &answer.json["error"]["rule"]), ("over_limit", &"10".into()), "{text}");
        // The remedy does not offer what can't help.
        assert!(!text.contains("--skip-unfit"), "{text}");
        assert_eq!(listed(), before);
    }
}

#[test]
fn an_interrupted_export_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let machine = Offline::make(&programs, folder.path(), SyncState::Stopped).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (lists, bundle) = (path("lists.csv"), path("all.bundle"));
    let rows: String =
        (1..=3_000).map(|n| format!("email,Desk {n},d{n}@a.example,1,{},\r\n", 200 + n)).collect();
    fs::write(&lists, format!("{HEAD}{rows}")).unwrap();
    machine.ok(&["import", &lists]).unwrap();
    fs::write(&bundle, "old").unwrap();
    let mut export = machine.begin(&["export", &bundle, "--batch", "--item", "address-book"]).unwrap();
    let parts = || {
        let names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".part")).count()
    };
    while parts() == 0 && export.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
    let _ = Command::new("kill").args(["-INT", &export.id().to_string()]).status();
    let done = export.wait().unwrap().success();
    assert_eq!(parts(), 0);
    assert_eq!(fs::read(&bundle).unwrap() != b"old", done);
    assert_eq!(machine.ask(&["export", "--cancel"]).unwrap().code(), json!("no_import"));
}

fn record(item: &str, kind: &str, id: RecordId, more: &[(&str, Value)]) -> Entry {
    let fields = more.iter().map(|(name, value)| ((*name).to_string(), value.clone()));
    let fields = fields.chain([("type".to_string(), kind.into())]).collect();
    Entry::new(item, format!("local/{item}"), id, fields)
}

fn setting(item: &str, name: &str, value: Value) -> Entry {
    record(item, "setting", RecordId::of_setting(name), &[("name", name.into()), ("value", value)])
}

fn id(n: u128) -> RecordId {
    RecordId(uuid::Uuid::from_u128(n))
}

/// A bundle of these records, of a machine with this display language.
fn bundle(path: &str, lock: &Lock, language: &str, mut entries: Vec<Entry>) {
    entries.sort_by(|a, b| (&a.item, &a.place, a.id.0).cmp(&(&b.item, &b.place, b.id.0)));
    let mut items: Vec<&str> = entries.iter().map(|entry| &*entry.item).collect();
    items.dedup();
    let source = Source { name: "Copier".into(), language: Some(language.into()), ..Source::default() };
    let sections = items.into_iter().map(Section::named).collect();
    let manifest = Manifest { sections, ..Manifest::new(PRODUCT, Timestamp(1), source) };
    let records = || Ok(entries.iter().cloned().map(Ok));
    create(Path::new(path), lock, Work::QUICK, manifest, records, &mut |_, _| {}).unwrap();
}

/// What the records of a bundle hold. Those that are known by something else than their id come under ids of this machine.
fn content(path: &str) -> Vec<(String, BTreeMap<String, Value>)> {
    let mut all = Vec::new();
    let opened = open(Path::new(path), &Lock::Plain, Work::QUICK).unwrap();
    let read = opened.read_whole(&mut |_, _| {}, |entry| {
        all.push((entry.item, entry.fields));
        Ok(())
    });
    read.unwrap();
    all.sort_by_key(|one| format!("{one:?}"));
    all
}

#[test]
fn a_newer_models_bundle_passes_through_a_machine_whole() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let machine = Offline::make(&programs, folder.path(), SyncState::Stopped).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (newer, wrong, out) = (path("newer.bundle"), path("wrong.bundle"), path("out.bundle"));
    let records = vec![
        setting("box", "box.auto-delete-hours", 5_000.into()),
        setting("box", "box.hard-disk-store", "engrave".into()),
        setting("box", "box.hologram", true.into()),
        record("box", "mail-box", id(7), &[("number", 7.into()), ("scent", "rose".into())]),
        record("box", "hologram-box", id(8), &[("depth", 3.into())]),
        setting("forwarding", "forwarding.errors", "off".into()),
    ];
    bundle(&newer, &Lock::Plain, "ja", records);
    // Another display language, before anything is written (rule 4).
    assert_eq!(machine.ask(&["import", &newer, "--batch"]).unwrap().code(), "language_differs");
    machine.ok(&["machine", "--display-language", "ja"]).unwrap();
    let planned = machine.ok(&["import", &newer, "--batch", "--plan"]).unwrap()["warnings"].to_string();
    for said in ["value_not_usable", "stored_documents_deleted", "failed_jobs_deleted"] {
        assert!(planned.contains(said), "{said}: {planned}");
    }
    machine.ok(&["import", &newer, "--batch"]).unwrap();
    let shown = machine.ok(&["item", "show", "box", "box.auto-delete-hours"]).unwrap();
    assert_eq!(shown["unusable"], 5_000, "{shown}");
    assert_ne!(shown["value"], 5_000);
    machine.ok(&["export", &out, "--batch", "--item", "box", "--item", "forwarding"]).unwrap();
    let after = content(&out);
    assert_eq!(after, content(&newer));
    // What no model could have is refused, and nothing is changed.
    let records = vec![
        setting("box", "box.auto-delete-hours", "soon".into()),
        setting("box", "box.show-print-settings", true.into()),
    ];
    bundle(&wrong, &Lock::Plain, "ja", records);
    assert_eq!(machine.ask(&["import", &wrong, "--batch"]).unwrap().code(), "value_refused");
    machine.ok(&["export", &out, "--batch", "--item", "box", "--item", "forwarding"]).unwrap();
    assert_eq!(content(&out), after);

    // A Home item reaches a machine without a Home screen neither alone nor beside what is permitted.
    let home = path("home.bundle");
    let records = vec![
        setting("home", "home.wallpaper", "sea".into()),
        setting("box", "box.show-print-settings", true.into()),
    ];
    bundle(&home, &Lock::Plain, "ja", records);
    machine.ok(&["machine", "--home-screen", "no"]).unwrap();
    assert_eq!(machine.ask(&["import", &home, "--batch"]).unwrap().code(), "home_screen_required");
    let passed = machine.ok(&["import", &home, "--batch", "--skip-refused"]).unwrap();
    assert_eq!(passed["items"], json!(["box"]), "{passed}");
}

#[test]
fn no_secret_is_in_what_a_machine_says() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let machine = Offline::make(&programs, folder.path(), SyncState::Stopped).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (file, phrase) = (path("secret.bundle"), path("phrase"));
    let (words, pins, password) =
        ("correct horse battery staple", ["7391746", "8264913", "6173528"], "sesame-of-the-address");
    fs::write(&phrase, words).unwrap();
    let manager = [("id", "7000001".into()), ("pin", pins[0].into())].map(|(n, v)| (n.to_string(), v));
    let records = vec![
        setting("department-id-management", "department.system-manager", Value::Map(manager.into())),
        setting("box", "box.memory-reception-pin", pins[1].into()),
        record("box", "mail-box", id(7), &[("number", 7.into()), ("pin", pins[2].into())]),
        // Out of this machine's range, and a secret all the same.
        setting("box", "box.advanced-auto-delete-days", 5_000.into()),
    ];
    let secret = records.into_iter().map(|entry| Entry { secret: true, ..entry }).collect();
    bundle(&file, &Lock::pass_phrase(words).unwrap(), "en", secret);
    let lists = path("lists.csv");
    let rows = format!("file,Store,,1,201,files.example,share,me,{password},\r\n");
    fs::write(&lists, format!("objectclass,cn,mailaddress,subdbid,indxid,url,path,username,pwd,\r\n{rows}"))
        .unwrap();
    let order = ["import", &file, "--batch", "--passphrase-file", &phrase];
    let mut said: Vec<String> = Vec::new();
    let plan = machine.ok(&[&order[..], &["--plan"]].concat()).unwrap().to_string();
    assert!(plan.contains("system_manager_overwritten"), "{plan}");
    said.push(plan);
    said.push(machine.ok(&order).unwrap().to_string());
    for args in [
        &["import", &*lists, "--plan"][..],
        &["import", &lists],
        &["import", "--list"],
        &["import", "--undo", "--plan"],
        &["log"],
        &["status"],
        &["address", "list", "--list", "1"],
        &["bundle", "show", &file, "--passphrase-file", &phrase],
    ] {
        said.push(format!("{:?}", machine.ask(args).unwrap()));
    }
    let secrets = pins.iter().chain([&words, &password, &TOKEN]);
    for secret in secrets {
        for text in &said {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    // They did arrive.
    assert_eq!(machine.ok(&["item", "show", "box", "box.memory-reception-pin"]).unwrap()["set"], true);
}

const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n\
    [[user]]\nname = \"carol\"\ngroups = [\"lab\"]\n\
    [[group]]\nid = \"sales\"\n[[group]]\nid = \"lab\"\n";

#[test]
fn a_bounded_enrolment_holds_in_every_plan() {
    let folder = tempfile::tempdir().unwrap();
    let roles = [("Machine 1", "client", OTHER_SERVER)];
    let fleet =
        Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", &roles).unwrap();
    let one = &fleet.machines[0];
    let code = fleet.server_command(&["enroll", "--groups", "lab"]).unwrap();
    let text = |key: &str| code[key].as_str().unwrap().to_string();
    one.enroll(OTHER_SERVER, &text("code"), &text("fingerprint")).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let head = "objectclass,cn,mailaddress,protocol,indxid,usergroupname,loginusername,\r\n";
    let lists = |name: &str, owner: &str| {
        fs::write(path(name), format!("{head}email,Desk,d@a.example,smtp,201,{owner},\r\n")).unwrap();
        path(name)
    };
    let (outside, inside) = (lists("outside.csv", "sales,"), lists("inside.csv", ",carol"));
    // Whoever is outside is told so at the login.
    let login = one.ok(&["login", "alice"]).unwrap();
    assert!(login["level"] == false && login["why"].to_string().contains("enrolment"), "{login}");
    assert_eq!(one.ok(&["login", "carol"]).unwrap()["level"], true);
    for args in [&["procedure", &*outside, "--plan"][..], &["procedure", &outside]] {
        assert_eq!(one.ask(args).unwrap().code(), "outside_enrolment", "{args:?}");
    }
    one.ok(&["stop"]).unwrap();
    for more in [&["--plan"][..], &[]] {
        let args = [&["import", &*outside][..], more].concat();
        assert_eq!(one.ask(&args).unwrap().code(), "outside_enrolment", "{args:?}");
    }
    one.ok(&["import", &inside, "--plan"]).unwrap();
    one.ok(&["start"]).unwrap();
    assert_eq!(one.ask(&["procedure", "--cancel"]).unwrap().code(), "no_procedure");
}

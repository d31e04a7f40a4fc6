//! What an administrator meets at one machine, through the real program: limits, values that don't fit, a cancelled export.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{offline::Offline, programs::Programs};
use serde_json::json;
use std::{fs, process::Command, thread::sleep, time::Duration};
use sync_core::machine::SyncState;

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
    // An entry can't be appended to the one-touch list; whoever passes over it gets the rest.
    assert_eq!(machine.ask(&["import", &file]).unwrap().code(), "mode_not_for_list");
    let passed = machine.ok(&["import", &file, "--skip-unfit"]).unwrap();
    assert!(passed["warnings"].to_string().contains("mode_not_for_list"), "{passed}");
    let one_touch = || machine.ok(&["address", "list", "--list", "11"]).unwrap().as_array().unwrap().clone();
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
        assert!(text.contains("holds 2"), "{text}");
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

//! Exports of every item through the real program: with and without an owner of the folder, encrypted and plain.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{offline::Offline, programs::Programs};
use serde_json::json;
use std::fs;
use sync_core::machine::SyncState;

const PHRASE: &str = "correct horse battery staple";

#[test]
fn a_machine_goes_into_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().unwrap();
    let machine = Offline::make(&programs, folder.path(), SyncState::Stopped).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (phrase, whole, plain) = (path("phrase"), path("whole.bundle"), path("plain.bundle"));
    fs::write(&phrase, format!("{PHRASE}\n")).unwrap();
    let entry = ["address", "add", "--list", "1", "--name", "Front desk", "--mail", "desk@office.example"];
    machine.ok(&entry).unwrap();

    let encrypted = ["export", &whole, "--batch", "--passphrase-file", &phrase];
    let first = machine.ok(&encrypted).unwrap();
    assert_eq!((&first["format"], &first["encrypted"]), (&json!("bundle"), &json!(true)));
    assert_eq!(first["bytes"], fs::metadata(&whole).unwrap().len());
    assert!(!first.to_string().contains(PHRASE));

    // Where somebody owns the folder, the owner writes it.
    let owner = machine.run().unwrap();
    let second = machine.ok(&encrypted).unwrap();
    assert_eq!(second["entries"], first["entries"]);
    assert_ne!(second["sha256"], first["sha256"]);
    let verified = machine.ok(&["bundle", "verify", &whole, "--passphrase-file", &phrase]).unwrap();
    assert_eq!((&verified["verified"], &verified["records"]), (&json!(true), &second["entries"]));
    assert_eq!(verified["sections"].as_array().unwrap().len(), 19);
    let book = ["export", &plain, "--batch", "--item", "address-book", "--item", "forwarding"];
    let sections = machine.ok(&book).unwrap()["sections"].clone();
    let counts: Vec<_> =
        sections.as_array().unwrap().iter().map(|one| (&one["item"], &one["entries"])).collect();
    assert_eq!(counts, [(&json!("address-book"), &json!(1)), (&json!("forwarding"), &json!(0))]);
    let again = ["import", &whole, "--batch", "--passphrase-file", &phrase, "--plan"];
    let planned = machine.ok(&again).unwrap();
    assert!(planned["fingerprint"].is_string(), "{planned}");
    drop(owner);

    let code = |args: &[&str]| machine.ask(args).unwrap().code().to_string();
    assert_eq!(code(&["export", &plain, "--batch", "--item", "key"]), "item_needs_passphrase");
    assert_eq!(code(&["export", &plain, "--batch", "--encrypt", "--passphrase-file", &phrase]), "usage");
    assert_eq!(code(&["export", "-", "--item", "printer-settings"]), "wrong_command");
    let log = machine.ok(&["log"]).unwrap().to_string();
    assert!(log.contains("secrets_exported") && !log.contains(PHRASE));
}

//! A batch bundle through the real programs: everything of one machine, every setting of which was changed, reaches
//! another, and is taken back there.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    offline::{Offline, REALM},
    programs::Programs,
};
use serde_json::Value as Json;
use std::{collections::BTreeMap, fs, path::Path};
use sync_client::{
    bundle::{self, Lock, Work},
    store::{Batch, Edit, Store},
};
use sync_core::{
    bundle::{Entry, Manifest},
    catalogue::{self, Place, Sharing, samples},
    change::Operation,
    id::RecordId,
    item::Item,
    machine::SyncState,
    space::SpaceName,
    value::Value,
};

const PHRASE: &str = "correct horse battery staple";
/// A secret of the samples' machine that must be in no file and no log.
const KEYCHAIN: &str = "SEALED-OF-A-KEYCHAIN";

/// The records of a bundle: item, place and id, then the fields.
type Records = BTreeMap<(String, String, String), Entry>;

fn machine(root: &Path, seed: Option<u64>) -> Offline {
    let machine = Offline::make(&Programs::built().unwrap(), root, SyncState::Stopped).unwrap();
    if let Some(seed) = seed {
        fill(&machine, seed);
    }
    machine
}

/// Changes everything that a machine has.
fn fill(machine: &Offline, seed: u64) {
    let mut store = Store::open(&machine.data).unwrap();
    let mut edits = Vec::new();
    for sample in Item::ALL.iter().flat_map(|item| samples(*item, seed)) {
        let name = sample.fields.get("name").and_then(Value::as_text).unwrap_or_default().to_string();
        let mut fields = sample.fields;
        if name == "keychain" {
            let entry = [("service", "mail".into()), ("password", KEYCHAIN.into())];
            let entry = entry.map(|(name, value)| (name.to_string(), value)).into();
            fields.insert("value".into(), Value::List(vec![Value::Map(entry)]));
        }
        let (mut space, mut id) = match sample.place {
            Place::Local(name) => (SpaceName::local(name), sample.id),
            Place::User => (SpaceName::user(REALM, "alice"), sample.id),
            Place::Group => (SpaceName::group(REALM, "sales"), sample.id),
            Place::Common(name) => (format!("{REALM}/common/{name}").parse().unwrap(), sample.id),
        };
        if let Some(setting) = catalogue::find(&name)
            && sample.place == Place::User
            && setting.sharing != Sharing::Shared
        {
            (space, id) =
                (SpaceName::local("settings"), RecordId::of_setting(&format!("alice/{}", setting.name)));
            fields.insert("user".into(), "alice".into());
        }
        let fields = fields.into_iter().map(|(name, value)| (name, Some(value))).collect();
        edits.push(Edit { space, record: id, operation: Operation::Edit(fields) });
    }
    let mut spaces: Vec<SpaceName> =
        edits.iter().map(|edit| edit.space.clone()).filter(SpaceName::synchronizes).collect();
    spaces.sort();
    spaces.dedup();
    store.join(&spaces).unwrap();
    store.apply(&Batch { edits, ..Batch::default() }).unwrap();
}

/// Exports all of a machine, and reads what came.
fn export(machine: &Offline, root: &Path, name: &str, phrase: &str) -> (String, Manifest, Records) {
    let file = root.join(name).to_str().unwrap().to_string();
    machine.ok(&["export", &file, "--batch", "--passphrase-file", phrase]).unwrap();
    let lock = Lock::pass_phrase(PHRASE).unwrap();
    let mut records = Records::new();
    let opened = bundle::open(Path::new(&file), &lock, Work::default()).unwrap();
    let manifest = opened.read_whole(&mut |_, _| {}, |entry| {
        let key = (entry.item.to_string(), entry.place.clone(), entry.id.to_string());
        assert!(records.insert(key, entry).is_none());
        Ok(())
    });
    (file, manifest.unwrap(), records)
}

#[test]
fn everything_of_one_machine_reaches_another_and_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let phrase = root.join("phrase").to_str().unwrap().to_string();
    for name in ["a", "b"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(&phrase, format!("{PHRASE}\n")).unwrap();

    let a = machine(&root.join("a"), Some(7));
    let b = machine(&root.join("b"), None);
    let (file, manifest, source) = export(&a, root, "a.bundle", &phrase);
    let empty: Vec<_> = manifest.sections.iter().filter(|section| section.records == 0).collect();
    assert!(empty.is_empty(), "{empty:?}");
    assert!(source.values().any(|entry| format!("{:?}", entry.fields).contains(KEYCHAIN)));
    let order = ["import", &file, "--batch", "--mode", "replace", "--passphrase-file", &phrase];
    let with = |more: &[&str]| b.ask(&[&order[..], more].concat()).unwrap();

    // Rule 4 refuses the other display language; its remedy is followed.
    let refused = with(&["--plan"]);
    assert_eq!((refused.status, refused.code()), (1, "language_differs"));
    let language = manifest.source.language.clone().unwrap();
    b.ok(&["machine", "--display-language", &language]).unwrap();
    let (_, _, before) = export(&b, root, "before.bundle", &phrase);

    let shown = with(&["--plan"]).ok().unwrap();
    assert_eq!(counts(&shown)[1..], [0, 0, 1], "all is new but the display language: {}", shown["spaces"]);
    let done = with(&["--apply-plan", shown["fingerprint"].as_str().unwrap()]).ok().unwrap();
    assert_eq!(done["spaces"], shown["spaces"]);
    let (_, _, copy) = export(&b, root, "copy.bundle", &phrase);
    assert_eq!(texts(&source), texts(&copy));

    // Once more, there is nothing left to do.
    let again = with(&[]).ok().unwrap();
    assert_eq!(counts(&again), [0, 0, 0, source.len() as u64]);

    // Taken back, it is as it was, ids and all; and redone it is the source's again.
    let import = done["import"].as_str().unwrap();
    let undo = b.ok(&["import", "--undo", import]).unwrap();
    assert_eq!(undo["stayed"], Json::Array(Vec::new()));
    assert_eq!(export(&b, root, "after.bundle", &phrase).2, before);
    b.ok(&["import", "--undo", undo["import"].as_str().unwrap()]).unwrap();
    assert_eq!(export(&b, root, "redone.bundle", &phrase).2, copy);

    // A plain file has no secrets.
    let plain = root.join("plain.bundle").to_str().unwrap().to_string();
    a.ok(&["export", &plain, "--batch"]).unwrap();
    for file in [&plain, &file] {
        let bytes = fs::read(file).unwrap();
        assert!(!bytes.windows(KEYCHAIN.len()).any(|part| part == KEYCHAIN.as_bytes()), "{file}");
    }
}

#[test]
fn a_machine_that_has_everything_takes_what_another_has_and_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let phrase = root.join("phrase").to_str().unwrap().to_string();
    for name in ["a", "b"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(&phrase, format!("{PHRASE}\n")).unwrap();
    let a = machine(&root.join("a"), Some(7));
    let b = machine(&root.join("b"), Some(8));
    let (file, manifest, source) = export(&a, root, "a.bundle", &phrase);
    b.ok(&["machine", "--display-language", manifest.source.language.as_deref().unwrap()]).unwrap();
    let order = ["import", &file, "--batch", "--mode", "replace", "--passphrase-file", &phrase];
    // Rule 5: two passwords of their own.
    let refused = b.ask(&order).unwrap();
    assert_eq!((refused.status, refused.code()), (1, "policy_password_differs"));
    b.ok(&["policy-password", "--remove"]).unwrap();
    let (_, _, before) = export(&b, root, "before.bundle", &phrase);
    let done = b.ok(&order).unwrap();
    let copy = texts(&export(&b, root, "copy.bundle", &phrase).2);
    let source = texts(&source);
    assert!(source.iter().all(|record| copy.contains(record)));
    // A built-in user never goes, and no file says who is one.
    assert!(copy.iter().filter(|record| !source.contains(record)).all(|one| one.contains("login-user")));
    assert!(copy.iter().all(|record| !record.contains("login-user") || !record.contains("built_in")));
    // It brought a security policy password, which does not stand in the way of its undo.
    b.ok(&["import", "--undo", done["import"].as_str().unwrap()]).unwrap();
    assert_eq!(export(&b, root, "after.bundle", &phrase).2, before);
}

/// How many records of a report were added, changed, removed, and as they were.
fn counts(report: &Json) -> [u64; 4] {
    ["added", "changed", "removed", "same"].map(|what| {
        report["spaces"].as_array().unwrap().iter().map(|space| space[what].as_u64().unwrap()).sum()
    })
}

/// The records without their ids, which are a machine's own: where one names another, that one's content stands.
fn texts(records: &Records) -> Vec<String> {
    let render = |entry: &Entry, names: &BTreeMap<String, String>| {
        let mut parts: Vec<String> = entry.fields.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
        // An id takes 36 characters.
        for part in parts.iter_mut().filter(|part| part.len() >= 36) {
            names.iter().for_each(|(id, name)| *part = part.replace(id, name));
        }
        parts.sort();
        format!("{} {} {} {parts:?}", entry.item, entry.place, entry.secret)
    };
    let ids = || records.keys().map(|(_, _, id)| id.clone());
    let blank = ids().map(|id| (id, "?".to_string())).collect();
    let named: BTreeMap<_, _> =
        ids().zip(records.values()).map(|(id, entry)| (id, format!("<{}>", render(entry, &blank)))).collect();
    let mut texts: Vec<_> = records.values().map(|entry| render(entry, &named)).collect();
    texts.sort();
    texts
}

#[test]
fn what_runs_is_told_only_to_somebody_who_remembers_it() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(folder.path(), None);
    let file = folder.path().join("all.bundle").to_str().unwrap().to_string();
    let begin = ["process", "begin", "send"];
    assert_eq!(machine.ask(&begin).unwrap().code(), "nobody_runs");
    let _running = machine.run().unwrap();
    machine.ok(&begin).unwrap();
    assert_eq!(machine.ask(&["export", &file, "--batch"]).unwrap().code(), "interlocked");
    machine.ok(&["process", "end", "send"]).unwrap();
    machine.ok(&["export", &file, "--batch"]).unwrap();
}

/// The written example of the format, whose records have the place `local` alone, is imported by the real program.
#[test]
fn the_written_example_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("a")).unwrap();
    let a = machine(&root.join("a"), None);
    a.ok(&["machine", "--display-language", "de"]).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let plain = data.join("bundle-1.0.plain").to_str().unwrap().to_string();
    // A setting of the example has a form of its own.
    let order = ["import", &plain, "--batch", "--skip-unfit"];
    let shown = a.ok(&[&order[..], &["--plan"]].concat()).unwrap();
    let done = a.ok(&order).unwrap();
    assert_eq!(done["spaces"], shown["spaces"]);
    let lists = done["spaces"].as_array().unwrap().iter().find(|one| one["space"] == "/local/address-lists");
    assert_eq!(lists.unwrap()["added"], 2, "{done}");
    let said = |code: &str| done["warnings"].as_array().unwrap().iter().any(|one| one["code"] == code);
    // What a later version has is told, and stays out.
    assert!(said("unknown_item") && said("unknown_place"), "{}", done["warnings"]);
    assert_eq!(done["kept_out"]["local/one-touch"], 1);
    let listed = a.ok(&["item", "list", "address-book"]).unwrap().to_string();
    assert!(listed.contains("Desk") && listed.contains("Empfang"), "{listed}");

    // The encrypted one has a key in the item's own place.
    let phrase = root.join("phrase").to_str().unwrap().to_string();
    let all: Json = serde_json::from_slice(&fs::read(data.join("bundle-1.0.json")).unwrap()).unwrap();
    fs::write(&phrase, all["pass_phrase"].as_str().unwrap()).unwrap();
    let sealed = data.join("bundle-1.0.age").to_str().unwrap().to_string();
    let with_key = ["import", &sealed, "--batch", "--skip-unfit", "--passphrase-file", &phrase, "--plan"];
    let shown = a.ok(&with_key).unwrap();
    let key = shown["spaces"].as_array().unwrap().iter().find(|one| one["space"] == "/local/key");
    assert!(key.is_some(), "{shown}");
}

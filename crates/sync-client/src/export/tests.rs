#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    Options,
    bundle::{self, Lock, Work},
    draw::{self, hex},
    facts::Statement,
    import::{ImportOrder, Progress, Stage},
    password,
    store::{Batch, Edit, Identity, Store, own_place},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};
use sync_core::{
    address::{Address, Login, Password, Secret},
    bundle::{Entry, Manifest, PolicyPassword, place_label},
    catalogue::{self, Fields, InFile, Place as At, SETTING_TYPE, Sharing, samples, type_of},
    change::Operation as Change,
    id::RecordId,
    import::{Departures, Secrets},
    machine::SyncState,
    procedure::ListMode,
    protocol::TokenProof,
    value::Value,
};
use tempfile::TempDir;

const TOKEN: &str = "the administrator's token";
const PHRASE: &str = "correct horse battery staple";
const SEALED: [&str; 2] = ["SEALED-OF-AN-APPLICATION", "SEALED-OF-A-KEYCHAIN"];
const CREDENTIAL: &str = "CREDENTIAL-OF-AN-ADDRESS";

type Records = BTreeMap<SpaceName, BTreeMap<RecordId, Fields>>;

fn space_of(place: At) -> SpaceName {
    match place {
        At::Local(name) => SpaceName::local(name),
        At::User => SpaceName::user("office", "alice"),
        At::Group => SpaceName::group("office", "7"),
        At::Common(name) => format!("office/common/{name}").parse().unwrap(),
    }
}

/// Every record of a machine of which everything was changed.
fn everything() -> Records {
    let mut all = Records::new();
    for sample in Item::ALL.iter().flat_map(|item| samples(*item, 7)) {
        let (space, mut fields) = (space_of(sample.place), sample.fields);
        match type_of(&fields) {
            Some("address") => {
                let mut address = Address::from_fields(fields).unwrap();
                if let Some(Login { password, .. }) = &mut address.login {
                    *password = Some(Password::Plain(Secret(CREDENTIAL.into())));
                }
                fields = address.to_fields();
            }
            Some("meap-application") => {
                fields.insert("secret:token".into(), SEALED[0].into());
            }
            Some(SETTING_TYPE) => match fields.get("name").and_then(Value::as_text).unwrap() {
                "keychain" => {
                    let entry = [("service", "mail".into()), ("password", SEALED[1].into())];
                    let entry = entry.map(|(name, value)| (name.to_string(), value)).into();
                    fields.insert("value".into(), Value::List(vec![Value::Map(entry)]));
                }
                "policy.password" => {
                    fields.insert("value".into(), password::hash("Châtaignier").unwrap());
                }
                _ => {}
            },
            _ => {}
        }
        if let Some(setting) = fields.get("name").and_then(Value::as_text).and_then(catalogue::find)
            && sample.place == At::User
            && setting.sharing != Sharing::Shared
        {
            let (own, id) = own_place("alice", setting.name);
            let mut fields = fields.clone();
            fields.insert("user".into(), "alice".into());
            all.entry(own).or_default().insert(id, fields);
        }
        all.entry(space).or_default().insert(sample.id, fields);
    }
    all
}

/// An enrolled machine that holds it, and whose server is out of reach.
fn machine(folder: &TempDir, state: SyncState, records: &Records) -> Machine {
    let mut store = Store::open(folder.path()).unwrap();
    let proof = TokenProof { salt: "salt".into(), hash: hex(&Sha256::digest(format!("salt{TOKEN}"))) };
    let identity = Identity {
        name: "Copier 3".into(),
        role: Some(Role::Client),
        destination: "127.0.0.1:1".parse().unwrap(),
        fingerprint: Some("0".repeat(64)),
        server: Some(sync_core::id::ServerId(draw::uuid().unwrap())),
        realm: Some("office".into()),
        administrator: Some(proof),
        ..Identity::default()
    };
    store.set_identity(identity).unwrap();
    store.set_state(state).unwrap();
    let spaces: Vec<_> = records.keys().filter(|space| space.synchronizes()).cloned().collect();
    store.join(&spaces).unwrap();
    let set =
        |fields: &Fields| fields.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
    let edits = records.iter().flat_map(|(space, records)| {
        records.iter().map(move |(id, fields)| Edit {
            space: space.clone(),
            record: *id,
            operation: Change::Edit(set(fields)),
        })
    });
    store.apply(&Batch { edits: edits.collect(), ..Batch::default() }).unwrap();
    drop(store);
    Machine::open(folder.path(), Options { bundle_work: Work::QUICK, ..Options::default() }).unwrap()
}

fn order(folder: &TempDir, items: &[Item]) -> ExportOrder {
    ExportOrder { file: Some(folder.path().join("out")), items: items.to_vec(), ..ExportOrder::default() }
}

fn batch(folder: &TempDir, items: &[Item]) -> ExportOrder {
    ExportOrder { batch: true, ..order(folder, items) }
}

fn encrypted(order: ExportOrder) -> ExportOrder {
    let secrets = FileSecrets { pass_phrase: Some(Secret(PHRASE.into())), ..FileSecrets::default() };
    ExportOrder { secrets, ..order }
}

fn read(order: &ExportOrder) -> (Manifest, Vec<Entry>) {
    let lock = match &order.secrets.pass_phrase {
        Some(phrase) => Lock::pass_phrase(phrase.0.clone()).unwrap(),
        None => Lock::Plain,
    };
    let mut entries = Vec::new();
    let opened = bundle::open(order.file.as_deref().unwrap(), &lock, Work::QUICK).unwrap();
    let manifest = opened.read_whole(&mut |_, _| {}, |entry| {
        entries.push(entry);
        Ok(())
    });
    (manifest.unwrap(), entries)
}

/// What a bundle of these items must hold.
fn wanted(
    records: &Records,
    items: impl IntoIterator<Item = Item>,
    secrets: Secrets,
) -> Vec<(String, String, RecordId, Fields)> {
    let mut all = Vec::new();
    for item in items {
        let mut of_item = Vec::new();
        for (space, records) in records {
            let Some(departures) = Departures::of(item, space, secrets) else { continue };
            let left = records.iter().filter_map(|record| departures.entry(record));
            of_item.extend(left.map(|(id, fields)| (item.to_string(), place_label(space), id, fields)));
        }
        of_item.sort_by(|a, b| (&a.1, a.2).cmp(&(&b.1, b.2)));
        all.extend(of_item);
    }
    all
}

fn held(entries: Vec<Entry>) -> Vec<(String, String, RecordId, Fields)> {
    entries.into_iter().map(|entry| (entry.item, entry.place, entry.id, entry.fields)).collect()
}

fn batch_items() -> impl Iterator<Item = Item> {
    TABLE.iter().filter(|row| row.batch).map(|row| row.item)
}

fn codes(report: &ExportReport) -> BTreeSet<&str> {
    report.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn private_key(records: &Records) -> Vec<u8> {
    let keys = records
        .values()
        .flat_map(BTreeMap::values)
        .filter_map(|fields| fields.get("pair")?.get("private_key"));
    match keys.into_iter().next() {
        Some(Value::Bytes(key)) => key.clone(),
        _ => panic!("a private key"),
    }
}

#[tokio::test]
async fn an_encrypted_batch_holds_all_that_may_leave() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let machine = machine(&folder, SyncState::Stopped, &records);
    let order = encrypted(batch(&folder, &[]));
    let report = machine.export(&order, Some(TOKEN)).await.unwrap();
    let file = fs::read(order.file.as_ref().unwrap()).unwrap();
    assert_eq!((report.format, report.encrypted, report.bytes), (Format::Bundle, true, file.len()));
    assert_eq!(report.sha256, hex(&Sha256::digest(&file)));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert!(!format!("{order:?}").contains(PHRASE));

    let (manifest, entries) = read(&order);
    assert_eq!(report.entries, entries.len());
    assert_eq!(manifest.source.name, "Copier 3");
    assert!(matches!(manifest.policy_password, PolicyPassword::Set(_)));
    assert_eq!(manifest.sections.len(), batch_items().count());
    for (section, row) in report.sections.iter().zip(&manifest.sections) {
        assert_eq!((section.item.as_str(), section.entries as u64), (&*row.item, row.records));
        assert!(row.records > 0, "{}", row.item);
    }
    // What every item of a batch has is there, whatever the rest says: the sample records themselves.
    let found: BTreeMap<(&str, &str, RecordId), &Entry> =
        entries.iter().map(|entry| ((&*entry.item, &*entry.place, entry.id), entry)).collect();
    for item in batch_items() {
        for sample in samples(item, 7) {
            let space = space_of(sample.place);
            let place = place_label(&space);
            let known = type_of(&sample.fields).and_then(catalogue::record_type);
            let name = sample.fields.get("name").and_then(Value::as_text).unwrap_or_default();
            let in_file = match known {
                Some(known) => known.in_file,
                None => catalogue::find_in(item, name).unwrap().in_file,
            };
            let entry = found.get(&(item.as_str(), &*place, sample.id));
            assert_eq!(entry.is_some(), in_file != InFile::No, "{item} {name} {:?}", sample.fields);
            let Some(entry) = entry else { continue };
            let stays = known.map_or(&[][..], |known| known.stays);
            let mut whole = records[&space][&sample.id].clone();
            whole.retain(|name, _| !stays.contains(&name.as_str()));
            assert_eq!(entry.fields, whole);
            assert!(entry.secret || in_file != InFile::Encrypted, "{name}");
        }
    }
    assert!(entries.iter().any(|entry| entry.place == "local/settings"));
    assert_eq!(held(entries), wanted(&records, batch_items(), Secrets::Everything));
    for secret in [CREDENTIAL, SEALED[0], SEALED[1]] {
        assert!(!holds(&file, secret.as_bytes()));
    }
    let log = machine.store().log(10).unwrap();
    assert!(log.iter().any(|line| line.code == "secrets_exported" && !line.text.contains(PHRASE)));
}

#[tokio::test]
async fn a_plain_batch_has_no_secret_in_it() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let machine = machine(&folder, SyncState::Stopped, &records);
    let plain = |item: &Item| *item != Item::Key;
    for with_passwords in [false, true] {
        let order = ExportOrder { with_passwords, ..batch(&folder, &[]) };
        let report = machine.export(&order, Some(TOKEN)).await.unwrap();
        let file = fs::read(order.file.as_ref().unwrap()).unwrap();
        assert_eq!(holds(&file, CREDENTIAL.as_bytes()), with_passwords);
        for secret in SEALED.map(str::as_bytes).into_iter().chain([&*private_key(&records), b"pbkdf2"]) {
            assert!(!holds(&file, secret), "{}", String::from_utf8_lossy(secret));
        }
        let mut said = BTreeSet::from(["item_needs_passphrase", "sealed_left_out"]);
        said.extend((!with_passwords).then_some("passwords_left_out"));
        assert_eq!(codes(&report), said);
        let (manifest, entries) = read(&order);
        // A list that gave nothing is not named.
        let named: BTreeSet<String> = report.spaces.iter().map(place_label).collect();
        assert_eq!(named, entries.iter().map(|entry| entry.place.clone()).collect());
        assert_eq!(manifest.policy_password, PolicyPassword::NotKnown);
        assert!(manifest.section("key").is_none() && !report.items.contains(&Item::Key));
        let secrets = if with_passwords { Secrets::Credentials } else { Secrets::Nothing };
        assert_eq!(held(entries), wanted(&records, batch_items().filter(plain), secrets));
        let logged = machine.store().log(10).unwrap().iter().any(|line| line.code == "passwords_exported");
        assert_eq!(logged, with_passwords);
    }
}

#[tokio::test]
async fn each_item_goes_alone() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let machine = machine(&folder, SyncState::Stopped, &records);
    for row in TABLE {
        let order = if row.individual { order(&folder, &[row.item]) } else { batch(&folder, &[row.item]) };
        for order in [order.clone(), encrypted(order)] {
            let lists = row.individual && ITEMS.contains(&row.item) && !order.batch;
            if row.item == Item::Key && order.secrets.pass_phrase.is_none() {
                let refused = machine.export(&order, Some(TOKEN)).await.unwrap_err();
                assert_eq!(refused.code(), "item_needs_passphrase");
                continue;
            }
            let report = machine.export(&order, Some(TOKEN)).await.unwrap();
            assert_eq!((report.item, &*report.items), (Some(row.item), &[row.item][..]));
            if lists && !report.encrypted {
                assert_eq!(report.format, Format::CanonCsv, "{}", row.name);
                assert_eq!(report.sections[0].entries, report.entries);
                continue;
            }
            let secrets = if report.encrypted { Secrets::Everything } else { Secrets::Nothing };
            let (manifest, entries) = read(&order);
            assert_eq!((report.format, manifest.sections.len()), (Format::Bundle, 1));
            assert_eq!(held(entries), wanted(&records, [row.item], secrets), "{}", row.name);
            let alone = matches!(row.item, Item::Forwarding | Item::Favorite | Item::Box);
            assert_eq!(codes(&report).contains("should_travel_together"), alone, "{}", row.name);
        }
    }
}

#[tokio::test]
async fn whose_data_go_out_is_said() {
    let (folder, mut records) = (tempfile::tempdir().unwrap(), everything());
    let (own, id) = own_place("bob", "list-order");
    let (keyring, ring) = own_place("bob", "print-waiting-jobs-at-login");
    for (space, id, name) in [(own, id, "list-order"), (keyring, ring, "print-waiting-jobs-at-login")] {
        let fields = [
            ("type", SETTING_TYPE.into()),
            ("name", name.into()),
            ("user", "bob".into()),
            ("value", true.into()),
        ];
        let fields = fields.map(|(name, value): (&str, Value)| (name.to_string(), value)).into();
        records.entry(space).or_default().insert(id, fields);
    }
    let bob = SpaceName::user("office", "bob");
    let alices = records[&SpaceName::user("office", "alice")].clone();
    records.insert(bob.clone(), alices);
    let machine = machine(&folder, SyncState::Stopped, &records);

    let whole = encrypted(ExportOrder { user: Some("bob".into()), ..batch(&folder, &[]) });
    let report = machine.export(&whole, Some(TOKEN)).await.unwrap();
    assert_eq!(report.items, [Item::PersonalSettings]);
    assert_eq!(report.spaces, [SpaceName::local("settings"), bob]);
    let (_, entries) = read(&whole);
    let own: Vec<_> =
        entries.iter().filter(|entry| entry.place == "local/settings").map(|entry| entry.id).collect();
    assert_eq!(own, [ring]);
    assert!(!entries.iter().any(|entry| entry.place == "user/alice"));

    let nobody = ExportOrder { user: Some("nobody".into()), ..whole.clone() };
    assert_eq!(machine.export(&nobody, Some(TOKEN)).await.unwrap_err().code(), "not_a_member");
    let astray = ExportOrder { items: vec![Item::Box], ..whole };
    assert!(matches!(machine.export(&astray, Some(TOKEN)).await, Err(Error::WrongCommand(_))));
    let nowhere = ExportOrder { file: None, ..batch(&folder, &[Item::Box]) };
    assert!(matches!(machine.export(&nowhere, Some(TOKEN)).await, Err(Error::WrongCommand(_))));
}

#[tokio::test]
async fn what_is_refused_leaves_the_old_file() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let machine = machine(&folder, SyncState::InProgress, &records);
    let whole = encrypted(batch(&folder, &[]));
    let file = whole.file.clone().unwrap();
    fs::write(&file, "old").unwrap();
    let code =
        async |order: &ExportOrder, token| machine.export(order, token).await.unwrap_err().code().to_string();
    assert_eq!(code(&whole, None).await, "administrator_required");
    assert_eq!(code(&whole, Some(TOKEN)).await, "synchronizing");
    let shape = batch(&folder, &[Item::PaperInformation]);
    assert_eq!(code(&shape, Some(TOKEN)).await, "not_batch");
    let empty = ExportOrder {
        secrets: FileSecrets { pass_phrase: Some(Secret::default()), ..FileSecrets::default() },
        ..batch(&folder, &[Item::Box])
    };
    assert_eq!(code(&empty, Some(TOKEN)).await, "bundle_passphrase_needed");
    {
        let _other = machine.running(Process::SoftwareUpdate).unwrap();
        assert_eq!(code(&batch(&folder, &[Item::Box]), Some(TOKEN)).await, "interlocked");
    }
    assert_eq!(fs::read(&file).unwrap(), b"old");
    let astray = ExportOrder { file: Some(folder.path().join("none/out")), ..batch(&folder, &[Item::Box]) };
    assert_eq!(code(&astray, Some(TOKEN)).await, "file");

    let rest = ExportOrder { skip_refused: true, ..whole };
    let report = machine.export(&rest, Some(TOKEN)).await.unwrap();
    assert!(report.items.iter().all(|item| !item.is_personalized()), "{:?}", report.items);
    assert_eq!(codes(&report), BTreeSet::from(["synchronizing"]));
    assert!(machine.processes().is_empty());
}

#[test]
fn an_interrupted_export_leaves_the_old_file() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let machine = machine(&folder, SyncState::Stopped, &records);
    let order = encrypted(batch(&folder, &[]));
    let file = order.file.clone().unwrap();
    fs::write(&file, "old").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let items: Vec<Item> = batch_items().collect();
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = async {
                let running = machine.imports.begin(fresh_id().unwrap()).unwrap();
                let _unless_dropped = running.unless_dropped();
                machine.export_records(&order, &items, None, &running, &|_| {}).await
            } => panic!("it has not even begun"),
            () = core::future::ready(()) => {}
        }
    });
    // Waits for the thread that wrote.
    drop(runtime);
    assert_eq!(fs::read(&file).unwrap(), b"old");
    let parts = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(!parts.into_iter().any(|name| name.to_string_lossy().ends_with(".part")));
}

#[tokio::test]
async fn what_one_machine_exports_another_one_takes() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let source = machine(&folder, SyncState::Stopped, &records);
    let order = encrypted(batch(&folder, &[]));
    source.export(&order, Some(TOKEN)).await.unwrap();
    let (_, exported) = read(&order);

    // The other machine has the same people and speaks the same language (rule 4), and has the same policy password.
    let basic = SpaceName::local("basic-information");
    let policy = SpaceName::local("security-policy");
    let mut there: Records = records.keys().map(|space| (space.clone(), BTreeMap::new())).collect();
    for (space, name) in [(basic, "preferences.language"), (policy, "policy.password")] {
        let id = RecordId::of_setting(name);
        let fields = records[&space][&id].clone();
        there.entry(space).or_default().insert(id, fields);
    }
    let other = tempfile::tempdir().unwrap();
    let destination = machine(&other, SyncState::Stopped, &there);
    let import = ImportOrder {
        mode: ListMode::Replace,
        batch: true,
        secrets: order.secrets.clone(),
        ..ImportOrder::new(order.file.clone().unwrap())
    };
    let done = destination.import(&import, Some(TOKEN)).await.unwrap();
    assert!(done.touched() > 300, "{}", done.text());

    // What comes out there again is the same, whatever its records are called there.
    let again = encrypted(batch(&other, &[]));
    destination.export(&again, Some(TOKEN)).await.unwrap();
    let (_, arrived) = read(&again);
    let settings = |entries: &[Entry]| -> Vec<Entry> {
        let setting = |entry: &&Entry| type_of(&entry.fields) == Some(SETTING_TYPE);
        entries.iter().filter(setting).cloned().collect()
    };
    assert_eq!(settings(&arrived), settings(&exported));
    let shapes = |entries: &[Entry]| {
        let mut counts: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
        for entry in entries {
            let kind = type_of(&entry.fields).map(ToString::to_string);
            *counts.entry((entry.item.clone(), entry.place.clone(), kind)).or_default() += 1;
        }
        counts
    };
    assert_eq!(shapes(&arrived), shapes(&exported));
}

#[tokio::test]
async fn a_person_exports_their_own_list_where_the_profile_says_so() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let machine = machine(&folder, SyncState::Stopped, &records);
    let own = ExportOrder { user: Some("alice".into()), ..order(&folder, &[Item::PersonalAddressList]) };
    let code = async |order: &ExportOrder| machine.export(order, None).await.unwrap_err().code().to_string();
    machine.login("alice").await.unwrap();
    assert_eq!(code(&own).await, "administrator_required");

    let maker = "[persons]\nexport-own-list = true";
    let statement = Statement { profile: Some(maker.into()), ..Statement::default() };
    machine.state_facts(&statement, Some(TOKEN)).await.unwrap();
    assert!(machine.export(&own, None).await.unwrap().entries > 0);
    // It is the person's alone: nobody else's, not everybody's, not in a batch, and only while they are there.
    for denied in [
        ExportOrder { user: Some("bob".into()), ..own.clone() },
        ExportOrder { user: None, ..own.clone() },
        ExportOrder { items: vec![Item::PersonalAddressList, Item::UserGroupAddressList], ..own.clone() },
        ExportOrder { batch: true, items: vec![Item::PersonalSettings], ..own.clone() },
    ] {
        assert_eq!(code(&denied).await, "administrator_required", "{denied:?}");
    }
    machine.login("bob").await.unwrap();
    assert_eq!(code(&own).await, "administrator_required");
}

#[tokio::test]
async fn an_export_says_how_far_it_is_and_can_be_cancelled() {
    let (folder, records) = (tempfile::tempdir().unwrap(), everything());
    let source = machine(&folder, SyncState::Stopped, &records);
    let order = batch(&folder, &[]);
    let file = order.file.clone().unwrap();
    let heard = parking_lot::Mutex::new(Vec::new());
    let report =
        source.export_watched(&order, Some(TOKEN), &|now: &Progress| heard.lock().push(*now)).await.unwrap();
    let heard = heard.into_inner();
    let last = heard.last().unwrap();
    assert_eq!((last.stage, last.records), (Stage::Exporting, report.entries as u64));
    assert_eq!((last.items, last.items_total), (report.items.len() as u64, report.items.len() as u64));
    assert!(last.bytes == last.bytes_total && last.bytes > 0 && last.percent() == 100);
    assert!(heard.windows(2).all(|two| two[0].bytes <= two[1].bytes), "{heard:?}");
    assert!(source.cancel_import().await.is_err());

    // Cancelled at its first word: the old file stands, and no half one beside it.
    let whole = fs::read(&file).unwrap();
    let cancel = tokio::sync::Notify::new();
    let first = |_: &Progress| cancel.notify_one();
    let (export, cancelled) = tokio::join!(source.export_watched(&order, Some(TOKEN), &first), async {
        cancel.notified().await;
        source.cancel_import().await
    });
    let cancelled = cancelled.unwrap();
    assert!(cancelled.export);
    assert_eq!(cancelled.cancelled, export.is_err(), "{}", cancelled.text());
    if let Err(error) = export {
        assert_eq!(error.report().code, "cancelled");
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
    let parts = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(!parts.into_iter().any(|name| name.to_string_lossy().ends_with(".part")));
    // Address lists say it too.
    let lists = ExportOrder { file: Some(folder.path().join("lists.csv")), ..ExportOrder::default() };
    let last = parking_lot::Mutex::new(None);
    source.export_watched(&lists, Some(TOKEN), &|now| *last.lock() = Some(*now)).await.unwrap();
    assert_eq!(last.into_inner().map(|now| now.percent()), Some(100));
}

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    Options,
    draw::{self, hex, now},
    export::ExportOrder,
    facts::{ProcessWord, Statement},
    items::{ItemCommand, Whose},
    procedure::{Patience, ProcedureOrder, hash},
    store::{Identity, ImportState, Store},
};
use sha2::{Digest as _, Sha256};
use std::{fs, path::Path};
use sync_core::{
    files::canon_csv,
    id::{ProcedureId, RecordId},
    machine::{Role, SyncState},
    procedure::{Event as Happened, Evidence, FileHash, Order, Procedure, Source},
    process::Process,
    protocol::TokenProof,
    time::Timestamp,
    value::Value,
};
use tempfile::TempDir;

const TOKEN: &str = "the administrator's token";
const BRANCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/branch.csv");
const HEADER: &str = "objectclass,cn,subdbid,mailaddress,indxid,loginusername,usergroupname,\r\n";

/// An enrolled machine whose server is out of reach.
fn machine(folder: &TempDir, state: SyncState) -> Machine {
    let mut store = Store::open(folder.path()).unwrap();
    let proof = TokenProof { salt: "salt".into(), hash: hex(&Sha256::digest(format!("salt{TOKEN}"))) };
    store
        .set_identity(Identity {
            role: Some(Role::Client),
            destination: "127.0.0.1:1".parse().unwrap(),
            fingerprint: Some("0".repeat(64)),
            server: Some(sync_core::id::ServerId(draw::uuid().unwrap())),
            realm: Some("office".into()),
            administrator: Some(proof),
            ..Identity::default()
        })
        .unwrap();
    store.set_state(state).unwrap();
    drop(store);
    Machine::open(folder.path(), Options::default()).unwrap()
}

fn order(file: &str, item: &str) -> ImportOrder {
    let items = if item.is_empty() { Vec::new() } else { vec![item.parse().unwrap()] };
    ImportOrder { items, ..ImportOrder::new(file) }
}

fn written(folder: &TempDir, name: &str, rows: &str) -> String {
    let file = folder.path().join(name);
    fs::write(&file, format!("{HEADER}{rows}")).unwrap();
    file.to_str().unwrap().into()
}

fn names(machine: &Machine, space: &SpaceName) -> Vec<String> {
    let live = machine.store().live(space).unwrap();
    live.values().map(|fields| fields.get("name").map(ToString::to_string).unwrap_or_default()).collect()
}

#[tokio::test]
async fn only_the_rows_of_the_item_are_taken_and_a_repeat_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    let all = canon_csv::read(&fs::read(BRANCH).unwrap()).unwrap().report.read;

    let groups = machine.import(&order(BRANCH, "user-group-address-list"), Some(TOKEN)).await.unwrap();
    assert_eq!(groups.spaces.len(), 2);
    assert!(groups.spaces.iter().all(|space| space.added > 0 && space.changed + space.removed == 0));
    assert_eq!(groups.read, all);
    let added: usize = groups.spaces.iter().map(|space| space.added).sum();
    assert_eq!(added + groups.kept_out.values().sum::<usize>(), all);
    assert!(groups.kept_out.contains_key("user/alice") && groups.kept_out.contains_key("local"));
    assert!(groups.warnings.iter().any(|warning| warning.code == "owners_not_asked"));
    assert_eq!(machine.store().live(&SpaceName::local("address-lists")).unwrap().len(), 0);

    for mode in [ListMode::Append, ListMode::Replace] {
        let again = ImportOrder { mode, ..order(BRANCH, "user-group-address-list") };
        let again = machine.import(&again, Some(TOKEN)).await.unwrap();
        assert_eq!(again.touched(), 0, "{mode:?}");
    }
    // Everything, of which the groups are there already.
    let rest = machine.import(&order(BRANCH, ""), Some(TOKEN)).await.unwrap();
    assert_eq!(rest.spaces.len(), 4);
    assert_eq!(rest.touched() as usize, all - added);
    assert!(rest.kept_out.is_empty());

    // And out again: the same entries, of which those who are named by whom they belong to.
    let out = folder.path().join("out.csv");
    let export = ExportOrder { file: Some(out.clone()), with_passwords: true, ..ExportOrder::default() };
    let report = machine.export(&export, Some(TOKEN)).await.unwrap();
    assert_eq!((report.entries, report.spaces.len()), (all, 4));
    assert_eq!(report.bytes as u64, fs::metadata(&out).unwrap().len());
    let rows = |file: &Path| {
        let book = canon_csv::read(&fs::read(file).unwrap()).unwrap();
        let mut rows: Vec<_> = book.rows().map(|row| (row.owner.clone(), row.address.clone())).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&out), rows(Path::new(BRANCH)));
    assert_eq!(
        fs::read_dir(folder.path())
            .unwrap()
            .filter(|f| { f.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part") })
            .count(),
        0
    );

    let alice = ExportOrder { user: Some("alice".into()), ..export.clone() };
    let report = machine.export(&alice, Some(TOKEN)).await.unwrap();
    assert_eq!(report.spaces, [SpaceName::user("office", "alice")]);
    // A mapping says what the columns mean, on the way out and on the way in.
    let toml = "[[column]]\nheading = \"Aaa\"\nmeans = \"name\"\n[[column]]\nheading = \"Bbb\"\nmeans = \"e-mail\"\n";
    let to = Some(Format::Csv);
    let mapped = ExportOrder { to, mapping: Some(toml.into()), ..alice.clone() };
    machine.export(&mapped, Some(TOKEN)).await.unwrap();
    assert!(fs::read_to_string(&out).unwrap().trim_start_matches('\u{feff}').starts_with("Aaa,Bbb"));
    let back = ImportOrder {
        user: Some("alice".into()),
        mapping: Some(toml.into()),
        plan: true,
        ..order(out.to_str().unwrap(), "personal-address-list")
    };
    assert!(machine.import(&back, Some(TOKEN)).await.unwrap().read > 0);
    let wrong = ImportOrder { mapping: Some("column".into()), ..back };
    assert!(machine.import(&wrong, Some(TOKEN)).await.is_err());
    let nobody = ExportOrder { user: Some("nobody".into()), ..export };
    assert_eq!(machine.export(&nobody, Some(TOKEN)).await.unwrap_err().code(), "not_a_member");
}

#[tokio::test]
async fn a_replaced_list_is_kept_and_settings_stay() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    let alice = SpaceName::user("office", "alice");
    let first = written(
        &folder,
        "first.csv",
        "email,Desk,1,desk@a.example,201,alice,,\r\nemail,Own,1,o@a.example,202,,,\r\n",
    );
    let mut wanted = order(&first, "personal-address-list");
    wanted.user = Some("alice".into());
    assert_eq!(machine.import(&wanted, Some(TOKEN)).await.unwrap().spaces[0].added, 2);
    machine.set("display-language", Some("de"), "alice").unwrap();

    let second = written(&folder, "second.csv", "email,Desk,1,desk@a.example,201,alice,,\r\n");
    let replace = ImportOrder { mode: ListMode::Replace, ..order(&second, "personal-address-list") };
    let shown = machine.import(&ImportOrder { plan: true, ..replace.clone() }, Some(TOKEN)).await.unwrap();
    let effects: Vec<_> = shown.plan.iter().flatten().map(|one| (&*one.effect, &*one.name)).collect();
    assert_eq!((shown.import, effects), (None, vec![("remove", "Own"), ("same", "Desk")]));
    assert!(shown.verdicts.iter().all(|verdict| verdict.allowed) && shown.fingerprint.is_some());
    assert_eq!(machine.store().live(&alice).unwrap().len(), 3);

    let done = machine.import(&replace, Some(TOKEN)).await.unwrap();
    assert_eq!((done.spaces[0].removed, done.spaces[0].same), (1, 1));
    assert_eq!(names(&machine, &alice).len(), 2);
    assert_eq!(machine.setting("display-language", "alice").unwrap().value, Value::from("de"));
    // What stood before is kept with the import, and comes back under its own id.
    assert!(machine.store().snapshots().unwrap().is_empty());
    let before = machine.store().live(&alice).unwrap();
    let undone = machine.undo_import(&UndoOrder::default(), Some(TOKEN)).await.unwrap();
    assert_eq!((undone.undoes, undone.spaces[0].added), (done.import.unwrap(), 1));
    assert_eq!(machine.store().live(&alice).unwrap().len(), 3);
    let redo = UndoOrder { import: undone.import, ..UndoOrder::default() };
    machine.undo_import(&redo, Some(TOKEN)).await.unwrap();
    assert_eq!(machine.store().live(&alice).unwrap(), before);

    let id = ImportId(draw::uuid().unwrap());
    let before = machine.import_as(id, &wanted, None, None, Some(TOKEN)).await.unwrap();
    assert_eq!(before.touched(), 1);
    machine.import(&replace, Some(TOKEN)).await.unwrap();
    // The same import again, as after a crash: its answer, and not a second time its effect.
    assert_eq!(machine.import_as(id, &wanted, None, None, Some(TOKEN)).await.unwrap(), before);
    assert_eq!(names(&machine, &alice).len(), 2);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::InProgress);
    let code = async |order: &ImportOrder, token| machine.import(order, token).await.unwrap_err();
    let denied = code(&order(BRANCH, "user-group-address-list"), Some(TOKEN)).await;
    assert_eq!(denied.code(), "synchronizing");
    let json = denied.report().to_json();
    assert_eq!(json["rule"], "6");
    assert_eq!(json["remedy"][0]["code"], "stop");
    // The owner of a folder passes it on whole.
    assert_eq!(Error::Told(denied.report()).report().to_json(), json);
    // One refused item refuses all, unless it may be passed over.
    assert_eq!(code(&order(BRANCH, ""), Some(TOKEN)).await.code(), "synchronizing");
    assert_eq!(
        code(&order(BRANCH, "personal-address-list"), None).await.report().to_json()["code"],
        "administrator_required"
    );
    assert_eq!(code(&order(BRANCH, "address-book"), Some("another")).await.code(), "administrator_refused");
    assert_eq!(code(&order(BRANCH, "printer-settings"), Some(TOKEN)).await.code(), "item_not_in_format");
    assert_eq!(code(&order(BRANCH, "home"), Some(TOKEN)).await.code(), "not_individual");
    assert_eq!(code(&order("/nowhere.csv", "address-book"), Some(TOKEN)).await.code(), "file");
    let mut wrong = order(BRANCH, "address-book");
    wrong.user = Some("alice".into());
    assert_eq!(code(&wrong, Some(TOKEN)).await.code(), "wrong_command");

    for (name, bytes, expected) in [
        ("cut.csv", format!("{HEADER}email,\"Desk"), "unterminated_quote"),
        ("empty.csv", String::new(), "empty_file"),
        ("other.csv", "a,b\r\n1,2\r\n".into(), "unknown_format"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        assert_eq!(code(&order(file.to_str().unwrap(), ""), Some(TOKEN)).await.code(), expected);
    }
    let empty = written(&folder, "header.csv", "");
    let mut empty = ImportOrder { mode: ListMode::Replace, ..order(&empty, "address-book") };
    assert_eq!(code(&empty, Some(TOKEN)).await.code(), "nothing_to_import");
    assert_eq!(machine.store().spaces().unwrap(), []);

    let skip = ImportOrder { skip_refused: true, ..order(BRANCH, "") };
    let some = machine.import(&skip, Some(TOKEN)).await.unwrap();
    assert_eq!(some.items, [Item::AddressBook]);
    assert!(some.kept_out.keys().any(|place| place == "group/sales" || place.starts_with("group/")));
    assert!(some.warnings.iter().any(|warning| warning.code == "synchronizing"));
    let local = SpaceName::local("address-lists");
    assert!(!names(&machine, &local).is_empty());
    empty.allow_empty = true;
    let emptied = machine.import(&empty, Some(TOKEN)).await.unwrap();
    assert_eq!((emptied.spaces[0].removed, names(&machine, &local).len()), (some.spaces[0].added, 0));
}

#[tokio::test]
async fn a_procedure_that_cannot_begin_leaves_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::InProgress);
    let order = |file: &str, items: Vec<Item>| ProcedureOrder { items, ..ProcedureOrder::new(file) };
    let begin = async |order: ProcedureOrder, token| {
        machine.begin_procedure(&order, Patience::default(), token).await.unwrap_err().code().to_string()
    };
    assert_eq!(begin(order(BRANCH, vec![]), None).await, "administrator_required");
    assert_eq!(begin(order(BRANCH, vec![]), Some(TOKEN)).await, "network");
    assert_eq!(
        begin(order(BRANCH, vec![Item::AddressBook]), Some(TOKEN)).await,
        "procedure_names_local_data"
    );
    assert_eq!(begin(order(BRANCH, vec![Item::Home]), Some(TOKEN)).await, "item_not_in_format");
    let empty = written(&folder, "header.csv", "");
    assert_eq!(begin(order(&empty, vec![]), Some(TOKEN)).await, "nothing_to_import");
    // What will refuse its import is asked before anything is deleted for it.
    let fax = machine.running(Process::Fax).unwrap();
    assert_eq!(begin(order(BRANCH, vec![]), Some(TOKEN)).await, "interlocked");
    drop(fax);
    assert_eq!(machine.procedures().unwrap(), []);
    assert_eq!(machine.state(), SyncState::InProgress);
    let none =
        machine.resume_procedure(Patience::default(), FileSecrets::default(), Some(TOKEN)).await.unwrap_err();
    assert_eq!(none.code(), "no_procedure");
}

/// Rule 7 from both sides: while an import runs, what may not run beside it waits and is told for what; what nobody can hold
/// back begins, and the import goes on.
#[tokio::test]
async fn what_may_not_run_during_an_import_waits_and_does_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    let told = Mutex::new(BTreeMap::new());
    let watch = |progress: &Progress| {
        told.lock().entry(progress.stage).or_insert_with(|| {
            let answers = Process::ALL.iter().map(|process| {
                let code = machine.process_begins(*process).map_err(|error| error.code().to_string());
                (*process, code.map(|beside| beside.is_some()))
            });
            answers.collect::<BTreeMap<_, _>>()
        });
    };
    let done = machine.import_watched(&order(BRANCH, "address-book"), Some(TOKEN), &watch).await.unwrap();
    assert!(done.touched() > 0);
    let told = told.into_inner();
    assert!(told.contains_key(&Stage::Reading) && told.contains_key(&Stage::Writing), "{told:?}");
    let begun = [Process::Synchronization, Process::Shutdown, Process::ErrorCodeDisplay];
    for (process, answer) in told.values().flatten() {
        let wanted = if begun.contains(process) { Ok(true) } else { Err("import_export_runs".into()) };
        assert_eq!(*answer, wanted, "{process}");
    }
    // Nothing else is left of it: what was refused does not count, and the next import is asked of what runs now.
    assert_eq!(machine.processes().iter().collect::<Vec<_>>(), begun);
    let refused = machine.import(&order(BRANCH, "address-book"), Some(TOKEN)).await.unwrap_err();
    assert_eq!(refused.code(), "interlocked");
    for _ in told.keys() {
        begun.iter().for_each(|process| machine.process_ended(*process));
    }
    assert_eq!(machine.process_begins(Process::Send).unwrap(), None);
    machine.process_ended(Process::Send);

    // The same of an export and of an undo; and nothing waits for a plan.
    let work = machine.at_work(Operation::Export, Some(Process::ImportExport)).unwrap();
    let denied = machine.process_begins(Process::Fax).unwrap_err();
    assert_eq!(denied.code(), "import_export_runs");
    assert!(denied.remedy().contains("Wait until an individual import or export is over"));
    assert!(machine.process_word(ProcessWord::Begin(Process::Shutdown)).unwrap()["wait"].is_string());
    machine.process_ended(Process::Shutdown);
    drop(work);
    let asked = |progress: &Progress| assert!(machine.process_begins(Process::Send).is_err(), "{progress:?}");
    let undo = UndoOrder { import: None, force: false, plan: false, apply: None };
    machine.undo_import_watched(&undo, Some(TOKEN), &asked).await.unwrap();
    let asked = |_: &Progress| {
        assert_eq!(machine.process_begins(Process::RemoteUi).unwrap(), None);
        machine.process_ended(Process::RemoteUi);
    };
    let plan = ImportOrder { plan: true, ..order(BRANCH, "address-book") };
    machine.import_watched(&plan, Some(TOKEN), &asked).await.unwrap();
    assert!(machine.processes().is_empty());
}

/// Rule 10 has one answer: what is over a limit is denied as `decide` denies it, whatever it is of and whatever else is asked
/// for.
#[tokio::test]
async fn what_is_over_a_limit_is_denied_by_rule_10() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    let mut profile = sync_core::profile::MACHINE.clone();
    profile.limits = profile.limits.with(sync_core::profile::Limit::Addresses, 1);
    let profile = Some(profile.to_toml());
    machine.state_facts(&Statement { profile, ..Statement::default() }, Some(TOKEN)).await.unwrap();
    let rows: String = (1..=3).map(|n| format!("mail,N{n},1,n{n}@office.example,{n},,,\r\n")).collect();
    let file = written(&folder, "many.csv", &rows);
    for skip_unfit in [false, true] {
        let over = ImportOrder { skip_unfit, ..order(&file, "address-book") };
        let denied = machine.import(&over, Some(TOKEN)).await.unwrap_err().report();
        let json = denied.to_json();
        assert_eq!(
            (json["code"].as_str(), json["rule"].as_str()),
            (Some("over_limit"), Some("10")),
            "{json}"
        );
        let step = &json["remedy"][0];
        assert_eq!(
            (step["code"].as_str(), step["count"].as_u64()),
            (Some("remove_entries"), Some(2)),
            "{json}"
        );
        assert_eq!(step["limit"], "addresses");
        assert!(!denied.remedy.contains("--skip-unfit"));
        let shown = machine.import(&ImportOrder { plan: true, ..over }, Some(TOKEN)).await.unwrap();
        let problems: Vec<&str> = shown.problems.iter().map(|problem| &*problem.code).collect();
        assert_eq!((problems, shown.fingerprint), (vec!["over_limit"], None));
    }
    assert!(names(&machine, &SpaceName::local("address-lists")).is_empty());
    assert!(machine.imports().unwrap().is_empty());
}

/// A machine as the next start finds it if the process dies now.
fn after_a_power_cut(folder: &Path) -> (TempDir, Machine) {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let machine = Machine::open(copy.path(), Options::default()).unwrap();
    (copy, machine)
}

/// Rule 8: wherever power fails, reading and planning too, the next start says which of the two states stands.
#[tokio::test]
async fn an_import_that_died_before_it_was_written_is_said_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    let lists = SpaceName::local("address-lists");
    let told = Mutex::new(BTreeMap::new());
    let watch = |progress: &Progress| {
        told.lock().entry(progress.stage).or_insert_with(|| {
            let (_copy, next) = after_a_power_cut(folder.path());
            let lines = next.imports().unwrap();
            let said: Vec<String> =
                next.interrupted_imports().unwrap().into_iter().map(|one| one.code).collect();
            (lines.iter().map(|line| line.state).collect::<Vec<_>>(), said, names(&next, &lists).len())
        });
    };
    machine.import_watched(&order(BRANCH, "address-book"), Some(TOKEN), &watch).await.unwrap();
    let written = names(&machine, &lists).len();
    let mut told = told.into_inner();
    assert!(told.contains_key(&Stage::Reading), "{told:?}");
    told.remove(&Stage::Asking);
    for (stage, (lines, said, held)) in told {
        // The last news may come after the commit.
        let wanted = if held == 0 {
            ("import_did_not_happen", ImportState::NotDone)
        } else {
            assert_eq!((stage, held), (Stage::Writing, written));
            ("import_was_done", ImportState::Done)
        };
        assert_eq!((&lines[..], &said[..]), (&[wanted.1][..], &[wanted.0.to_string()][..]), "{stage:?}");
    }
    // Whoever heard how it ended is not told again, and what was refused leaves no line.
    let broken = written_bytes(&folder);
    assert!(machine.import(&order(&broken, "address-book"), Some(TOKEN)).await.is_err());
    let (_copy, next) = after_a_power_cut(folder.path());
    assert_eq!((next.imports().unwrap().len(), next.interrupted_imports().unwrap()), (1, vec![]));
}

fn written_bytes(folder: &TempDir) -> String {
    let file = folder.path().join("broken.csv");
    fs::write(&file, [0xff, 0xfe, 0, 1]).unwrap();
    file.to_str().unwrap().into()
}

/// A procedure whose process died in the import step, with its journal in the replica.
fn interrupted(machine: &Machine, file: &str, hash: FileHash) -> ProcedureId {
    let spaces = vec![SpaceName::group("office", "sales")];
    machine.store().join(&spaces).unwrap();
    let source = Source { name: file.into(), hash };
    let order = Order::new(spaces.clone(), vec![Item::UserGroupAddressList], source);
    let id = ProcedureId(draw::uuid().unwrap());
    let mut procedure = Procedure::new(id, order);
    let _ = procedure.handle(Happened::Begin, now());
    for evidence in [
        Evidence::Joined { level: vec![] },
        Evidence::Stopped { unsent: 0 },
        Evidence::BackedUp { backup: "b".into(), hash: FileHash([0; 32]) },
        Evidence::Deleted { spaces: vec![], snapshots: vec![], records: 0, reserved_until: Timestamp(0) },
    ] {
        let _ = procedure.handle(Happened::StepDone(evidence), now());
    }
    machine.store().set_journal(id, &procedure, now()).unwrap();
    id
}

#[tokio::test]
async fn an_interrupted_procedure_is_announced_and_imports_once() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    let sales = SpaceName::group("office", "sales");
    let id = interrupted(&machine, BRANCH, hash(&fs::read(BRANCH).unwrap()));
    let status = machine.status().unwrap();
    assert_eq!(status["procedure"]["id"], id.to_string());
    assert!(status["procedure"]["text"].as_str().unwrap().contains("import"));
    let order = ProcedureOrder::new(BRANCH);
    let second = machine.begin_procedure(&order, Patience::default(), Some(TOKEN)).await.unwrap_err();
    assert_eq!(second.code(), "procedure_unfinished");

    // The import was committed, but the process died before the journal said so.
    let import = ImportOrder { mode: ListMode::Append, ..order_of_groups() };
    let only = [sales.clone()];
    machine.import_as(ImportId(id.0), &import, None, Some(&only), Some(TOKEN)).await.unwrap();
    let imported = names(&machine, &sales);
    let impatient = Patience { start: Duration::ZERO, ..Patience::default() };
    for _ in 0..2 {
        let failed = crate::owner::here(
            &machine,
            crate::Command::ProcedureResume { patience: impatient, secrets: FileSecrets::default() },
            Some(TOKEN),
        );
        // The server is out of reach: the start can't be done, and says what to do next.
        let failed = failed.await.unwrap_err();
        assert!(failed.remedy().contains("--resume"), "{failed}");
        let report = &machine.procedures().unwrap()[0];
        assert_eq!((report.phase.as_str(), report.steps.len()), ("failed", 5));
        assert_eq!(report.import.as_ref().unwrap().spaces[0].added, imported.len());
        assert_eq!(names(&machine, &sales), imported);
    }
}

fn order_of_groups() -> ImportOrder {
    order(BRANCH, "user-group-address-list")
}

#[tokio::test]
async fn a_procedure_goes_on_only_with_the_file_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    interrupted(&machine, BRANCH, FileHash([7; 32]));
    let changed =
        machine.resume_procedure(Patience::default(), FileSecrets::default(), Some(TOKEN)).await.unwrap_err();
    assert_eq!(changed.code(), "file_changed");
    assert!(names(&machine, &SpaceName::group("office", "sales")).is_empty());
    // Ending it needs the server, which holds the reservation.
    let cancelling = machine.cancel_procedure(Some(TOKEN)).await.unwrap_err();
    assert_eq!(cancelling.code(), "network");
    assert_eq!(machine.procedures().unwrap()[0].phase, "cancelling");
}

#[tokio::test]
async fn what_was_imported_in_a_batch_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder, SyncState::Stopped);
    let (space, name) = (SpaceName::local(Item::BasicInformation.as_str()), "preferences.sleep-minutes");
    let minutes = || {
        let record = machine.store().view(&space, RecordId::of_setting(name)).unwrap().unwrap();
        record.get("value").cloned()
    };
    let set = async |minutes: &str| {
        let words = ItemCommand::Set {
            item: Item::BasicInformation,
            record: name.into(),
            words: vec![minutes.into()],
            unset: false,
            whose: Whose::default(),
        };
        machine.item(words, Some(TOKEN)).await.unwrap();
    };
    let file = folder.path().join("batch");
    let items = vec![Item::BasicInformation, Item::SecurityPolicy];
    let export =
        ExportOrder { file: Some(file.clone()), batch: true, items: items.clone(), ..ExportOrder::default() };
    set("30").await;
    machine.set_policy_password(Some("Kastanie"), Some(TOKEN)).await.unwrap();
    machine.export(&export, Some(TOKEN)).await.unwrap();
    machine.set_policy_password(None, Some(TOKEN)).await.unwrap();
    set("20").await;
    let import = ImportOrder { batch: true, items, ..ImportOrder::new(file.to_str().unwrap()) };
    machine.import(&import, Some(TOKEN)).await.unwrap();
    assert_eq!(minutes(), Some(30_i64.into()));
    // Its own state comes back whatever the password here: no file of another machine is taken.
    machine.set_policy_password(Some("Eiche"), Some(TOKEN)).await.unwrap();
    for plan in [true, false] {
        let undo = UndoOrder { plan, ..UndoOrder::default() };
        machine.undo_import(&undo, Some(TOKEN)).await.unwrap();
        assert_eq!(minutes(), Some(if plan { 30_i64 } else { 20 }.into()));
    }
}

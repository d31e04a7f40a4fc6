//! One machine's side, without a server.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use super::*;
use crate::{Options, store::Identity, store::Store};
use sync_core::{
    id::{ProcedureId, ServerId},
    procedure::{Event, Order, Procedure, Source},
    space::SpaceName,
};
use tempfile::TempDir;
use uuid::Uuid;

const HEADER: &str = "objectclass,cn,subdbid,mailaddress,indxid,loginusername,usergroupname,\r\n";
const BOTH: &str = "email,Desk,1,desk@x.example,201,,,\r\nemail,Own,1,own@x.example,202,alice,,\r\n";

/// An enrolled machine whose server is out of reach.
fn machine(folder: &TempDir) -> Machine {
    let mut store = Store::open(folder.path()).unwrap();
    let identity = Identity {
        machine: Some(MachineId(Uuid::from_u128(1))),
        destination: "127.0.0.1:1".parse().unwrap(),
        fingerprint: Some("0".repeat(64)),
        server: Some(ServerId(Uuid::from_u128(2))),
        realm: Some("office".into()),
        ..Identity::default()
    };
    store.set_identity(identity).unwrap();
    drop(store);
    Machine::open(folder.path(), Options::default()).unwrap()
}

fn delivery(items: &[&str]) -> Delivery {
    Delivery {
        distribution: DistributionId(Uuid::from_u128(7)),
        name: "lists.csv".into(),
        sha256: FileHash([0; 32]),
        bytes: 1,
        items: items.iter().map(|item| (*item).into()).collect(),
        mode: ListMode::Append,
        skip_refused: false,
        passphrase: None,
    }
}

fn import() -> ImportId {
    ImportId::of_distribution(DistributionId(Uuid::from_u128(7)), MachineId(Uuid::from_u128(1)))
}

fn file(rows: &str) -> Vec<u8> {
    format!("{HEADER}{rows}").into_bytes()
}

fn code(stopped: Stopped) -> String {
    match stopped {
        Stopped::Refused(reason) => reason.code,
        Stopped::Failed(error) => match outcome_of(&error) {
            Outcome::Refused(reason) => reason.code,
            other => panic!("{other:?}"),
        },
    }
}

fn names(machine: &Machine) -> Vec<String> {
    let live = machine.store().live(&SpaceName::local("address-lists")).unwrap();
    live.values().map(|fields| fields["name"].to_string()).collect()
}

async fn delivered(machine: &Machine, delivery: &Delivery) -> Result<Option<Outcome>> {
    machine.deliver(&machine.link().unwrap(), MachineId(Uuid::from_u128(1)), delivery).await
}

#[tokio::test]
async fn a_repeat_says_what_was_done_and_brings_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let before = machine(&folder);
    let all = Delivery { passphrase: Some(PassPhrase("words".into())), ..delivery(&[]) };
    let first = before.apply(import(), &all, file(BOTH)).await.ok().unwrap();
    assert_eq!((first.added, first.import), (1, import()));
    let codes: Vec<&str> = first.warnings.iter().map(|warning| &*warning.code).collect();
    assert_eq!(codes, ["not_distributable", "passphrase_not_needed"]);
    assert_eq!(names(&before), ["Desk"]);
    // Somebody removes the entry; then the machine is started anew before it could report.
    let list = crate::addresses::ListOf::Machine(1);
    let id = before.addresses(&list).unwrap()[0].0;
    before.remove_address(&list, id).unwrap();
    drop(before);
    let machine = machine(&folder);
    let again = machine.apply(import(), &all, file(BOTH)).await.ok().unwrap();
    assert_eq!(again.added, 1);
    assert!(names(&machine).is_empty());
    // It does not even fetch the file again, whatever it receives by now.
    machine.set_receiving(&Receiving::Off).unwrap();
    let Some(Outcome::Applied(told)) = delivered(&machine, &all).await.unwrap() else { panic!() };
    assert_eq!(told.added, 1);
}

#[tokio::test]
async fn what_a_machine_does_not_receive_is_refused_before_it_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let before = machine(&folder);
    before.set_receiving(&Receiving::Off).unwrap();
    drop(before);
    let machine = machine(&folder);
    assert_eq!(machine.receiving().unwrap(), Receiving::Off);
    let Some(Outcome::Refused(reason)) = delivered(&machine, &delivery(&[])).await.unwrap() else { panic!() };
    assert_eq!(reason.code, "receiving_off");
    machine.set_receiving(&Receiving::Items([Item::Forwarding].into())).unwrap();
    let refused = machine.apply(import(), &delivery(&[]), file(BOTH)).await.err().unwrap();
    assert_eq!(code(refused), "not_received");
    machine.set_receiving(&Receiving::On).unwrap();
    // Only now it asks the server, which is out of reach: it stays due.
    assert_eq!(delivered(&machine, &delivery(&[])).await.unwrap_err().code(), "network");
    let large = Delivery { bytes: MAX_FILE as u64 + 1, ..delivery(&[]) };
    let Some(Outcome::Refused(reason)) = delivered(&machine, &large).await.unwrap() else { panic!() };
    assert_eq!(reason.code, "too_large");
    assert!(names(&machine).is_empty());
}

#[tokio::test]
async fn a_file_or_an_item_that_cannot_be_is_refused_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder);
    for (items, bytes, wanted) in [
        (&["address-book"][..], b"no address book".to_vec(), "unknown_format"),
        (&["of-a-newer-server"], file(BOTH), "unknown_item"),
        (&["personal-address-list"], file(BOTH), "not_distributable"),
        (&[], file("email,Own,1,own@x.example,202,alice,,\r\n"), "not_distributable"),
        (&[], file(""), "nothing_to_import"),
        (&["forwarding"], file(BOTH), "not_individual"),
    ] {
        let refused = machine.apply(import(), &delivery(items), bytes).await.err().unwrap();
        assert_eq!(code(refused), wanted, "{items:?}");
    }
    assert!(names(&machine).is_empty());
    assert_eq!(machine.undo_delivery(import()).await.unwrap(), Outcome::Undone);
}

#[tokio::test]
async fn a_machine_with_an_unfinished_procedure_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(&folder);
    let source = Source { name: "lists.csv".into(), hash: FileHash([0; 32]) };
    let order =
        Order::new(vec![SpaceName::group("office", "sales")], vec![Item::UserGroupAddressList], source);
    let mut procedure = Procedure::new(ProcedureId(Uuid::from_u128(3)), order);
    let _ = procedure.handle(Event::Begin, now());
    machine.store().set_journal(procedure.id(), &procedure, now()).unwrap();
    let Some(Outcome::Again(reason)) = delivered(&machine, &delivery(&[])).await.unwrap() else { panic!() };
    assert_eq!(reason.code, "procedure_unfinished");
}

#[tokio::test]
async fn the_authority_of_this_process_is_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let first = machine(&folder);
    let authority = first.own_authority.clone();
    first.prove_administrator(Some(&authority)).await.unwrap();
    drop(first);
    // Another opening has its own.
    let second = machine(&folder);
    for token in [Some(authority.as_str()), Some(""), None] {
        assert!(second.prove_administrator(token).await.is_err());
    }
}

#[test]
fn the_words_of_what_is_received() {
    let words = |text: &str| parse(&text.split_whitespace().map(Into::into).collect::<Vec<_>>());
    assert_eq!(words("").unwrap(), None);
    assert_eq!(words("on").unwrap(), Some(Receiving::On));
    assert_eq!(words("off").unwrap(), Some(Receiving::Off));
    let items = Receiving::Items([Item::AddressBook, Item::Forwarding].into());
    assert_eq!(words("forwarding address-book").unwrap(), Some(items.clone()));
    assert_eq!(shown(&items), json!({"receiving": "items", "items": ["address-book", "forwarding"]}));
    for wrong in ["on off", "nothing", "key", "personal-settings"] {
        assert_eq!(words(wrong).unwrap_err().code(), "wrong_command", "{wrong}");
    }
}

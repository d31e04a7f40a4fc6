//! Distributions: who may order, what a machine gets, what is refused.

use super::served::{Served, machine, poll};
use crate::store::{MemoryStore, Store};
use serde_json::{Value, json};
use sync_core::{
    api,
    distribution::{
        Applied, DeliveryFileRequest, DistributeRequest, DistributionInfo, DistributionRequest, DueDelivery,
        EndRequest, FileBytes, FilePart, MAX_FILE, Outcome, PassPhrase, ReportRequest, Reported, State, Task,
    },
    id::{DistributionId, ImportId},
    item::Item,
    procedure::ListMode,
    protocol::MEDIA_TYPE,
    server::Scope,
    wire,
};
use uuid::Uuid;

/// A small list.
const LIST: &[u8] = b"objectclass,cn,mailaddress,indxid,\r\nemail,Desk,desk@office.example,201,\r\n";
const PHRASE: &str = "correct horse battery staple";

/// A list of so many bytes, in few rows.
fn list_of(bytes: usize) -> Vec<u8> {
    let mut list = LIST.to_vec();
    while list.len() < bytes {
        let row = b"email,Desk,desk@office.example,202,\r\n";
        let left = bytes - list.len();
        let name = left.saturating_sub(row.len()).min(60_000);
        list.extend(b"email,");
        list.extend(vec![b'x'; if left < row.len() { 0 } else { name + 4 }]);
        list.extend(b",desk@office.example,202,\r\n");
    }
    list.truncate(bytes);
    list
}

/// A bundle that [`PHRASE`] opens.
fn encrypted() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/bundle-1.0.age")).unwrap()
}

fn order(file: Vec<u8>) -> DistributeRequest {
    DistributeRequest {
        distribution: None,
        name: "lists.csv".into(),
        file: FileBytes(file),
        machines: Vec::new(),
        items: Vec::new(),
        mode: ListMode::Append,
        skip_refused: false,
        at: None,
        passphrase: None,
    }
}

async fn with_machines(count: u128) -> Served<MemoryStore> {
    let served = Served::new();
    for n in 1..=count {
        served.enrol(n, Scope::All).await;
    }
    served
}

fn applied(distribution: DistributionId, n: u128) -> ReportRequest {
    let import = ImportId::of_distribution(distribution, machine(n));
    let (refused, warnings) = (Vec::new(), Vec::new());
    let applied = Applied { import, added: 1, changed: 0, removed: 0, same: 0, refused, warnings };
    ReportRequest { distribution, outcome: Outcome::Applied(applied) }
}

#[tokio::test]
async fn a_file_reaches_the_machines_of_its_order_in_parts() {
    let served = with_machines(3).await;
    let idle = served.ask(api::SYNC, 1, &poll()).await;
    // An older machine need not know of it, and an idle poll is no longer than before.
    assert!(serde_json::from_slice::<Value>(&idle.body).unwrap().get("d").is_none());
    let file = list_of(9_000_000);
    let asked = DistributeRequest {
        machines: vec!["Machine 1".into(), machine(2).to_string(), "Machine 1".into()],
        items: vec![Item::AddressBook, Item::AddressBook],
        ..order(file.clone())
    };
    let made: DistributionInfo = served.packed(api::DISTRIBUTE, 0, &asked).await;
    assert_eq!((made.open, made.bytes, made.items.len()), (2, 9_000_000, 1));
    let names: Vec<_> = made.deliveries.iter().flatten().map(|delivery| delivery.name.as_str()).collect();
    assert_eq!(names, ["Machine 1", "Machine 2"]);
    let id = made.distribution;

    assert!(served.sync(1, &poll()).await.due && !served.sync(3, &poll()).await.due);
    let due: Vec<DueDelivery> = served.told(api::DELIVERIES, 1, &()).await;
    let [DueDelivery { distribution, task: Task::Apply { passphrase: None, bytes, .. } }] = &due[..] else {
        panic!("{due:?}")
    };
    assert_eq!((*distribution, *bytes), (id, 9_000_000));
    let mut fetched = Vec::new();
    for parts in 1.. {
        let ask = DeliveryFileRequest { distribution: id, from: fetched.len() as u64 };
        let part: FilePart = served.packed(api::DELIVERY_FILE, 1, &ask).await;
        if part.part.0.is_empty() {
            assert_eq!(parts, 4);
            break;
        }
        fetched.extend(part.part.0);
    }
    assert_eq!(fetched, file);

    // Who is not of the order sees neither it nor its file, and reports nothing of it.
    let none: Vec<DueDelivery> = served.told(api::DELIVERIES, 3, &()).await;
    assert!(none.is_empty());
    let unknown = (404, "unknown_distribution".to_string());
    let file_of = DeliveryFileRequest { distribution: id, from: 0 };
    assert_eq!(served.refused(api::DELIVERY_FILE, 3, &file_of).await, unknown);
    assert_eq!(served.refused(api::DELIVERY_REPORT, 3, &applied(id, 3)).await, unknown);

    for n in [1, 2] {
        let _: Reported = served.packed(api::DELIVERY_REPORT, n, &applied(id, n)).await;
        assert!(!served.sync(n, &poll()).await.due);
        // What it has applied it does not fetch again.
        assert_eq!(served.refused(api::DELIVERY_FILE, n, &file_of).await, unknown);
    }
    let over: DistributionInfo =
        served.told(api::DISTRIBUTION, 0, &DistributionRequest { distribution: id }).await;
    assert_eq!((over.open, over.counts.unwrap()["applied"]), (0, 2));
    assert_eq!(served.interface.store().distribution_file(id, 0, 1).await.unwrap(), None);
    let undone: DistributionInfo = served.told(api::END_DISTRIBUTION, 0, &EndRequest::Undo(id)).await;
    assert_eq!(undone.open, 2);
    let due: Vec<DueDelivery> = served.told(api::DELIVERIES, 2, &()).await;
    assert_eq!(due[0].task, Task::Undo { import: ImportId::of_distribution(id, machine(2)) });
}

#[tokio::test]
async fn an_order_in_json_has_its_file_as_base64_and_shows_no_secret() {
    let served = with_machines(1).await;
    let file = serde_json::to_value(FileBytes(encrypted())).unwrap();
    let asked = json!({"name": "a.bundle", "file": file, "mode": "replace", "passphrase": PHRASE});
    let made: Value = served.told(api::DISTRIBUTE, 0, &asked).await;
    assert_eq!((&made["bytes"], &made["mode"]), (&encrypted().len().into(), &"replace".into()));
    let due: Vec<DueDelivery> = served.told(api::DELIVERIES, 1, &()).await;
    let [DueDelivery { task: Task::Apply { passphrase: Some(words), .. }, .. }] = &due[..] else {
        panic!("{due:?}")
    };
    assert_eq!(words.0, PHRASE);
    let list: Value = served.told(api::DISTRIBUTIONS, 0, &()).await;
    assert_eq!(list[0]["distribution"], made["distribution"]);
    assert!(!format!("{made}{list}").contains(PHRASE));
    // A pass phrase that is none is not quoted back.
    let wrong = json!({"name": "a.csv", "file": file, "mode": "replace", "passphrase": 271_828});
    let answered = served.ask(api::DISTRIBUTE, 0, &wrong).await;
    assert_eq!(answered.code(), "malformed");
    assert!(!String::from_utf8_lossy(&answered.body).contains("271828"));
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused_and_a_repeat_is_known() {
    let served = Served::new();
    let refused = async |asked: &DistributeRequest| served.refused(api::DISTRIBUTE, 0, asked).await;
    let found = |status: u16, code: &str| (status, code.to_string());
    assert_eq!(refused(&order(LIST.to_vec())).await, found(409, "no_machine"));
    for n in 1..=2 {
        served.enrol(n, Scope::All).await;
    }
    let named = |name: &str| DistributeRequest { machines: vec![name.into()], ..order(LIST.to_vec()) };
    assert_eq!(refused(&named("nobody")).await, found(404, "unknown_machine"));
    assert_eq!(refused(&named(&machine(9).to_string())).await, found(404, "unknown_machine"));
    let code = served.code(Scope::All).await.code;
    let mut twin = Served::<MemoryStore>::enrolment(&code, 3);
    twin.name = "Machine 1".into();
    let _: Value = served.told(api::ENROLL, 3, &twin).await;
    assert_eq!(refused(&named("Machine 1")).await, found(409, "ambiguous_machine"));
    assert_eq!(refused(&order(Vec::new())).await, found(413, "empty_file"));
    let items = vec![Item::AddressBook, Item::UserGroupAddressList];
    assert_eq!(
        refused(&DistributeRequest { items, ..order(LIST.to_vec()) }).await,
        found(422, "not_distributable")
    );
    for name in ["", "a\nb", &"x".repeat(1_025)] {
        assert_eq!(
            refused(&DistributeRequest { name: name.into(), ..order(LIST.to_vec()) }).await,
            found(400, "wrong_name")
        );
    }
    let empty = Some(PassPhrase(String::new()));
    assert_eq!(
        refused(&DistributeRequest { passphrase: empty, ..order(LIST.to_vec()) }).await,
        found(422, "wrong_passphrase")
    );
    // One byte too many, sent as it would be.
    let body = wire::encode(&order(vec![0; MAX_FILE + 1])).unwrap();
    let answered = served.bytes(api::DISTRIBUTE, 0, MEDIA_TYPE, body).await;
    assert_eq!((answered.status, answered.code()), (413, "too_large".to_string()));
    let unknown = DistributionId(Uuid::from_u128(7));
    for ask in [EndRequest::Cancel(unknown), EndRequest::Undo(unknown)] {
        assert_eq!(served.refused(api::END_DISTRIBUTION, 0, &ask).await, found(404, "unknown_distribution"));
    }
    assert!(served.interface.store().distributions().await.unwrap().is_empty());

    let asked = DistributeRequest { distribution: Some(unknown), ..order(LIST.to_vec()) };
    let first: DistributionInfo = served.packed(api::DISTRIBUTE, 0, &asked).await;
    let again: DistributionInfo = served.packed(api::DISTRIBUTE, 0, &asked).await;
    assert_eq!((first.distribution, first.ordered, first.open), (unknown, again.ordered, 3));
    let cancelled: DistributionInfo =
        served.told(api::END_DISTRIBUTION, 0, &EndRequest::Cancel(unknown)).await;
    let states: Vec<_> = cancelled.deliveries.iter().flatten().map(|delivery| delivery.state).collect();
    assert_eq!(states, [State::Cancelled; 3]);
}

#[tokio::test]
async fn a_file_that_no_machine_could_apply_is_not_stored() {
    let served = with_machines(1).await;
    let phrase = |words: &str| Some(PassPhrase(words.into()));
    let mut damaged = encrypted();
    let at = damaged.len() - 40;
    damaged[at] ^= 1;
    let cut = LIST[..30].to_vec();
    let orders = [
        (order(b"junk".to_vec()), "unknown_format"),
        (order(cut), "file_cut_off"),
        (order(encrypted()), "bundle_passphrase_needed"),
        (DistributeRequest { passphrase: phrase("another"), ..order(encrypted()) }, "bundle_passphrase"),
        (DistributeRequest { passphrase: phrase(PHRASE), ..order(damaged) }, "bundle_damaged"),
        (DistributeRequest { passphrase: phrase(PHRASE), ..order(LIST.to_vec()) }, "bundle_not_encrypted"),
        (DistributeRequest { items: vec![Item::Forwarding], ..order(LIST.to_vec()) }, "item_not_in_file"),
        (
            DistributeRequest { items: vec![Item::Home], passphrase: phrase(PHRASE), ..order(encrypted()) },
            "item_not_in_file",
        ),
    ];
    for (asked, code) in orders {
        let refused = served.refused(api::DISTRIBUTE, 0, &asked).await;
        assert_eq!(refused, (422, code.to_string()));
    }
    assert!(served.interface.store().distributions().await.unwrap().is_empty());
}

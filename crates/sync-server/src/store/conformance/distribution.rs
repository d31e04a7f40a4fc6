//! Distributions: kept, due, fetched in parts, over, forgotten.

use super::{
    super::Store,
    bench::{Bench, InSqlite, Kind, machine},
    over_every_store,
};
use core::time::Duration;
use sync_core::{
    distribution::{Applied, FileBytes, Order, Outcome, Pace, PassPhrase, Reason, State},
    id::{DistributionId, ImportId},
    item::Item,
    procedure::{FileHash, ListMode},
    protocol::Limits,
    server::{Act, Answer, Refusal, Request},
    time::Timestamp,
};
use uuid::Uuid;

over_every_store! {
    a_distribution_is_kept_with_its_file_until_it_is_over
    what_is_due_is_known_from_memory_and_after_a_reopening
    a_refused_order_leaves_nothing
}

const FILE: &[u8] = b"the bytes of a file";

fn id(n: u128) -> DistributionId {
    DistributionId(Uuid::from_u128(0xdd00 + n))
}

fn orders(n: u128, at: i64, machines: &[u128]) -> Request {
    let order = Order {
        id: id(n),
        name: "lists.csv".into(),
        sha256: FileHash([2; 32]),
        bytes: FILE.len() as u64,
        items: vec![Item::AddressBook],
        mode: ListMode::Replace,
        skip_refused: true,
        at: Timestamp(at),
        ordered: Timestamp(1_000 + i64::try_from(n).unwrap()),
        passphrase: Some(PassPhrase("open sesame".into())),
        end: None,
        open: 0,
        over: None,
    };
    let machines = machines.iter().map(|n| machine(*n)).collect();
    Request::Distribution(Act::Order { order, machines, file: FileBytes(FILE.into()) })
}

fn reports(n: u128, from: u128, outcome: Outcome) -> Request {
    Request::Distribution(Act::Report {
        distribution: id(n),
        machine: machine(from),
        outcome,
        now: Timestamp(6_000),
        pace: Pace::default(),
        random: u32::MAX,
    })
}

fn applied(n: u128) -> Outcome {
    let import = ImportId(Uuid::from_u128(n));
    let (refused, warnings) = (Vec::new(), Vec::new());
    Outcome::Applied(Applied { import, added: 3, changed: 2, removed: 1, same: 0, refused, warnings })
}

fn order_of(answer: Answer) -> Order {
    match answer {
        Answer::Distribution(order) => order,
        other => panic!("{other:?}"),
    }
}

async fn enrolled<K: Kind>(count: u128) -> Bench<K> {
    let bench = Bench::<K>::empty(Limits::default());
    for n in 1..=count {
        bench.enrol(n).await;
    }
    bench
}

fn due<K: Kind>(bench: &Bench<K>, n: u128, now: i64) -> Vec<DistributionId> {
    bench.store().known(|known| {
        let due = known.heads().due(machine(n), Timestamp(now));
        assert_eq!(known.heads().is_due(machine(n), Timestamp(now)), !due.is_empty());
        due
    })
}

async fn a_distribution_is_kept_with_its_file_until_it_is_over<K: Kind>() {
    let bench = enrolled::<K>(2).await;
    let position = bench.position();
    let begun = order_of(bench.commit(orders(1, 5_000, &[1, 2])).await);
    assert_eq!(order_of(bench.commit(orders(1, 9_000, &[1])).await), begun);
    order_of(bench.commit(orders(2, 5_000, &[2])).await);
    // No space moved.
    assert_eq!(bench.position(), position);
    let bench = bench.reopened().await;
    let store = bench.store();
    let all: Vec<_> = store.distributions().await.unwrap().iter().map(|order| order.id).collect();
    assert_eq!(all, [id(2), id(1)]);
    let (order, deliveries) = store.distribution(id(1), None).await.unwrap().unwrap();
    assert_eq!((&order, deliveries.len()), (&begun, 2));
    let (_, mine) = store.distribution(id(1), Some(machine(2))).await.unwrap().unwrap();
    assert_eq!(mine, [deliveries[1].clone()]);
    assert_eq!(store.distribution(id(1), Some(machine(9))).await.unwrap().unwrap().1, []);
    assert_eq!(store.distribution(id(9), None).await.unwrap(), None);
    for (from, most, part) in
        [(0, 5, &FILE[..5]), (5, 99, &FILE[5..]), (19, 5, &[]), (u64::MAX, u64::MAX, &[])]
    {
        let found = store.distribution_file(id(1), from, most).await.unwrap();
        assert_eq!(found.unwrap().0, part, "{from} {most}");
    }
    assert_eq!(store.distribution_file(id(9), 0, 1).await.unwrap(), None);

    bench.commit(reports(1, 1, applied(1))).await;
    let over = order_of(bench.commit(reports(1, 2, Outcome::Refused(Reason::new("no", "no", "no")))).await);
    assert_eq!((over.open, over.over, over.passphrase), (0, Some(Timestamp(6_000)), None));
    let bench = bench.reopened().await;
    let store = bench.store();
    assert_eq!(store.distribution_file(id(1), 0, 1).await.unwrap(), None);
    assert!(store.distribution_file(id(2), 0, 1).await.unwrap().is_some());
    let (_, deliveries) = store.distribution(id(1), None).await.unwrap().unwrap();
    let states: Vec<_> = deliveries.iter().map(|(_, delivery)| delivery.state).collect();
    assert_eq!(states, [State::Applied, State::Refused]);
    assert_eq!(deliveries[0].1.applied.as_ref().map(|applied| applied.added), Some(3));

    let act = Act::Forget {
        distributions: vec![id(1), id(2), id(9)],
        keep: Duration::from_secs(1),
        now: Timestamp(7_000),
    };
    assert_eq!(bench.commit(Request::Distribution(act)).await, Answer::Done);
    let bench = bench.reopened().await;
    assert_eq!(bench.store().distribution(id(1), None).await.unwrap(), None);
    assert_eq!(bench.store().distributions().await.unwrap().len(), 1);
}

async fn what_is_due_is_known_from_memory_and_after_a_reopening<K: Kind>() {
    let bench = enrolled::<K>(2).await;
    bench.commit(orders(1, 5_000, &[1, 2])).await;
    bench.commit(orders(2, 4_000, &[1])).await;
    let mut bench = bench;
    for _ in 0..2 {
        assert!(due(&bench, 1, 3_999).is_empty());
        assert_eq!(due(&bench, 1, 4_000), [id(2)]);
        assert_eq!(due(&bench, 1, 5_000), [id(2), id(1)]);
        assert_eq!(due(&bench, 2, 5_000), [id(1)]);
        assert!(due(&bench, 3, 9_000).is_empty());
        bench = bench.reopened().await;
    }
    // Busy: due again when its back-off is over.
    bench.commit(reports(2, 1, Outcome::Again(Reason::new("busy", "busy", "wait")))).await;
    assert_eq!(due(&bench, 1, 35_999), [id(1)]);
    assert_eq!(due(&bench, 1, 36_000), [id(1), id(2)]);
    bench.commit(reports(2, 1, applied(1))).await;
    let cancel = Act::Cancel { distribution: id(1), now: Timestamp(7_000) };
    assert_eq!(order_of(bench.commit(Request::Distribution(cancel)).await).open, 0);
    for n in [1, 2] {
        assert!(due(&bench, n, 99_000).is_empty());
    }
    let undo = Act::Undo { distribution: id(2), now: Timestamp(8_000) };
    bench.commit(Request::Distribution(undo)).await;
    let bench = bench.reopened().await;
    assert_eq!(due(&bench, 1, 8_000), [id(2)]);
}

async fn a_refused_order_leaves_nothing<K: Kind>() {
    let bench = enrolled::<K>(1).await;
    assert_eq!(bench.refused(orders(1, 0, &[1, 2])).await, Refusal::UnknownMachine);
    assert_eq!(bench.refused(orders(1, 0, &[])).await, Refusal::NoMachine);
    assert_eq!(bench.refused(reports(1, 1, applied(1))).await, Refusal::UnknownDistribution);
    assert!(bench.store().distributions().await.unwrap().is_empty());
    assert_eq!(bench.store().distribution_file(id(1), 0, 1).await.unwrap(), None);
    // Those that are not over are counted over reopenings too.
    for n in 1..=32 {
        order_of(bench.commit(orders(n, 0, &[1])).await);
    }
    let bench = bench.reopened().await;
    assert_eq!(bench.refused(orders(99, 0, &[1])).await, Refusal::TooManyDistributions(32));
    bench.commit(reports(7, 1, applied(1))).await;
    order_of(bench.commit(orders(99, 0, &[1])).await);
}

/// What is forgotten is not to be read out of the file's pages.
#[tokio::test]
async fn a_pass_phrase_and_a_file_leave_the_disk_with_the_last_delivery() {
    let bench = enrolled::<InSqlite>(1).await;
    let file = bench.kind.file();
    let holds = |bytes: Vec<u8>| {
        bytes.windows(6).any(|part| part == b"sesame") || bytes.windows(FILE.len()).any(|part| part == FILE)
    };
    bench.commit(orders(1, 0, &[1])).await;
    let bench = bench.reopened().await;
    assert!(holds(std::fs::read(&file).unwrap()));
    bench.commit(reports(1, 1, applied(1))).await;
    let _bench = bench.reopened().await;
    assert!(!holds(std::fs::read(&file).unwrap()));
}

//! The laws of a delivery, over random reports and acts; what a machine takes; the forms of the messages.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use super::*;
use crate::{
    id::{DistributionId, ImportId, MachineId},
    protocol::Limits,
    server::{Act, Answer, Machine, Refusal, Request, Scope, StoreHead, memory::Memory},
};
use alloc::{collections::BTreeSet, string::ToString, vec, vec::Vec};
use proptest::prelude::*;
use uuid::Uuid;

const PACE: Pace = Pace { retry: Duration::from_secs(10), longest: Duration::from_secs(300) };

fn machine(n: u128) -> MachineId {
    MachineId(Uuid::from_u128(n))
}

fn id(n: u128) -> DistributionId {
    DistributionId(Uuid::from_u128(0xd00 + n))
}

fn order(n: u128, at: i64) -> Order {
    Order {
        id: id(n),
        name: "lists.csv".into(),
        sha256: FileHash([1; 32]),
        bytes: 3,
        items: vec![Item::AddressBook],
        mode: ListMode::Append,
        skip_refused: false,
        at: Timestamp(at),
        ordered: Timestamp(0),
        passphrase: Some(PassPhrase("open sesame".into())),
        end: None,
        open: 0,
        over: None,
    }
}

fn applied(n: u128) -> Outcome {
    Outcome::Applied(Applied {
        import: ImportId(Uuid::from_u128(n)),
        added: 1,
        changed: 0,
        removed: 0,
        same: 0,
        refused: Vec::new(),
        warnings: Vec::new(),
    })
}

fn reason() -> Reason {
    Reason::new("code", "what was wrong", "what to do")
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(applied(1)),
        Just(Outcome::Refused(reason())),
        Just(Outcome::Again(reason())),
        Just(Outcome::Undone),
        Just(Outcome::NotUndone(reason())),
    ]
}

/// A store in memory with machines 1 to 4.
fn store() -> Memory {
    let epoch = crate::id::Epoch { restores: 0, draw: Uuid::from_u128(0xe) };
    let mut memory = Memory::new(StoreHead { epoch, lineage: Vec::new(), position: 0 });
    for n in 1..=4 {
        let token = [u8::try_from(n).unwrap(); 32];
        let enrolled = Machine { name: n.to_string(), token, scope: Scope::All, enrolled: Timestamp(0) };
        memory.machines.insert(machine(n), enrolled);
    }
    memory
}

fn ask(store: &mut Memory, act: Act) -> Result<Order, Refusal> {
    match store.commit(vec![Request::Distribution(act)], &Limits::default()).remove(0) {
        Answer::Distribution(order) => Ok(order),
        Answer::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn begins(order: Order, machines: &[u128]) -> Act {
    let machines = machines.iter().map(|n| machine(*n)).collect();
    Act::Order { order, machines, file: FileBytes(vec![1, 2, 3]) }
}

fn reports(n: u128, machine_: u128, outcome: Outcome, now: i64) -> Act {
    let (distribution, machine, now) = (id(n), machine(machine_), Timestamp(now));
    Act::Report { distribution, machine, outcome, now, pace: PACE, random: u32::MAX }
}

#[test]
fn a_busy_machine_is_tried_again_ever_more_patiently_until_it_is_done() {
    let mut delivery = Delivery::new(Timestamp(0));
    let mut waits = Vec::new();
    for _ in 0..8 {
        let now = delivery.next;
        delivery.report(Outcome::Again(reason()), None, now, PACE, u32::MAX);
        waits.push(delivery.next.since(now).as_secs());
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
    assert_eq!((delivery.attempts, delivery.state), (8, State::Waiting));
    delivery.report(applied(1), None, Timestamp(9), PACE, 0);
    assert_eq!((delivery.due(), delivery.attempts, delivery.state), (None, 0, State::Applied));
}

#[test]
fn a_distribution_from_its_order_to_its_end() {
    let mut store = store();
    let begun = ask(&mut store, begins(order(1, 5_000), &[1, 2, 3])).unwrap();
    assert_eq!((begun.open, begun.over), (3, None));
    // A repeat of the order changes nothing.
    let before = store.clone();
    assert_eq!(ask(&mut store, begins(order(1, 9_999), &[1])).unwrap(), begun);
    assert_eq!(store.distributions, before.distributions);
    let heads = store.heads();
    assert!(!heads.is_due(machine(1), Timestamp(4_999)));
    assert!(heads.is_due(machine(1), Timestamp(5_000)));
    assert!(!heads.is_due(machine(4), Timestamp(5_000)));

    ask(&mut store, reports(1, 1, applied(1), 6_000)).unwrap();
    ask(&mut store, reports(1, 2, Outcome::Refused(reason()), 6_000)).unwrap();
    assert_eq!(ask(&mut store, reports(1, 4, applied(1), 6_000)), Err(Refusal::UnknownDistribution));
    assert!(store.distributions.files.contains_key(&id(1)));
    let over = ask(&mut store, reports(1, 3, applied(3), 7_000)).unwrap();
    // Nobody needs the file or its pass phrase any more.
    assert_eq!((over.open, over.over, over.passphrase), (0, Some(Timestamp(7_000)), None));
    assert!(store.distributions.files.is_empty());
    assert!(store.heads().due(machine(1), Timestamp(9_000)).is_empty());

    let undoing = ask(&mut store, Act::Undo { distribution: id(1), now: Timestamp(8_000) }).unwrap();
    assert_eq!((undoing.open, undoing.over), (2, None));
    assert_eq!(store.heads().due(machine(1), Timestamp(8_000)), [id(1)]);
    assert!(!store.heads().is_due(machine(2), Timestamp(8_000)));
    ask(&mut store, reports(1, 1, Outcome::Undone, 9_000)).unwrap();
    let over = ask(&mut store, reports(1, 3, Outcome::NotUndone(reason()), 9_000)).unwrap();
    assert_eq!(over.over, Some(Timestamp(9_000)));
    let states: Vec<_> = store.distributions.of(id(1)).map(|(_, delivery)| delivery.state).collect();
    assert_eq!(states, [State::Undone, State::Refused, State::NotUndone]);

    let forget = |now| Act::Forget { distributions: vec![id(1)], keep: PACE.longest, now: Timestamp(now) };
    store.commit(vec![Request::Distribution(forget(300_000))], &Limits::default());
    assert_eq!(store.distributions.orders.len(), 1);
    store.commit(vec![Request::Distribution(forget(309_000))], &Limits::default());
    assert_eq!(store.distributions, crate::server::Distributions::default());
}

#[test]
fn a_cancel_leaves_what_was_applied_and_believes_what_comes_late() {
    let mut store = store();
    ask(&mut store, begins(order(1, 0), &[1, 2])).unwrap();
    ask(&mut store, reports(1, 1, applied(1), 1)).unwrap();
    let cancelled = ask(&mut store, Act::Cancel { distribution: id(1), now: Timestamp(2) }).unwrap();
    assert_eq!((cancelled.open, cancelled.passphrase), (0, None));
    assert!(store.distributions.files.is_empty());
    // The second machine had it already, and could not say so before.
    ask(&mut store, reports(1, 2, applied(2), 3)).unwrap();
    let states: Vec<_> = store.distributions.of(id(1)).map(|(_, delivery)| delivery.state).collect();
    assert_eq!(states, [State::Applied, State::Applied]);
}

#[test]
fn an_end_that_ends_nothing_is_none() {
    let mut store = store();
    let cancel = |now| Act::Cancel { distribution: id(1), now: Timestamp(now) };
    let undo = |now| Act::Undo { distribution: id(1), now: Timestamp(now) };
    ask(&mut store, begins(order(1, 0), &[1])).unwrap();
    ask(&mut store, reports(1, 1, applied(1), 1)).unwrap();
    // It is applied everywhere: there is nothing to cancel.
    assert_eq!(ask(&mut store, cancel(2)).unwrap().end, None);
    assert_eq!(ask(&mut store, undo(3)).unwrap().end, Some(End::Undone(Timestamp(3))));

    ask(&mut store, begins(order(2, 0), &[1, 2])).unwrap();
    let (cancel, undo) = (
        Act::Cancel { distribution: id(2), now: Timestamp(4) },
        Act::Undo { distribution: id(2), now: Timestamp(5) },
    );
    let end = Some(End::Cancelled(Timestamp(4)));
    assert_eq!(ask(&mut store, cancel).unwrap().end, end);
    // It was applied nowhere: there is nothing to undo.
    assert_eq!(ask(&mut store, undo).unwrap().end, end);
    let states: Vec<_> = store.distributions.of(id(2)).map(|(_, delivery)| delivery.state).collect();
    assert_eq!(states, [State::Cancelled; 2]);
}

#[test]
fn an_order_that_cannot_be_is_refused() {
    let mut store = store();
    let wrong = Order { items: vec![Item::AddressBook, Item::PersonalSettings], ..order(1, 0) };
    let refused = ask(&mut store, begins(wrong, &[1]));
    assert_eq!(refused, Err(Refusal::NotDistributable(Item::PersonalSettings)));
    assert_eq!(ask(&mut store, begins(order(1, 0), &[])), Err(Refusal::NoMachine));
    assert_eq!(ask(&mut store, begins(order(1, 0), &[1, 9])), Err(Refusal::UnknownMachine));
    assert_eq!(
        ask(&mut store, Act::Undo { distribution: id(1), now: Timestamp(0) }),
        Err(Refusal::UnknownDistribution)
    );
    assert_eq!(store.distributions, crate::server::Distributions::default());
    for n in 0..u128::from(MAX_OPEN) {
        ask(&mut store, begins(order(n, 0), &[1])).unwrap();
    }
    assert_eq!(ask(&mut store, begins(order(99, 0), &[1])), Err(Refusal::TooManyDistributions(MAX_OPEN)));
}

#[test]
fn what_is_due_speaks_of_the_items_by_their_names_and_undoes_the_derived_import() {
    let order = order(1, 0);
    let Task::Apply { items, passphrase, .. } = DueDelivery::of(&order, machine(1), State::Waiting).task
    else {
        panic!()
    };
    assert_eq!((items, passphrase), (vec!["address-book".to_string()], order.passphrase.clone()));
    let import = ImportId::of_distribution(order.id, machine(1));
    assert_eq!(DueDelivery::of(&order, machine(1), State::Undoing).task, Task::Undo { import });
    assert_ne!(import, ImportId::of_distribution(order.id, machine(2)));
    assert_ne!(import, ImportId::of_distribution(id(2), machine(1)));
}

#[test]
fn a_machine_takes_what_it_receives() {
    let book = [Item::AddressBook];
    let held = [Item::AddressBook, Item::PersonalAddressList, Item::Forwarding];
    let all = taking(&Receiving::On, &[], &held).unwrap();
    assert_eq!(all.items, [Item::AddressBook, Item::Forwarding]);
    assert_eq!((all.refused.len(), &*all.notes[0].code), (0, "not_distributable"));

    let some = taking(&Receiving::Items(book.into()), &[], &held).unwrap();
    assert_eq!(some.items, book);
    assert_eq!((&*some.refused[0].item, &*some.refused[0].code), ("forwarding", "not_received"));

    let code = |receiving: &Receiving, named: &[Item], held: &[Item]| {
        taking(receiving, named, held).unwrap_err().code
    };
    assert_eq!(code(&Receiving::Off, &[], &held), "receiving_off");
    assert_eq!(code(&Receiving::Items(BTreeSet::new()), &book, &held), "not_received");
    assert_eq!(code(&Receiving::On, &[], &[Item::PersonalAddressList]), "not_distributable");
    assert_eq!(code(&Receiving::On, &[], &[]), "nothing_to_import");
    // The server refuses such an order; a machine does not rely on that.
    assert_eq!(code(&Receiving::On, &[Item::Key], &held), "not_distributable");
}

#[test]
fn no_debug_form_shows_a_secret() {
    let order = order(1, 0);
    let shown = alloc::format!("{order:?} {:?}", DueDelivery::of(&order, machine(1), State::Waiting));
    assert!(!shown.contains("sesame"), "{shown}");
    let info = serde_json::to_string(&DistributionInfo::from(order)).unwrap();
    assert!(!info.contains("sesame"), "{info}");
}

#[test]
fn a_report_of_any_size_is_bounded() {
    let remark = Remark { line: Some(1), code: "odd".into(), text: "é".repeat(9_000) };
    let Outcome::Applied(base) = applied(1) else { panic!() };
    let huge = Outcome::Applied(Applied { warnings: vec![remark; 5_000], ..base });
    let Outcome::Applied(bounded) = huge.bounded() else { panic!() };
    assert_eq!((bounded.warnings.len(), bounded.warnings[0].text.len()), (100, 600));
    assert_eq!(bounded.warnings[99].code, "more_warnings");
}

#[test]
fn base64_is_that_of_the_rfc() {
    for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        let file = FileBytes(bytes.into());
        let json = alloc::format!("\"{text}\"");
        assert_eq!(serde_json::to_string(&file).unwrap(), json);
        assert_eq!(serde_json::from_str::<FileBytes>(&json).unwrap(), file);
    }
    for wrong in ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "Zm 9", "====", "Zg==Zg=="] {
        assert!(serde_json::from_str::<FileBytes>(&alloc::format!("\"{wrong}\"")).is_err(), "{wrong}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Report(u128, Outcome, u32),
    Cancel,
    Undo,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..=3_u128, outcomes(), any::<u32>()).prop_map(|(n, outcome, random)| Step::Report(n, outcome, random)),
        1 => Just(Step::Cancel),
        1 => Just(Step::Undo),
    ]
}

proptest! {
    #[test]
    fn bytes_survive_both_forms(bytes: Vec<u8>) {
        let file = FileBytes(bytes);
        let json = serde_json::to_string(&file).unwrap();
        prop_assert_eq!(&serde_json::from_str::<FileBytes>(&json).unwrap(), &file);
        #[cfg(feature = "wire")]
        prop_assert_eq!(&crate::wire::decode::<FileBytes>(&crate::wire::encode(&file).unwrap()).unwrap(), &file);
    }

    /// Whatever reports and acts come, late, twice or out of place: the account of what is open is right, the secret and
    /// the file go with the need for them, what a machine has applied is never forgotten, and a repeat changes nothing.
    #[test]
    fn the_account_of_a_distribution_is_right(all in proptest::collection::vec(steps(), 1..40)) {
        let mut store = store();
        ask(&mut store, begins(order(1, 0), &[1, 2, 3])).unwrap();
        for (now, step) in (1..).zip(all) {
            let before = store.distributions.clone();
            let act = match step.clone() {
                Step::Report(n, outcome, random) => match reports(1, n, outcome, now) {
                    Act::Report { distribution, machine, outcome, now, pace, .. } =>
                        Act::Report { distribution, machine, outcome, now, pace, random },
                    other => other,
                },
                Step::Cancel => Act::Cancel { distribution: id(1), now: Timestamp(now) },
                Step::Undo => Act::Undo { distribution: id(1), now: Timestamp(now) },
            };
            let told = ask(&mut store, act.clone()).unwrap();
            let stands = store.distributions.orders[&id(1)].clone();
            prop_assert_eq!(&told, &stands);
            let open = store.distributions.of(id(1)).filter(|(_, delivery)| delivery.is_open()).count() as u64;
            prop_assert_eq!((stands.open, stands.over.is_none()), (open, open > 0));
            prop_assert_eq!(stands.passphrase.is_some(), stands.needs_file());
            prop_assert_eq!(store.distributions.files.contains_key(&id(1)), stands.needs_file());
            for (machine, delivery) in store.distributions.of(id(1)) {
                let earlier = &before.deliveries[&(id(1), machine)];
                prop_assert_eq!(store.heads().is_due(machine, Timestamp(i64::MAX)), delivery.is_open());
                prop_assert!(earlier.applied.is_none() || delivery.applied.is_some());
                prop_assert!(delivery.state != State::Applied || delivery.applied.is_some());
                if let Some(due) = delivery.due() {
                    prop_assert!(due <= Timestamp(now).plus(PACE.longest));
                }
                // What is over begins again only by an undo, or by a machine that says it applied it.
                if !earlier.is_open() && delivery.is_open() {
                    let by_that = matches!(&step, Step::Undo | Step::Report(_, Outcome::Applied(_), _));
                    prop_assert!(by_that, "{earlier:?} {step:?}");
                }
            }
            // Again would have been a repeat, but for the patience that grows with each.
            if !matches!(step, Step::Report(_, Outcome::Again(_), _)) {
                let stood = store.distributions.clone();
                ask(&mut store, act).unwrap();
                prop_assert_eq!(&store.distributions.deliveries, &stood.deliveries);
            }
        }
    }
}

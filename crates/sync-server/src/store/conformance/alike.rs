//! Random requests, told to both kinds of store: the same answers, the same content.

use super::{
    super::Store,
    bench::{
        Bench, InMemory, InSqlite, alice, bob, change, code, incarnation, joins, machine, procedure, record,
        sales, secret, snapshot,
    },
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use sync_core::{
    change::{Author, Change, Operation},
    id::Epoch,
    protocol::{Limits, Reply, SpaceRequest},
    server::{Answer, Request, Scope, SpaceToUndo, StepResult},
    space::SpaceName,
    time::Timestamp,
    value::Value,
};

fn spaces() -> impl Strategy<Value = SpaceName> {
    prop_oneof![Just(alice()), Just(alice()), Just(bob()), Just(sales())]
}

fn operations() -> impl Strategy<Value = Operation> {
    let value = prop_oneof![
        4 => (0..4_i64).prop_map(|n| Some(Value::Int(n))),
        1 => "[a-c]{0,80}".prop_map(|text| Some(Value::from(text))),
        1 => Just(None),
    ];
    let fields = prop::collection::btree_map("[a-c]", value, 0..3);
    prop_oneof![5 => fields.prop_map(Operation::Edit), 1 => Just(Operation::Delete)]
}

prop_compose! {
    /// Numbers that rise within an incarnation are seen to by the session, so they rise here.
    fn outboxes()(
        drawn in prop::collection::vec((1..4_u128, 1..3_u64, 0..5_u128, 0..12_u64, operations()), 0..5),
        first in 0..8_u64,
    ) -> Vec<Change> {
        let mut numbers = BTreeMap::new();
        drawn
            .into_iter()
            .map(|(who, step, on, seen, operation)| {
                let number = numbers.entry(who).or_insert(first);
                *number += step;
                change(incarnation(who), *number, record(on), seen, operation)
            })
            .collect()
    }
}

prop_compose! {
    fn syncs()(
        (who, space, changes) in (1..4_u128, spaces(), outboxes()),
        known in prop::collection::vec((1..4_u128, 0..10_u64), 0..3),
        start in prop::option::weighted(0.1, 1..4_u128),
        (epoch, generation) in (
            prop::option::weighted(0.1, any::<bool>()),
            prop::option::weighted(0.4, 1..4_u64),
        ),
        (cursor, seen) in (
            prop_oneof![0..20_u64, Just(0), Just(u64::MAX)],
            prop_oneof![0..20_u64, Just(0), Just(u64::MAX)],
        ),
        (limit, now) in (prop_oneof![Just(0), 1..200_u32, Just(1 << 20)], 0..4_000_i64),
    ) -> Request {
        let request = SpaceRequest {
            // The epoch of the bench, or another; the former is put in when it is known.
            epoch: epoch.map(|own| Epoch { restores: u32::from(!own), draw: uuid::Uuid::nil() }),
            generation,
            changes,
            known: known.into_iter().map(|(who, number)| (incarnation(who), number)).collect(),
            cursor,
            seen,
            start: start.map(incarnation),
            ..SpaceRequest::new(space)
        };
        Request::Sync {
            machine: machine(who),
            incarnation: incarnation(who),
            person: Some("alice".into()),
            limit,
            request,
            now: Timestamp(now),
        }
    }
}

fn acts() -> impl Strategy<Value = Request> {
    let some_spaces = || prop::collection::btree_set(spaces(), 0..3);
    let now = || (0..4_000_i64).prop_map(Timestamp);
    let scope = prop_oneof![Just(Scope::All), Just(Scope::Groups(vec!["sales".into()]))];
    let deletes = (some_spaces(), prop::option::weighted(0.5, (1..4_u128, 1..4_u128, now())), now());
    let back = (spaces(), prop::collection::btree_map(0..5_u128, (0..4_i64, "[a-c]"), 0..4), now());
    let one_undone = (
        spaces(),
        prop::collection::btree_map(0..5_u128, (0..4_i64, "[a-c]"), 0..4),
        prop::collection::vec((1..4_u128, 0..10_u64), 0..2),
    );
    let undone_spaces = prop::collection::vec(one_undone, 0..3).prop_map(|all| {
        type Drawn = (SpaceName, BTreeMap<u128, (i64, String)>, Vec<(u128, u64)>);
        let one = |(space, before, started): Drawn| {
            let before = before.into_iter();
            SpaceToUndo {
                space,
                before: before
                    .map(|(n, (value, field))| (record(n), [(field, Value::Int(value))].into()))
                    .collect(),
                started: started.into_iter().map(|(who, last)| (incarnation(who), last)).collect(),
                later: Vec::new(),
                incarnation: incarnation(9),
                snapshot: snapshot(0),
            }
        };
        all.into_iter().map(one).collect::<Vec<_>>()
    });
    prop_oneof![
        1 => (1..5_u128, scope).prop_map(|(n, scope)| Request::MakeCode(code(n, scope))),
        2 => (0..5_u128, 1..5_u128, 1..5_u128, prop_oneof![now(), Just(Timestamp(20_000))]).prop_map(
            |(with, n, token, now)| Request::Enroll {
                code: secret(with),
                machine: machine(n),
                token: secret(1_000 + token),
                name: format!("Machine {n}"),
                now,
            }
        ),
        3 => (1..5_u128, some_spaces(), some_spaces(), prop::option::of("[ab]"), now()).prop_map(
            |(n, join, leave, login, now)| Request::Membership {
                machine: machine(n),
                login,
                join: join.into_iter().collect(),
                leave: leave.into_iter().collect(),
                now,
            }
        ),
        1 => (1..5_u128, some_spaces()).prop_map(|(n, leave)| Request::RemoveMachine {
            machine: machine(n),
            leave: leave.into_iter().collect(),
        }),
        2 => deletes.prop_map(|(spaces, procedure_of, now)| Request::Delete {
            spaces: spaces.into_iter().map(|space| (space, snapshot(0))).collect(),
            by: "administrator".into(),
            procedure: procedure_of.map(|(p, n, until)| (procedure(p), machine(n), until)),
            now,
        }),
        1 => (1..4_u128, prop::option::of(1..4_u128)).prop_map(|(n, by)| Request::CancelProcedure {
            procedure: procedure(n),
            machine: by.map(machine),
        }),
        1 => (1..4_u128, 1..4_u128, undone_spaces, any::<bool>(), now()).prop_map(
            |(n, by, spaces, plan, time)| Request::UndoProcedure {
                procedure: procedure(n),
                machine: machine(by),
                spaces,
                plan,
                author: Author { person: None, time, import: None },
            }
        ),
        1 => (1..4_u128, "[ab]", "[xy]").prop_map(|(n, step, result)| Request::KeepStep {
            step: StepResult { procedure: procedure(n), step, result },
        }),
        2 => back.prop_map(|(space, records, time)| Request::BringBack {
            space,
            records: records
                .into_iter()
                .map(|(n, (value, field))| (record(n), [(field, Value::Int(value))].into()))
                .collect(),
            incarnation: incarnation(9),
            snapshot: snapshot(0),
            author: Author { person: None, time, import: None },
        }),
    ]
}

/// Names that are drawn afresh each time, and the epoch.
fn named(mut request: Request, drawn: &mut u128, epoch: Epoch) -> Request {
    let mut draw = || {
        *drawn += 1;
        *drawn
    };
    match &mut request {
        Request::Sync { request: SpaceRequest { epoch: Some(said), .. }, .. } if said.restores == 0 => {
            *said = epoch;
        }
        Request::Delete { spaces, .. } => spaces.iter_mut().for_each(|(_, id)| *id = snapshot(draw())),
        Request::UndoProcedure { spaces, .. } => spaces.iter_mut().for_each(|one| {
            one.incarnation = incarnation(1_000 + draw());
            one.snapshot = snapshot(draw());
        }),
        Request::BringBack { incarnation: who, snapshot: id, .. } => {
            *who = incarnation(1_000 + draw());
            *id = snapshot(draw());
        }
        _ => {}
    }
    request
}

/// As the store in memory would say it, whose epoch is another.
fn under(mut answer: Answer, own: Epoch, epoch: Epoch) -> Answer {
    let swap = |said: &mut Epoch| {
        if *said == own {
            *said = epoch;
        }
    };
    if let Answer::Space(answer) = &mut answer {
        if let Some(said) = &mut answer.epoch {
            swap(said);
        }
        match &mut answer.reply {
            Reply::Ok(page) => swap(&mut page.epoch),
            Reply::Epoch { stands, shared, .. } => {
                swap(&mut stands.epoch);
                if let Some(said) = shared {
                    swap(said);
                }
            }
            _ => {}
        }
    }
    answer
}

async fn both_say_the_same(groups: Vec<Vec<Request>>, limits: Limits) {
    let (memory, mut sqlite) = (Bench::<InMemory>::empty(limits), Bench::<InSqlite>::empty(limits));
    let (mut drawn, half) = ((0, 0), groups.len() / 2);
    for n in 1..=2 {
        memory.enrol(n).await;
        sqlite.enrol(n).await;
        let joined = joins(n, &[alice(), bob(), sales()], &[]);
        assert_eq!(memory.commit(joined.clone()).await, sqlite.commit(joined).await);
    }
    for (i, group) in groups.into_iter().enumerate() {
        if i == half {
            sqlite = sqlite.reopened().await;
        }
        let of = |drawn: &mut u128, epoch| {
            group.iter().map(|request| named(request.clone(), drawn, epoch)).collect::<Vec<_>>()
        };
        let one = memory.together(of(&mut drawn.0, memory.epoch())).await;
        let other = sqlite.together(of(&mut drawn.1, sqlite.epoch())).await;
        let other: Vec<_> =
            other.into_iter().map(|answer| under(answer, sqlite.epoch(), memory.epoch())).collect();
        assert_eq!(one, other);
    }
    let epoch = memory.epoch();
    let picture = memory.picture().await;
    assert_eq!(sqlite.picture().await.under(epoch), picture);
    let sqlite = sqlite.reopened().await;
    assert_eq!(sqlite.picture().await.under(epoch), picture);
    sqlite.store().close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sqlite_say_the_same(
        groups in prop::collection::vec(
            prop::collection::vec(prop_oneof![3 => syncs(), 2 => acts()], 1..4),
            1..30,
        ),
        limits in prop_oneof![
            Just(Limits::default()),
            Just(Limits { machines: Some(3), users: Some(1), groups: Some(1) }),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(both_say_the_same(groups, limits));
    }
}

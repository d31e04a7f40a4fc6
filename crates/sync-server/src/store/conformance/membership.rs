//! Codes, enrolment, memberships, polls, limits, and what is read beside spaces.

use super::{
    super::Store,
    bench::{
        Bench, Kind, alice, bob, change, code, deletes, enrols, incarnation, joins, machine, procedure,
        pushes, record, reply, sales, secret, set, sync,
    },
    over_every_store,
};
use sync_core::{
    protocol::{Limit, Limited, Limits, Moved, Reply},
    server::{Answer, Login, Refusal, Request, Scope, StepResult},
    time::Timestamp,
};

over_every_store! {
    a_code_enrols_one_machine_once
    an_expired_code_enrols_nobody
    a_machine_and_its_token_belong_together
    a_machine_enrols_again_with_another_code
    machines_are_limited
    users_and_groups_are_limited
    joining_and_leaving_move_the_position
    a_poll_names_what_moved_and_nothing_else
    logins_are_kept_once_per_person_and_machine
    steps_and_notes_are_read_back
    nothing_is_read_of_what_is_not_there
    a_decision_that_changes_nothing_moves_nothing
    what_comes_after_the_end_is_refused
}

async fn a_code_enrols_one_machine_once<K: Kind>() {
    let bench = Bench::<K>::empty(Limits::default());
    assert_eq!(bench.refused(enrols(1, 1)).await, Refusal::UnknownCode);
    let scope = Scope::Groups(vec!["sales".into()]);
    bench.commit(Request::MakeCode(code(1, scope.clone()))).await;
    assert_eq!(bench.commit(enrols(1, 1)).await, Answer::Enrolled(scope.clone()));
    let before = bench.picture().await;
    // A lost answer does no harm.
    assert_eq!(bench.commit(enrols(1, 1)).await, Answer::Enrolled(scope.clone()));
    assert_eq!(bench.refused(enrols(1, 2)).await, Refusal::UsedCode);
    assert_eq!(bench.picture().await, before);
    let found = bench.store().known(|known| {
        assert_eq!(known.last_contact(machine(1)), None);
        assert_eq!(known.authenticate(&secret(1_002), Timestamp(7)), None);
        assert_eq!(known.authenticate(&secret(1_001), Timestamp(7)), Some(machine(1)));
        assert_eq!(known.last_contact(machine(1)), Some(Timestamp(7)));
        known.machines()[&machine(1)].clone()
    });
    assert_eq!((found.name.as_str(), found.scope, found.enrolled), ("Machine 1", scope, Timestamp(1_000)));
}

async fn an_expired_code_enrols_nobody<K: Kind>() {
    let bench = Bench::<K>::empty(Limits::default());
    let mut short = code(1, Scope::All);
    short.expires = Timestamp(1_000);
    bench.commit(Request::MakeCode(short.clone())).await;
    assert_eq!(bench.refused(enrols(1, 1)).await, Refusal::ExpiredCode);
    short.hash = secret(2);
    short.expires = Timestamp(1_001);
    bench.commit(Request::MakeCode(short)).await;
    assert_eq!(bench.commit(enrols(2, 1)).await, Answer::Enrolled(Scope::All));
}

async fn a_machine_and_its_token_belong_together<K: Kind>() {
    let bench = Bench::<K>::empty(Limits::default());
    bench.enrol(1).await;
    bench.commit(Request::MakeCode(code(2, Scope::All))).await;
    let before = bench.picture().await;
    // Another token for a machine that is there, and another machine with a token that is there.
    let with = |n: u128, token| Request::Enroll {
        code: secret(2),
        machine: machine(n),
        token: secret(token),
        name: "Another".into(),
        now: Timestamp(1_000),
    };
    assert_eq!(bench.refused(with(1, 9_999)).await, Refusal::MachineTaken);
    assert_eq!(bench.refused(with(2, 1_001)).await, Refusal::TokenTaken);
    assert_eq!(bench.picture().await, before);
    // Also where both come in one commit.
    bench.commit(Request::MakeCode(code(3, Scope::All))).await;
    let both = vec![
        with(5, 5_555),
        Request::Enroll {
            code: secret(3),
            machine: machine(6),
            token: secret(5_555),
            name: "Another".into(),
            now: Timestamp(1_000),
        },
    ];
    let answers = bench.together(both).await;
    assert_eq!(answers, [Answer::Enrolled(Scope::All), Answer::Refused(Refusal::TokenTaken)]);
    let bench = bench.reopened().await;
    let found = bench.store().known(|known| known.authenticate(&secret(1_001), Timestamp(7)));
    assert_eq!(found, Some(machine(1)));
    assert_eq!(bench.store().known(|known| known.machines().len()), 2);
}

async fn a_machine_enrols_again_with_another_code<K: Kind>() {
    let limits = Limits { machines: Some(1), ..Limits::default() };
    let bench = Bench::<K>::empty(limits);
    bench.enrol(1).await;
    let scope = Scope::Groups(vec!["sales".into()]);
    bench.commit(Request::MakeCode(code(2, scope.clone()))).await;
    assert_eq!(bench.commit(enrols(2, 1)).await, Answer::Enrolled(scope.clone()));
    let bench = bench.reopened().await;
    bench.store().known(|known| {
        assert_eq!(known.machines().len(), 1);
        assert_eq!(known.machines()[&machine(1)].scope, scope);
    });
}

async fn machines_are_limited<K: Kind>() {
    let bench = Bench::<K>::empty(Limits { machines: Some(2), ..Limits::default() });
    bench.enrol(1).await;
    bench.commit(Request::MakeCode(code(2, Scope::All))).await;
    bench.commit(Request::MakeCode(code(3, Scope::All))).await;
    // Two that come together: the second sees the first.
    let answers = bench.together(vec![enrols(2, 2), enrols(3, 3)]).await;
    let limit = Refusal::Limit(Limit { of: Limited::Machines, most: 2 });
    assert_eq!(answers, [Answer::Enrolled(Scope::All), Answer::Refused(limit.clone())]);
    assert_eq!(bench.refused(enrols(3, 3)).await, limit);
    // The code was not used up by that.
    assert_eq!(bench.commit(enrols(3, 1)).await, Answer::Enrolled(Scope::All));
}

async fn users_and_groups_are_limited<K: Kind>() {
    let bench = Bench::<K>::empty(Limits { users: Some(1), groups: Some(0), ..Limits::default() });
    bench.enrol(1).await;
    bench.commit(joins(1, &[alice(), bob(), sales()], &[])).await;
    let one = |number| vec![change(incarnation(1), number, record(1), 0, set(1))];
    let limit = |of, most| Reply::Limit(Limit { of, most });
    // Together, the second sees the first.
    let both = vec![sync(1, pushes(&alice(), one(1))), sync(1, pushes(&bob(), one(2)))];
    let mut answers = bench.together(both).await;
    assert_eq!(reply(answers.remove(1)), limit(Limited::Users, 1));
    assert!(matches!(reply(answers.remove(0)), Reply::Ok(_)));
    assert_eq!(bench.sync(1, pushes(&bob(), one(2))).await, limit(Limited::Users, 1));
    assert_eq!(bench.sync(1, pushes(&sales(), one(2))).await, limit(Limited::Groups, 0));
    // Who only asks is answered, and so is a user who is there already.
    assert!(matches!(bench.sync(1, pushes(&bob(), Vec::new())).await, Reply::Ok(_)));
    assert!(matches!(bench.sync(1, pushes(&alice(), one(2))).await, Reply::Ok(_)));
    assert_eq!(bench.content(&bob()).await.head.head, 0);
    // A deletion makes room, also in the same commit.
    let both = vec![deletes(&alice(), 1), sync(1, pushes(&bob(), one(3)))];
    let mut answers = bench.together(both).await;
    assert!(matches!(reply(answers.remove(1)), Reply::Ok(_)));
    assert_eq!(bench.sync(1, pushes(&alice(), one(3))).await, limit(Limited::Users, 1));
}

async fn joining_and_leaving_move_the_position<K: Kind>() {
    let bench = Bench::<K>::empty(Limits::default());
    assert_eq!(bench.refused(joins(1, &[alice()], &[])).await, Refusal::UnknownMachine);
    bench.enrol(1).await;
    assert_eq!(bench.sync(1, pushes(&alice(), Vec::new())).await, Reply::Forbidden);
    assert_eq!((bench.position(), bench.poll(1, None)), (0, (0, vec![])));
    bench.commit(joins(1, &[alice(), sales()], &[])).await;
    assert_eq!(bench.position(), 2);
    let named = |space, at| Moved { space, at };
    let both = vec![named(alice(), Some((1, 0))), named(sales(), Some((1, 0)))];
    assert_eq!(bench.poll(1, Some(0)), (2, both.clone()));
    assert_eq!(bench.poll(1, None), (2, both));
    assert_eq!(bench.poll(1, Some(2)), (2, vec![]));
    // To join what one has moves nothing; where one request says both, joining stands.
    bench.commit(joins(1, &[alice()], &[alice()])).await;
    assert_eq!(bench.position(), 2);
    bench.commit(joins(1, &[], &[alice(), bob()])).await;
    assert_eq!(bench.position(), 3);
    assert_eq!(bench.poll(1, Some(2)), (3, vec![named(alice(), None)]));
    // Who never heard of it need not hear of its end.
    assert_eq!(bench.poll(1, None), (3, vec![named(sales(), Some((1, 0)))]));
    assert_eq!(bench.sync(1, pushes(&alice(), Vec::new())).await, Reply::Forbidden);
    assert!(bench.store().known(|known| {
        known.heads().is_member(machine(1), &sales()) && !known.heads().is_member(machine(1), &alice())
    }));
    // What moves in a space that one has left is no news.
    bench.enrol(2).await;
    bench.commit(joins(2, &[alice()], &[])).await;
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(1), 0, set(1))]).await;
    assert_eq!(bench.poll(1, Some(3)).1, vec![]);
    // And joined again it is named with what moved meanwhile.
    bench.commit(joins(1, &[alice()], &[])).await;
    assert_eq!(bench.poll(1, Some(3)).1, vec![named(alice(), Some((1, 1)))]);
    let before = bench.picture().await;
    assert_eq!(bench.reopened().await.picture().await, before);
}

async fn a_poll_names_what_moved_and_nothing_else<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let start = bench.position();
    bench.push(1, &sales(), vec![change(incarnation(1), 1, record(1), 0, set(1))]).await;
    let moved = vec![Moved { space: sales(), at: Some((1, 1)) }];
    assert_eq!(bench.poll(1, Some(start)), (start + 1, moved.clone()));
    assert_eq!(bench.poll(2, Some(start)), (start + 1, moved));
    assert_eq!(bench.poll(2, Some(start + 1)).1, vec![]);
    // A machine that is not known, and a position that was never reached.
    assert_eq!(bench.poll(9, Some(0)), (start + 1, vec![]));
    assert_eq!(bench.poll(2, Some(u64::MAX)), (start + 1, vec![]));
    bench.commit(deletes(&sales(), 1)).await;
    assert_eq!(bench.poll(2, Some(start + 1)).1, vec![Moved { space: sales(), at: Some((2, 0)) }]);
}

async fn logins_are_kept_once_per_person_and_machine<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let login = |n, user: &str, time| Request::Membership {
        machine: machine(n),
        login: Some(user.into()),
        join: Vec::new(),
        leave: Vec::new(),
        now: Timestamp(time),
    };
    for request in [login(2, "bob", 1), login(1, "bob", 2), login(1, "alice", 3), login(2, "bob", 4)] {
        assert_eq!(bench.commit(request).await, Answer::Done);
    }
    assert_eq!(bench.refused(login(9, "alice", 5)).await, Refusal::UnknownMachine);
    let kept = |n, user: &str, time| Login { machine: machine(n), user: user.into(), time: Timestamp(time) };
    let expected = [kept(1, "alice", 3), kept(1, "bob", 2), kept(2, "bob", 4)];
    assert_eq!(bench.store().logins().await.unwrap(), expected);
    assert_eq!(bench.reopened().await.store().logins().await.unwrap(), expected);
}

async fn steps_and_notes_are_read_back<K: Kind>() {
    let bench = Bench::<K>::empty(Limits::default());
    let step =
        |result: &str| StepResult { procedure: procedure(1), step: "back-up".into(), result: result.into() };
    let first = bench.commit(Request::KeepStep { step: step("first") }).await;
    assert_eq!(first, Answer::Step(step("first")));
    // Done before: the earlier result stands.
    let answers = bench
        .together(vec![Request::KeepStep { step: step("second") }, Request::KeepStep { step: step("third") }])
        .await;
    assert_eq!(answers, [Answer::Step(step("first")), Answer::Step(step("first"))]);
    let store = bench.store();
    store.keep_note("one", "1".into()).await.unwrap();
    store.keep_note("one", "2".into()).await.unwrap();
    let bench = bench.reopened().await;
    let store = bench.store();
    assert_eq!(store.step(procedure(1), "back-up".into()).await.unwrap(), Some(step("first")));
    assert_eq!(store.step(procedure(1), "delete".into()).await.unwrap(), None);
    assert_eq!(store.step(procedure(2), "back-up".into()).await.unwrap(), None);
    assert_eq!(store.note("one").await.unwrap().as_deref(), Some("2"));
    assert_eq!(store.note("two").await.unwrap(), None);
    store.refresh().await.unwrap();
}

async fn nothing_is_read_of_what_is_not_there<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let store = bench.store();
    // Members alone do not make data.
    assert_eq!(store.spaces().await.unwrap(), []);
    assert_eq!(bench.content(&alice()).await, Default::default());
    assert_eq!(bench.content(&bob()).await, Default::default());
    assert_eq!(store.snapshots().await.unwrap(), []);
    assert_eq!(store.snapshot(super::bench::snapshot(1)).await.unwrap(), None);
    assert_eq!(store.logins().await.unwrap(), []);
    assert!(bench.together(Vec::new()).await.is_empty());
}

async fn a_decision_that_changes_nothing_moves_nothing<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let written = vec![change(incarnation(1), 1, record(1), 0, set(1))];
    bench.push(1, &alice(), written.clone()).await;
    let before = bench.picture().await;
    bench.push(1, &alice(), written.clone()).await;
    bench.commit(joins(1, &[alice()], &[bob()])).await;
    bench.commit(Request::CancelProcedure { procedure: procedure(1), machine: None }).await;
    bench.sync(2, pushes(&alice(), written)).await;
    bench.refused(enrols(99, 2)).await;
    let started =
        sync_core::protocol::SpaceRequest { start: Some(incarnation(1)), ..super::bench::asks(&alice()) };
    assert!(matches!(bench.sync(1, started).await, Reply::Ok(_)));
    assert_eq!(bench.picture().await, before);
}

async fn what_comes_after_the_end_is_refused<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let store = bench.store();
    store.close().await;
    store.close().await;
    let written = vec![change(incarnation(1), 1, record(1), 0, set(1))];
    for request in [sync(1, pushes(&alice(), written)), sync(1, pushes(&alice(), Vec::new()))] {
        assert_eq!(store.commit(vec![request]).await.unwrap_err().code(), "stopping");
    }
    assert_eq!(store.spaces().await.unwrap_err().code(), "stopping");
    assert_eq!(store.keep_note("one", "1".into()).await.unwrap_err().code(), "stopping");
    assert_eq!(store.note("one").await.unwrap_err().code(), "stopping");
}

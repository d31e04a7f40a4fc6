//! What machines ask: enrolment, round trips.

use super::served::{Served, change, group, machine, of_space, poll, push, timestamp, token, user};
use crate::auth;
use sync_core::{
    api::{self, MachineInfo, RemoveMachineRequest},
    id::Incarnation,
    protocol::{EnrollRequest, Enrolled, Polled, Reply, SyncAnswer, SyncRequest},
    server::{MAX_SPACES, Scope},
    space::SpaceName,
};
use uuid::Uuid;

#[tokio::test]
async fn a_machine_enrols_with_a_code_as_it_was_typed() {
    let served = Served::new();
    let code = served.code(Scope::All).await.code;
    let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
    let request = Served::<crate::store::MemoryStore>::enrolment(&typed, 1);
    let enrolled: Enrolled = served.told(api::ENROLL, 1, &request).await;
    assert_eq!(enrolled.realm, "office");
    assert!(auth::verify(&enrolled.administrator, super::served::ADMINISTRATOR));
    // The answer was lost; and in the other form.
    assert_eq!(served.packed::<Enrolled>(api::ENROLL, 1, &request).await, enrolled);
    let with = |change: &dyn Fn(&mut EnrollRequest)| {
        let mut request = Served::<crate::store::MemoryStore>::enrolment(&code, 2);
        change(&mut request);
        request
    };
    let long = "x".repeat(201);
    let fresh = served.code(Scope::All).await.code;
    for (request, expected) in [
        (with(&|_| ()), (403, "used_code")),
        (with(&|r| r.code = "0000-0000-0000-0000".into()), (403, "unknown_code")),
        (with(&|r| r.code = String::new()), (403, "unknown_code")),
        (with(&|r| r.token = "short".into()), (400, "weak_token")),
        (with(&|r| r.token = "x".repeat(257)), (400, "weak_token")),
        (with(&|r| r.token = format!("{} with spaces", token(2))), (400, "weak_token")),
        (with(&|r| r.name = String::new()), (400, "wrong_name")),
        (with(&|r| r.name.clone_from(&long)), (400, "wrong_name")),
        (with(&|r| (r.machine, r.code) = (machine(1), fresh.clone())), (409, "machine_taken")),
        (with(&|r| (r.token, r.code) = (token(1), fresh.clone())), (409, "token_taken")),
    ] {
        let found = served.refused(api::ENROLL, 0, &request).await;
        assert_eq!((found.0, found.1.as_str()), expected, "{request:?}");
    }
    let machines: Vec<MachineInfo> = served.told(api::MACHINES, 0, &()).await;
    assert_eq!((machines.len(), machines[0].last_contact), (1, None));
    served.sync(1, &poll()).await;
    let machines: Vec<MachineInfo> = served.told(api::MACHINES, 0, &()).await;
    assert!(machines[0].last_contact.is_some_and(|time| time > timestamp(0)));
    // Secrets are in no answer.
    let answered = served.ask(api::MACHINES, 0, &()).await;
    assert!(!String::from_utf8_lossy(&answered.body).contains("token"));
}

#[tokio::test]
async fn a_removed_machine_leaves_its_place_and_can_come_again() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    let id = machine(1).to_string();
    let remove = |machine: &str| RemoveMachineRequest { machine: machine.into() };
    assert_eq!(served.refused(api::REMOVE_MACHINE, 0, &remove("nobody")).await.1, "unknown_machine");
    served.sync(1, &poll()).await;
    let removed: MachineInfo = served.told(api::REMOVE_MACHINE, 0, &remove(&id)).await;
    assert_eq!(removed.machine, machine(1));
    assert_eq!(served.refused(api::SYNC, 1, &poll()).await, (401, "unauthorized".to_string()));
    let machines: Vec<MachineInfo> = served.told(api::MACHINES, 0, &()).await;
    assert_eq!(machines, []);
    assert_eq!(served.refused(api::REMOVE_MACHINE, 0, &remove(&id)).await.1, "unknown_machine");
    served.enrol(1, Scope::All).await;
    served.sync(1, &poll()).await;
}

#[tokio::test]
async fn a_machine_that_enrols_again_for_less_leaves_the_rest() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    assert_eq!(served.login(1, "alice").await, [user("alice"), group("sales")]);
    assert_eq!(served.login(1, "bob").await, [user("bob"), group("lab")]);
    served.enrol(1, Scope::Groups(vec!["lab".into()])).await;
    assert_eq!(served.members(1).await, [user("bob"), group("lab")]);
    let answer = served.sync(1, &push(user("alice"), vec![change(1, 1, "late")])).await;
    assert_eq!(answer.spaces[0].reply, Reply::Forbidden);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let served = Served::new().with_alice().await;
    let one = || of_space(user("alice"), vec![change(5, 5, "five")]);
    let numbers = |numbers: &[u64]| {
        push(user("alice"), numbers.iter().map(|number| change(*number, 5, "five")).collect())
    };
    let many = |asks: usize, spaces: usize| SyncRequest {
        asks: (0..asks).map(|n| user(&n.to_string())).collect(),
        spaces: (0..spaces).map(|n| of_space(user(&n.to_string()), vec![])).collect(),
        ..poll()
    };
    let local = SpaceName::local("settings");
    for (request, code) in [
        (SyncRequest { spaces: vec![one(), one()], ..poll() }, "space_twice"),
        (SyncRequest { spaces: vec![one(), of_space(user("alice"), vec![])], ..poll() }, "space_twice"),
        (SyncRequest { spaces: vec![one(), of_space(local, vec![])], ..poll() }, "local_space"),
        (numbers(&[0]), "numbers_do_not_rise"),
        (numbers(&[5, 5]), "numbers_do_not_rise"),
        (numbers(&[6, 5]), "numbers_do_not_rise"),
        (many(0, MAX_SPACES + 1), "too_many_spaces"),
        (many(MAX_SPACES, 1), "too_many_spaces"),
    ] {
        let found = served.refused(api::SYNC, 1, &request).await;
        assert_eq!((found.0, found.1.as_str()), (400, code));
    }
    let answer = served.sync(1, &many(1, MAX_SPACES - 1)).await;
    assert_eq!((answer.spaces.len(), answer.told.len()), (MAX_SPACES - 1, 1));
    // Numbers of different incarnations have nothing to do with one another.
    let mut request = numbers(&[7, 6]);
    request.spaces[0].changes[1].id.incarnation = Incarnation(Uuid::from_u128(77));
    assert!(matches!(served.sync(1, &request).await.spaces[0].reply, Reply::Ok(_)));
}

#[tokio::test]
async fn both_forms_are_told_the_same() {
    let served = Served::new().with_alice().await;
    let scopes = sync_core::sharing::space("office");
    let mut request = push(user("alice"), vec![change(2, 2, "second")]);
    request.asks = vec![user("alice"), user("bob")];
    request.person = Some("alice".into());
    let first: SyncAnswer = served.told(api::SYNC, 1, &request).await;
    // Told once more, it is a repeat: what it says stands.
    let packed: SyncAnswer = served.packed(api::SYNC, 1, &request).await;
    let json: SyncAnswer = served.told(api::SYNC, 1, &request).await;
    assert_eq!(packed, json);
    assert_eq!(first.polled, json.polled);
    assert_eq!(first.opening, request.opening);
    // The machine hears of its own push at once, and not once more.
    assert_eq!(
        first.moved.iter().map(|moved| &moved.space).collect::<Vec<_>>(),
        [&user("alice"), &group("sales"), &scopes]
    );
    assert_eq!(first.told[0].stands.as_ref().map(|stands| stands.head), Some(2));
    assert_eq!(first.told[1].stands, None);
    let again = SyncRequest { polled: Some(first.polled), ..poll() };
    let later = served.sync(1, &again).await;
    assert_eq!((later.polled, later.moved), (first.polled, vec![]));
    // Of another epoch everything is told.
    let mut epoch = first.polled.epoch;
    epoch.restores += 1;
    let other = SyncRequest { polled: Some(Polled { epoch, position: 99 }), ..poll() };
    assert_eq!(served.sync(1, &other).await.moved.len(), 3);
    // Nobody else's machine is a member.
    served.enrol(2, Scope::All).await;
    let answer = served.sync(2, &request).await;
    assert_eq!(answer.spaces[0].reply, Reply::Forbidden);
    assert!(answer.moved.iter().all(|moved| moved.space == scopes));
    assert_eq!(answer.told[0].stands, None);
}

#[tokio::test]
async fn an_answer_is_bounded_whatever_is_asked_for() {
    let served = Served::new().with_alice().await;
    let large = "x".repeat(300_000);
    let changes = (2..=21).map(|n| change(n, n.into(), &large)).collect();
    served.sync(1, &push(user("alice"), changes)).await;
    for (limit, spaces) in [(0, 1), (1, 1), (u32::MAX, 1), (u32::MAX, 2)] {
        let (mut cursor, mut came, mut pages) = (0, 0, 0);
        loop {
            let mut request = push(user("alice"), vec![]);
            request.spaces[0].cursor = cursor;
            request.limit = limit;
            request.spaces.extend((1..spaces).map(|_| of_space(group("sales"), vec![])));
            let body = sync_core::wire::encode(&request).unwrap();
            let answered = served.bytes(api::SYNC, 1, sync_core::protocol::MEDIA_TYPE, body).await;
            assert!(answered.body.len() < (5 << 20), "{}", answered.body.len());
            let answer: SyncAnswer = sync_core::wire::decode(&answered.body).unwrap();
            let Reply::Ok(page) = &answer.spaces[0].reply else { panic!() };
            (cursor, came, pages) = (page.to, came + page.page.len(), pages + 1);
            if !page.more {
                break;
            }
        }
        assert_eq!((came, pages > 1), (21, true), "{limit}");
    }
}

#[tokio::test]
async fn a_closed_store_says_to_try_again() {
    let served = Served::new().with_alice().await;
    crate::store::Store::close(served.interface.store()).await;
    let answered = served.ask(api::SYNC, 1, &push(user("alice"), vec![change(9, 9, "x")])).await;
    assert_eq!((answered.status, answered.code().as_str()), (503, "stopping"));
    assert_eq!(answered.header("retry-after"), "1");
}

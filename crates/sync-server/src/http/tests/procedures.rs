//! The server's steps of a procedure.

use super::served::{Served, change, group, push, user};
use sync_core::{
    api::{self, EndProcedureRequest, PlannedSpace, ServerStep, SpaceInfo, StepAnswer, StepRequest},
    id::{Incarnation, ProcedureId},
    procedure::Sent,
    protocol::Reply,
    server::Scope,
    space::SpaceName,
};
use uuid::Uuid;

fn step(n: u128, step: ServerStep) -> StepRequest {
    StepRequest { procedure: ProcedureId(Uuid::from_u128(n)), step }
}

#[tokio::test]
async fn a_procedure_is_taken_step_by_step_and_each_step_once() {
    let served = Served::durable().with_alice().await;
    let backed_up: StepAnswer = served.told(api::PROCEDURE, 1, &step(9, ServerStep::BackUp)).await;
    let StepAnswer::BackedUp(made) = &backed_up else { panic!("{backed_up:?}") };
    let file = served.backups().join(&made.name);
    assert_eq!(std::fs::metadata(&file).unwrap().len(), made.bytes);
    assert_eq!(served.told::<StepAnswer>(api::PROCEDURE, 1, &step(9, ServerStep::BackUp)).await, backed_up);
    let delete = |spaces: Vec<SpaceName>| step(9, ServerStep::Delete { spaces, reserve_for: u64::MAX });
    // Refused as a whole, in whatever order.
    for (spaces, expected) in [
        (vec![user("alice"), SpaceName::user("elsewhere", "alice")], (422, "other_realm")),
        (vec![SpaceName::local("settings")], (422, "other_realm")),
    ] {
        let found = served.refused(api::PROCEDURE, 1, &delete(spaces)).await;
        assert_eq!((found.0, found.1.as_str()), expected);
    }
    let both = delete(vec![user("alice"), group("sales"), user("alice")]);
    let deleted: StepAnswer = served.told(api::PROCEDURE, 1, &both).await;
    let StepAnswer::Deleted(done) = &deleted else { panic!("{deleted:?}") };
    assert_eq!(done.iter().map(|one| one.records).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(served.packed::<StepAnswer>(api::PROCEDURE, 1, &both).await, deleted);
    // The longest time stands for any that is longer.
    let spaces: Vec<SpaceInfo> = served.told(api::SPACES, 0, &()).await;
    let until = spaces[0].reserved_until.unwrap();
    assert!(until < crate::clock::now().plus(core::time::Duration::from_secs(8 * 24 * 3_600)));
    served.enrol(2, Scope::All).await;
    served.login(2, "alice").await;
    let answer = served.sync(2, &push(user("alice"), vec![change(1, 1, "x")])).await;
    assert_eq!(answer.spaces[0].reply, Reply::Reserved { until });
    let other = step(10, ServerStep::Delete { spaces: vec![user("alice")], reserve_for: 60 });
    assert_eq!(served.refused(api::PROCEDURE, 2, &other).await, (409, "reserved".to_string()));
    let by_hand = api::DeleteRequest { spaces: vec![user("alice")] };
    assert_eq!(served.refused(api::DELETE, 0, &by_hand).await, (409, "reserved".to_string()));
    let cancelled: StepAnswer = served.told(api::PROCEDURE, 1, &step(9, ServerStep::Cancel)).await;
    assert_eq!(cancelled, StepAnswer::Cancelled { deleted: Some(done.clone()) });
    let answer = served.sync(2, &push(user("alice"), vec![change(1, 1, "x")])).await;
    assert!(matches!(answer.spaces[0].reply, Reply::Ok(_)));
}

#[tokio::test]
async fn a_procedures_backup_writes_over_nothing() {
    let served = Served::durable().with_alice().await;
    std::fs::create_dir(served.backups()).unwrap();
    let taken = served.backups().join(format!("procedure-{}.db", Uuid::from_u128(9)));
    std::fs::write(&taken, "the only one of its time").unwrap();
    let backed_up: StepAnswer = served.told(api::PROCEDURE, 1, &step(9, ServerStep::BackUp)).await;
    let StepAnswer::BackedUp(made) = backed_up else { panic!() };
    assert!(made.name.ends_with("-2.db"), "{}", made.name);
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "the only one of its time");
}

#[tokio::test]
async fn a_procedure_keeps_to_the_machines_enrolment() {
    let served = Served::new();
    served.enrol(1, Scope::Groups(vec!["lab".into()])).await;
    for (space, outside) in [
        (user("alice"), true),
        (group("sales"), true),
        (user("nobody"), true),
        (user("bob"), false),
        (user("carol"), false),
        (group("lab"), false),
    ] {
        let request = step(9, ServerStep::Delete { spaces: vec![space.clone()], reserve_for: 1 });
        if outside {
            let found = served.refused(api::PROCEDURE, 1, &request).await;
            assert_eq!(found, (403, "outside_enrolment".to_string()), "{space}");
        } else {
            assert_eq!(served.ask(api::PROCEDURE, 1, &request).await.status, 200, "{space}");
        }
    }
}

#[tokio::test]
async fn a_step_goes_on_when_who_asked_is_gone_and_is_done_once() {
    let served = Served::durable().with_alice().await;
    let back_up = step(9, ServerStep::BackUp);
    // Begun, and then nobody waits for it any more.
    tokio::select! {
        biased;
        answered = served.ask(api::PROCEDURE, 1, &back_up) => panic!("{answered:?}"),
        () = async { for _ in 0..20 { tokio::task::yield_now().await } } => {}
    }
    let ask = || served.told::<StepAnswer>(api::PROCEDURE, 1, &back_up);
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert!(one == two && two == three);
    let StepAnswer::BackedUp(made) = one else { panic!("{one:?}") };
    let files: Vec<_> =
        std::fs::read_dir(served.backups()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, [made.name.as_str()]);
}

#[tokio::test]
async fn a_procedure_is_its_machines_and_an_administrator_may_end_it() {
    let served = Served::durable().with_alice().await;
    served.enrol(2, Scope::All).await;
    let end = |n: u128| EndProcedureRequest { procedure: ProcedureId(Uuid::from_u128(n)) };
    let unknown = served.refused(api::END_PROCEDURE, 0, &end(9)).await;
    assert_eq!(unknown, (404, "unknown_procedure".to_string()));
    served.told::<StepAnswer>(api::PROCEDURE, 1, &step(9, ServerStep::BackUp)).await;
    let delete = step(9, ServerStep::Delete { spaces: vec![user("alice")], reserve_for: 60 });
    let undo = step(9, ServerStep::Undo { sent: vec![], plan: false });
    for other in [&step(9, ServerStep::BackUp), &delete, &undo, &step(9, ServerStep::Cancel)] {
        let found = served.refused(api::PROCEDURE, 2, other).await;
        assert_eq!(found, (403, "another_machines_procedure".to_string()), "{other:?}");
    }
    served.told::<StepAnswer>(api::PROCEDURE, 1, &delete).await;
    let spaces: Vec<SpaceInfo> = served.told(api::SPACES, 0, &()).await;
    assert_eq!(spaces[0].reserved_for, Some(ProcedureId(Uuid::from_u128(9))));
    let ended: StepAnswer = served.told(api::END_PROCEDURE, 0, &end(9)).await;
    let StepAnswer::Cancelled { deleted: Some(deleted) } = ended else { panic!("{ended:?}") };
    assert_eq!((deleted[0].records, deleted[0].generation), (1, 2));
    let spaces: Vec<SpaceInfo> = served.told(api::SPACES, 0, &()).await;
    assert_eq!((spaces[0].reserved_for, spaces[0].reserved_until), (None, None));
    for late in [&delete, &step(9, ServerStep::Delete { spaces: vec![user("bob")], reserve_for: 60 })] {
        assert_eq!(served.refused(api::PROCEDURE, 1, late).await, (409, "procedure_ended".to_string()));
    }
    // No backup of it is made any more either; one that was made is told.
    served.told::<StepAnswer>(api::PROCEDURE, 1, &step(9, ServerStep::BackUp)).await;
    served.told::<StepAnswer>(api::PROCEDURE, 1, &step(11, ServerStep::Cancel)).await;
    let late = served.refused(api::PROCEDURE, 1, &step(11, ServerStep::BackUp)).await;
    assert_eq!(late, (409, "procedure_ended".to_string()));
}

#[tokio::test]
async fn a_plan_says_what_a_procedure_would_meet_and_changes_nothing() {
    let served = Served::new().with_alice().await;
    served.enrol(2, Scope::Groups(vec!["sales".into()])).await;
    let before = served.picture().await;
    let all = vec![user("alice"), user("bob"), user("nobody"), group("sales")];
    let plan = step(9, ServerStep::Plan { spaces: all });
    let told: StepAnswer = served.packed(api::PROCEDURE, 2, &plan).await;
    let StepAnswer::Planned(planned) = told else { panic!("{told:?}") };
    let found: Vec<_> = planned
        .iter()
        .map(|PlannedSpace { space, known, covered, records, machines, .. }| {
            (space.name.as_str(), *known, *covered, *records, *machines)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("alice", true, true, 1, 1),
            ("bob", true, false, 0, 0),
            ("nobody", false, false, 0, 0),
            ("sales", true, true, 0, 1)
        ]
    );
    assert_eq!(served.picture().await, before);
    let elsewhere = step(9, ServerStep::Plan { spaces: vec![SpaceName::user("elsewhere", "alice")] });
    assert_eq!(served.refused(api::PROCEDURE, 2, &elsewhere).await, (422, "other_realm".to_string()));
}

#[tokio::test]
async fn a_procedure_is_taken_back_in_both_forms_of_message() {
    let served = Served::new().with_alice().await;
    let spaces = vec![user("alice")];
    served
        .told::<StepAnswer>(api::PROCEDURE, 1, &step(9, ServerStep::Delete { spaces, reserve_for: 60 }))
        .await;
    let sent = vec![Sent {
        space: user("alice"),
        generation: 2,
        changes: vec![(Incarnation(Uuid::from_u128(1)), 3)],
    }];
    let undo = |plan| step(9, ServerStep::Undo { sent: sent.clone(), plan });
    let planned: StepAnswer = served.packed(api::PROCEDURE, 1, &undo(true)).await;
    let StepAnswer::Undone(would) = planned else { panic!("{planned:?}") };
    assert_eq!((would[0].brought_back, would[0].touched(), would[0].snapshot), (1, 1, None));
    let done: StepAnswer = served.told(api::PROCEDURE, 1, &undo(false)).await;
    let StepAnswer::Undone(undone) = &done else { panic!("{done:?}") };
    assert_eq!((undone[0].brought_back, undone[0].kept), (1, 0));
    assert_eq!(served.packed::<StepAnswer>(api::PROCEDURE, 1, &undo(false)).await, done);
}

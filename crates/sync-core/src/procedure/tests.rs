#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    id::{Generation, ImportId},
    item::Item,
};
use Action::{EndReservation, Over, Refuse, Run, Save, Undo};
use alloc::collections::{BTreeMap, BTreeSet};
use proptest::prelude::*;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(5);

fn order() -> Order {
    Order::new(
        vec![SpaceName::user("office", "alice"), SpaceName::group("office", "7")],
        vec![Item::PersonalAddressList, Item::UserGroupAddressList],
        Source { name: "lists.csv".into(), hash: FileHash([0xa5; 32]) },
    )
}

fn planned() -> Procedure {
    Procedure::new(ProcedureId(Uuid::from_u128(1)), order())
}

fn evidence(step: Step) -> Evidence {
    let spaces = || order().spaces.into_iter();
    match step {
        Step::Join => Evidence::Joined { level: spaces().map(|space| (space, 1, 9)).collect() },
        Step::Stop => Evidence::Stopped { unsent: 0 },
        Step::BackUp => Evidence::BackedUp { backup: "before".into(), hash: FileHash([1; 32]) },
        Step::Delete => Evidence::Deleted {
            snapshots: vec![],
            records: 3,
            spaces: spaces().map(|space| (space, 2 as Generation)).collect(),
            reserved_until: Timestamp(99),
        },
        Step::Import => Evidence::Imported { import: ImportId(Uuid::from_u128(2)), records: 12 },
        Step::Start => Evidence::Started { set_aside: vec![], sent: vec![] },
    }
}

fn failure(permanent: bool) -> Failure {
    Failure { code: "server_not_reachable".into(), message: "the server does not answer".into(), permanent }
}

/// A procedure at which `step` runs.
fn running(step: Step) -> Procedure {
    let mut procedure = planned();
    assert_eq!(procedure.handle(Event::Begin, NOW), [Save, Run(Step::Join)]);
    for before in Step::ALL.iter().filter(|before| **before < step) {
        let actions = procedure.handle(Event::StepDone(evidence(*before)), NOW);
        assert_eq!(actions, [Save, Run(before.next().unwrap())]);
    }
    assert_eq!(procedure.phase(), &Phase::Running { step });
    procedure
}

/// What a crash leaves: the stored journal.
fn restored(procedure: &Procedure) -> Procedure {
    let json = serde_json::to_string(procedure).unwrap();
    let restored: Procedure = serde_json::from_str(&json).unwrap();
    assert_eq!(&restored, procedure, "{json}");
    restored
}

#[test]
fn all_steps_in_their_order() {
    let mut procedure = running(Step::Start);
    assert_eq!(procedure.reserved_until(), Some(Timestamp(99)));
    let actions = procedure.handle(Event::StepDone(evidence(Step::Start)), NOW);
    assert_eq!(actions, [Save, Over]);
    assert!(procedure.is_over());
    let steps: Vec<Step> = procedure.done().iter().map(|done| done.evidence.step()).collect();
    assert_eq!(steps, Step::ALL);
    assert_eq!(procedure.handle(Event::Resume, NOW), [Over]);
    assert_eq!(procedure.handle(Event::Cancel, NOW), [Refuse(Refusal::Over)]);
}

#[test]
fn no_step_out_of_its_turn() {
    for step in Step::ALL {
        for other in Step::ALL {
            let mut procedure = running(*step);
            let before = procedure.clone();
            let actions = procedure.handle(Event::StepDone(evidence(*other)), NOW);
            match other.cmp(step) {
                core::cmp::Ordering::Less => assert_eq!(actions, []),
                core::cmp::Ordering::Equal => continue,
                core::cmp::Ordering::Greater => {
                    assert_eq!(actions, [Refuse(Refusal::OutOfOrder)]);
                }
            }
            assert_eq!(procedure, before);
        }
    }
}

#[test]
fn a_crash_at_any_step_runs_it_again() {
    for step in Step::ALL {
        let mut procedure = restored(&running(*step));
        assert_eq!(procedure.handle(Event::Resume, NOW), [Save, Run(*step)]);
        assert_eq!(procedure, running(*step));
    }
}

#[test]
fn a_failed_step_stays_with_its_reason_and_goes_on() {
    for step in Step::ALL {
        let mut procedure = running(*step);
        let actions = procedure.handle(Event::StepFailed(*step, failure(true)), NOW);
        assert_eq!(actions, [Save]);
        let mut procedure = restored(&procedure);
        assert!(procedure.to_string().contains("the server does not answer"));
        // A late answer does not restart it; a resume runs the step again.
        assert_eq!(procedure.handle(Event::StepDone(evidence(*step)), NOW), [Refuse(Refusal::OutOfOrder)]);
        assert_eq!(procedure.handle(Event::Resume, NOW), [Save, Run(*step)]);
        assert_eq!(procedure, running(*step));
    }
}

#[test]
fn a_cancel_ends_the_reservation_that_a_delete_may_have_made() {
    for step in Step::ALL {
        // After a failure.
        let mut procedure = running(*step);
        let _ = procedure.handle(Event::StepFailed(*step, failure(false)), NOW);
        let actions = procedure.handle(Event::Cancel, NOW);
        if *step < Step::Delete {
            assert_eq!(actions, [Save, Over], "{step}");
            continue;
        }
        assert_eq!(actions, [Save, EndReservation], "{step}");
        assert_eq!(procedure.handle(Event::ReservationNotEnded(failure(false)), NOW), [Save]);
        let mut procedure = restored(&procedure);
        assert_eq!(procedure.handle(Event::Resume, NOW), [EndReservation]);
        assert_eq!(procedure.handle(Event::ReservationEnded(None), NOW), [Save, Over]);
        assert_eq!(procedure.handle(Event::ReservationEnded(None), NOW), []);
    }
}

#[test]
fn a_cancel_waits_for_the_step_that_is_on_the_way() {
    let mut procedure = running(Step::Delete);
    assert_eq!(procedure.handle(Event::Cancel, NOW), [Save]);
    assert_eq!(procedure.handle(Event::Cancel, NOW), []);
    assert_eq!(procedure.handle(Event::ReservationEnded(None), NOW), [Refuse(Refusal::Cancelled)]);
    // The evidence is kept, since its undoing needs it.
    let mut done = procedure.clone();
    let actions = done.handle(Event::StepDone(evidence(Step::Delete)), NOW);
    assert_eq!(actions, [Save, EndReservation]);
    assert_eq!(done.done().len(), 4);
    let mut failed = procedure.clone();
    let actions = failed.handle(Event::StepFailed(Step::Delete, failure(false)), NOW);
    assert_eq!(actions, [Save, EndReservation]);
    let mut crashed = restored(&procedure);
    assert_eq!(crashed.handle(Event::Resume, NOW), [Save, EndReservation]);
    // A cancel during the last step comes too late once that is done.
    let mut last = running(Step::Start);
    assert_eq!(last.handle(Event::Cancel, NOW), [Save]);
    assert_eq!(last.handle(Event::StepDone(evidence(Step::Start)), NOW), [Save, Over]);
    assert!(matches!(last.phase(), Phase::Finished { .. }));
}

#[test]
fn an_order_must_name_what_it_is_about() {
    let id = ProcedureId(Uuid::from_u128(1));
    let mut nobody = order();
    nobody.spaces.clear();
    let mut local = order();
    local.spaces.push(SpaceName::local("settings"));
    let mut nothing = order();
    nothing.items.clear();
    for (order, refusal) in
        [(nobody, Refusal::NoSpaces), (local, Refusal::LocalSpace), (nothing, Refusal::NoItems)]
    {
        let mut procedure = Procedure::new(id, order);
        assert_eq!(procedure.handle(Event::Begin, NOW), [Refuse(refusal)]);
        assert_eq!(procedure.phase(), &Phase::Planned);
    }
    let mut procedure = planned();
    assert_eq!(procedure.handle(Event::Resume, NOW), [Refuse(Refusal::NotBegun)]);
    assert_eq!(procedure.handle(Event::Cancel, NOW), [Save, Over]);
    let mut procedure = running(Step::Join);
    assert_eq!(procedure.handle(Event::Begin, NOW), [Refuse(Refusal::Begun)]);
}

#[cfg(feature = "wire")]
#[test]
fn the_journal_is_stored_as_messagepack_too() {
    let mut procedure = running(Step::Start);
    let _ = procedure.handle(Event::StepFailed(Step::Start, failure(true)), NOW);
    let named = rmp_serde::to_vec_named(&procedure).unwrap();
    assert_eq!(rmp_serde::from_slice::<Procedure>(&named).unwrap(), procedure);
}

#[test]
fn hashes_are_read_back() {
    let hash = FileHash([0x0f; 32]);
    assert_eq!(hash.to_string().parse::<FileHash>().unwrap(), hash);
    for wrong in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), &"é".repeat(32)] {
        assert!(wrong.parse::<FileHash>().is_err(), "{wrong}");
    }
}

#[test]
fn an_undo_takes_the_steps_back_in_reverse_order() {
    let undone_by = |procedure: &mut Procedure| {
        let mut order = Vec::new();
        let mut actions = procedure.handle(Event::Undo, NOW);
        while let [Save, Undo(step)] = actions[..] {
            order.push(step);
            // A crash here: the stored journal undoes it again.
            *procedure = restored(procedure);
            assert_eq!(procedure.handle(Event::Resume, NOW), [Save, Undo(step)]);
            actions = procedure.handle(Event::StepUndone(undo_evidence(step)), NOW);
        }
        assert_eq!(actions, [Save, Over]);
        assert!(procedure.is_over() && matches!(procedure.phase(), Phase::Undone { .. }));
        assert_eq!(procedure.undone().iter().map(|one| one.evidence.step()).collect::<Vec<_>>(), order);
        assert_eq!(procedure.handle(Event::Undo, NOW), [Refuse(Refusal::Undone)]);
        assert_eq!(procedure.handle(Event::Resume, NOW), [Over]);
        order
    };
    let expected = |tried: Step| {
        let all = [Step::Start, Step::Import, Step::Delete, Step::Stop];
        all.into_iter().filter(|step| *step <= tried).collect::<Vec<_>>()
    };
    for step in Step::ALL {
        // It died at a step, or the step failed, or it was cancelled there: the step may have been done all the same.
        assert_eq!(undone_by(&mut running(*step)), expected(*step));
        let mut failed = running(*step);
        let _ = failed.handle(Event::StepFailed(*step, failure(true)), NOW);
        assert_eq!(undone_by(&mut failed.clone()), expected(*step));
        let _ = failed.handle(Event::Cancel, NOW);
        assert_eq!(undone_by(&mut failed.clone()), expected(*step), "while it is being cancelled");
        let _ = failed.handle(Event::ReservationEnded(None), NOW);
        assert_eq!(undone_by(&mut failed), expected(*step));
    }
    let mut finished = running(Step::Start);
    let _ = finished.handle(Event::StepDone(evidence(Step::Start)), NOW);
    assert_eq!(undone_by(&mut finished), expected(Step::Start));
    assert_eq!(planned().handle(Event::Undo, NOW), [Refuse(Refusal::NotBegun)]);
}

#[test]
fn an_undo_that_fails_waits_and_can_be_ended_and_taken_up_again() {
    let mut procedure = running(Step::Start);
    let _ = procedure.handle(Event::StepDone(evidence(Step::Start)), NOW);
    assert_eq!(procedure.handle(Event::Undo, NOW), [Save, Undo(Step::Start)]);
    let _ = procedure.handle(Event::StepUndone(undo_evidence(Step::Start)), NOW);
    assert_eq!(procedure.handle(Event::UndoFailed(Step::Import, failure(false)), NOW), [Save]);
    assert!(!procedure.is_over());
    assert_eq!(restored(&procedure).handle(Event::Resume, NOW), [Save, Undo(Step::Import)]);
    for wrong in
        [Event::Begin, Event::StepDone(evidence(Step::Stop)), Event::StepUndone(undo_evidence(Step::Stop))]
    {
        let before = procedure.clone();
        assert!(matches!(procedure.handle(wrong, NOW)[..], [] | [Refuse(_)]));
        assert_eq!(procedure, before);
    }
    assert_eq!(procedure.handle(Event::Cancel, NOW), [Save, Over]);
    assert_eq!(procedure.to_string(), "cancelled while it was undone; undone until then: start");
    // From its beginning: whoever ended it may have started the machine since.
    assert_eq!(procedure.handle(Event::Undo, NOW), [Save, Undo(Step::Start)]);
    assert_eq!(procedure.undone(), []);
}

#[test]
fn a_cancel_learns_what_a_deletion_did_whose_answer_was_lost() {
    let mut procedure = running(Step::Delete);
    let _ = procedure.handle(Event::StepFailed(Step::Delete, failure(false)), NOW);
    let _ = procedure.handle(Event::Cancel, NOW);
    let _ = procedure.handle(Event::ReservationEnded(Some(evidence(Step::Delete))), NOW);
    assert_eq!(procedure.done().last().map(|done| &done.evidence), Some(&evidence(Step::Delete)));
    // Once, and only where it was its turn.
    for step in [Step::Import, Step::BackUp] {
        let mut procedure = running(step);
        let _ = procedure.handle(Event::StepFailed(step, failure(false)), NOW);
        let _ = procedure.handle(Event::Cancel, NOW);
        let done = procedure.done().len();
        let _ = procedure.handle(Event::ReservationEnded(Some(evidence(Step::Delete))), NOW);
        assert_eq!(procedure.done().len(), done);
    }
}

#[test]
fn moments_are_text_in_the_journal_and_numbers_are_read_too() {
    let mut procedure = running(Step::Import);
    let _ = procedure.handle(Event::StepFailed(Step::Import, failure(false)), NOW);
    let json = serde_json::to_value(&procedure).unwrap();
    assert_eq!(json["done"][0]["at"], "1970-01-01T00:00:00.005Z");
    assert_eq!(json["done"][3]["evidence"]["reserved_until"], "1970-01-01T00:00:00.099Z");
    let mut old = json;
    old["done"][0]["at"] = 5.into();
    old["done"][3]["evidence"]["reserved_until"] = 99.into();
    assert_eq!(serde_json::from_value::<Procedure>(old).unwrap(), procedure);
    let beyond = Done { at: Timestamp(i64::MAX), evidence: evidence(Step::Stop) };
    let json = serde_json::to_string(&beyond).unwrap();
    assert_eq!(serde_json::from_str::<Done>(&json).unwrap(), beyond);
}

fn undo_evidence(step: Step) -> UndoEvidence {
    match step {
        Step::Start => UndoEvidence::Stopped { unsent: 0 },
        Step::Import => UndoEvidence::TakenOut { spaces: vec![] },
        Step::Delete => UndoEvidence::BroughtBack { spaces: vec![] },
        _ => UndoEvidence::Restarted { started: true },
    }
}

/// `None`: the step that runs is done.
fn any_event() -> impl Strategy<Value = Option<Event>> {
    let step = || proptest::sample::select(Step::ALL);
    prop_oneof![
        8 => Just(None),
        2 => step().prop_map(|step| Some(Event::StepDone(evidence(step)))),
        2 => step().prop_map(|step| Some(Event::StepFailed(step, failure(false)))),
        2 => Just(Some(Event::Begin)),
        2 => Just(Some(Event::Resume)),
        1 => Just(Some(Event::Cancel)),
        1 => Just(Some(Event::ReservationEnded(None))),
        1 => Just(Some(Event::ReservationNotEnded(failure(false)))),
        1 => Just(Some(Event::Undo)),
        1 => step().prop_map(|step| Some(Event::StepUndone(undo_evidence(step)))),
        1 => step().prop_map(|step| Some(Event::UndoFailed(step, failure(false)))),
    ]
}

proptest! {
    /// Whatever comes in whatever order, with crashes between: steps are done in order and once, a refusal changes
    /// nothing, nothing runs that was not saved before, and no reservation outlives a cancelled procedure unseen.
    #[test]
    fn any_history_keeps_the_order(events in proptest::collection::vec((any_event(), any::<bool>()), 0..60)) {
        let mut procedure = planned();
        let mut ran: BTreeMap<Step, u32> = BTreeMap::new();
        let (mut reservation_ended, mut undo_began) = (false, false);
        for (event, crash) in events {
            let before = procedure.clone();
            let event = event.unwrap_or_else(|| match procedure.phase() {
                Phase::Running { step } | Phase::Cancelling { in_flight: Some(step), .. } => {
                    Event::StepDone(evidence(*step))
                }
                Phase::Undoing { step } => Event::StepUndone(undo_evidence(*step)),
                _ => Event::Begin,
            });
            let ends = event == Event::ReservationEnded(None);
            undo_began |= event == Event::Undo;
            let actions = procedure.handle(event, NOW);
            if let Some(Refuse(_)) = actions.first() {
                prop_assert_eq!(actions.len(), 1);
                prop_assert_eq!(&procedure, &before);
            } else if ends {
                reservation_ended = true;
            }
            if procedure != before {
                prop_assert_eq!(actions.first(), Some(&Save));
            }
            for action in &actions {
                if let Run(step) = action {
                    prop_assert_eq!(procedure.phase(), &Phase::Running { step: *step });
                    *ran.entry(*step).or_default() += 1;
                }
            }
            let steps: Vec<Step> = procedure.done().iter().map(|done| done.evidence.step()).collect();
            prop_assert_eq!(&steps[..], &Step::ALL[..steps.len()]);
            prop_assert!(steps.iter().all(|step| ran.contains_key(step)));
            let undone: Vec<Step> = procedure.undone().iter().map(|undone| undone.evidence.step()).collect();
            prop_assert!(undone.windows(2).all(|pair| pair[0] > pair[1]), "{undone:?}");
            if matches!(procedure.phase(), Phase::Cancelled { .. }) {
                prop_assert!(reservation_ended || undo_began || !ran.contains_key(&Step::Delete));
            }
            if crash {
                procedure = restored(&procedure);
            }
        }
    }

    /// Whoever carries it out may die at any action, before the action or between it and the word of it; people resume,
    /// cancel and undo it at any moment. It ends, each step takes effect once at most, and what is undone leaves nothing.
    #[test]
    fn any_history_ends_and_an_undo_leaves_nothing(
        choices in proptest::collection::vec((0..12_u8, any::<bool>()), 1..80),
        undoes in any::<bool>(),
    ) {
        let mut procedure = planned();
        let mut effects: BTreeSet<Step> = BTreeSet::new();
        let mut took_effect: BTreeMap<Step, u32> = BTreeMap::new();
        let mut choices = choices.into_iter();
        // First as chance has it, then to the end.
        let mut wanted = Some(Event::Begin);
        for _ in 0..400 {
            let actions = match wanted.take() {
                Some(event) => procedure.handle(event, NOW),
                None if undoes && procedure.is_over() && !matches!(procedure.phase(), Phase::Undone { .. }) => {
                    procedure.handle(Event::Undo, NOW)
                }
                None if procedure.is_over() => break,
                None => procedure.handle(Event::Resume, NOW),
            };
            for action in actions {
                let (choice, before_it) = choices.next().unwrap_or((0, false));
                let acts = !matches!(action, Save | Over | Refuse(_));
                let dies = acts && choice == 1;
                if dies && before_it {
                    procedure = restored(&procedure);
                    break;
                }
                let event = match action {
                    Run(step) => {
                        if !effects.contains(&step) {
                            *took_effect.entry(step).or_default() += 1;
                        }
                        let earlier = Step::ALL.iter().filter(|one| **one < step);
                        prop_assert!(earlier.into_iter().all(|one| effects.contains(one)), "{step}");
                        effects.insert(step);
                        if choice == 2 { Event::StepFailed(step, failure(false)) } else { Event::StepDone(evidence(step)) }
                    }
                    Undo(step) => {
                        let later = |one: &&Step| **one > step && one.is_undone();
                        prop_assert!(!effects.iter().any(|one| later(&one)), "{step} before {effects:?}");
                        effects.remove(&step);
                        if choice == 2 { Event::UndoFailed(step, failure(false)) } else { Event::StepUndone(undo_evidence(step)) }
                    }
                    EndReservation if choice == 2 => Event::ReservationNotEnded(failure(false)),
                    EndReservation => Event::ReservationEnded(None),
                    Save | Over | Refuse(_) => continue,
                };
                if dies {
                    procedure = restored(&procedure);
                    break;
                }
                wanted = Some(event);
            }
            if wanted.is_none() {
                wanted = match choices.next() {
                    Some((3, _)) => Some(Event::Cancel),
                    Some((4, _)) => Some(Event::Undo),
                    _ => None,
                };
            }
        }
        prop_assert!(procedure.is_over(), "{procedure}");
        prop_assert!(took_effect.values().all(|times| *times == 1), "{took_effect:?}");
        if matches!(procedure.phase(), Phase::Undone { .. }) {
            prop_assert!(!effects.iter().any(|step| step.is_undone()), "{effects:?}");
        }
        if undoes {
            let undone = matches!(procedure.phase(), Phase::Undone { .. });
            prop_assert!(undone, "{procedure}");
        }
    }
}

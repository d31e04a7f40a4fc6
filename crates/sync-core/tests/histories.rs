//! The shortest histories that go wrong without one of the protocol's rules (`docs/protocol.md`, "What goes wrong
//! without each rule").
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod world;

use sync_core::{
    change::Operation,
    id::{Incarnation, Opening, ProcedureId},
    protocol::Reply as Said,
    snapshot::Reason,
    time::Timestamp,
};
use uuid::Uuid;
use world::{World, alice, lost, record, sales, set};

#[test]
fn a_later_number_in_another_space_does_not_make_an_earlier_one_a_repeat() {
    let mut w = World::new(1);
    w.sync(0);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.edit(0, &sales(), 2, set(&[("f", 2)]));
    let mut first = w.letter(0);
    let mut second = first.clone();
    first.request.spaces.retain(|s| s.space == alice());
    second.request.spaces.retain(|s| s.space == sales());
    let overtaking = w.deliver(&second);
    let overtaken = w.deliver(&first);
    w.absorb(overtaking);
    w.absorb(overtaken);
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(1));
    assert_eq!(w.server_value(&sales(), 2, "f"), Some(2));
}

#[test]
fn a_machine_put_back_to_an_earlier_moment_is_told_that_it_forked() {
    let mut w = World::new(1);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.sync(0);
    let earlier = w.machines[0].clone();
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.sync(0);
    // Its memory is put back with its disk, so it has no new opening.
    w.machines[0] = earlier;
    w.edit(0, &alice(), 1, set(&[("f", 3)]));
    let letter = w.letter(0);
    let reply = w.deliver(&letter);
    assert!(matches!(reply.answer.spaces[0].reply, Said::Fork(_)));
    w.absorb(reply);
    w.sync(0);
    // Both second changes were accepted: the first stands, the other is superseded.
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(2));
    assert_eq!(w.head(&alice()), 3);
    assert_eq!(lost(&w.superseded(&alice())[0]), (Some("f"), Some(3)));
}

#[test]
fn a_machine_put_back_that_restarts_before_it_speaks_loses_nothing_either() {
    let mut w = World::new(1);
    w.sync(0);
    let earlier = w.machines[0].clone();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.sync(0);
    w.machines[0] = earlier;
    // The same number of the same incarnation, with other content; then a new incarnation.
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.machines[0].reopen(Opening(Uuid::from_u128(1)), Incarnation(Uuid::from_u128(2)));
    w.edit(0, &alice(), 1, set(&[("g", 3)]));
    w.sync(0);
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(1));
    assert_eq!(w.server_value(&alice(), 1, "g"), Some(3));
    assert_eq!(lost(&w.superseded(&alice())[0]), (Some("f"), Some(2)));
}

#[test]
fn a_fork_claims_nothing_of_what_the_other_branch_wrote() {
    let mut w = World::new(1);
    w.edit(0, &alice(), 1, set(&[("f", 0)]));
    w.sync(0);
    let earlier = w.machines[0].clone();
    w.edit(0, &alice(), 1, set(&[("f", 7)]));
    w.sync(0);
    w.machines[0] = earlier;
    // The number that the other branch used here goes to another space.
    w.edit(0, &sales(), 2, set(&[("x", 1)]));
    w.edit(0, &alice(), 1, set(&[("g", 1)]));
    w.edit(0, &alice(), 1, set(&[("f", 9)]));
    w.sync(0);
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(7));
    assert_eq!(lost(&w.superseded(&alice())[0]), (Some("f"), Some(9)));
}

#[test]
fn a_start_without_changes_is_over_with_its_answer() {
    let mut w = World::new(2);
    w.settle();
    w.machines[0].stop();
    // Told that the space is empty; then the request of the Start, which carries nothing, is on its way.
    w.round(0);
    let letter = w.letter(0);
    let reply = w.deliver(&letter);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.absorb(reply);
    w.edit(1, &alice(), 2, set(&[("f", 2)]));
    w.sync(1);
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(1), "the edit is not set aside as occupied");
    assert!(w.machines[0].snapshots.is_empty());
}

#[test]
fn a_machine_put_back_that_by_chance_does_the_same_again_loses_nothing() {
    let mut w = World::new(1);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.sync(0);
    let earlier = w.machines[0].clone();
    w.edit(0, &alice(), 2, set(&[("f", 2)]));
    w.edit(0, &alice(), 1, Operation::Delete);
    w.sync(0);
    w.machines[0] = earlier;
    // Another first change, and then the same second one.
    w.edit(0, &alice(), 3, set(&[("f", 3)]));
    w.edit(0, &alice(), 1, Operation::Delete);
    w.sync(0);
    assert_eq!(w.server_value(&alice(), 3, "f"), Some(3));
}

#[test]
fn a_repeat_after_the_space_was_deleted_does_not_bring_it_back() {
    let mut w = World::new(1);
    w.sync(0);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    let letter = w.letter(0);
    let _lost = w.deliver(&letter);
    w.delete(&alice(), None);
    w.sync(0);
    assert_eq!(w.head(&alice()), 0);
    assert_eq!(w.machines[0].snapshots.len(), 1);
    assert_eq!(w.machines[0].snapshots[0].reason, Reason::Gone);
    assert_eq!(w.machines[0].snapshots[0].outbox.len(), 1, "what was not acknowledged is kept");
    assert_eq!(w.server.snapshots[0].records.len(), 1, "what was acknowledged is kept at the server");
}

#[test]
fn a_repeat_of_the_very_first_push_does_not_bring_a_deleted_space_back_either() {
    let mut w = World::new(1);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.round(0);
    let letter = w.letter(0);
    assert!(letter.request.spaces.iter().all(|asked| asked.generation.is_some()));
    let _lost = w.deliver(&letter);
    assert_eq!(w.head(&alice()), 1);
    w.delete(&alice(), None);
    w.sync(0);
    assert_eq!(w.head(&alice()), 0);
    assert_eq!(w.machines[0].snapshots[0].reason, Reason::Gone);
}

#[test]
fn one_backup_restored_twice_gives_two_epochs() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    w.restore(&backup);
    w.edit(0, &alice(), 2, set(&[("f", 2)]));
    // Machine 0 meets the first restore, machine 1 only the second.
    w.sync(0);
    w.edit(0, &alice(), 3, set(&[("f", 3)]));
    w.sync(0);
    w.restore(&backup);
    w.edit(1, &alice(), 4, set(&[("f", 4)]));
    w.settle();
    for machine in [0, 1] {
        assert_eq!(w.sees(machine, &alice(), 1, "f"), Some(1));
        assert_eq!(w.sees(machine, &alice(), 3, "f"), None);
        let replica = &w.machines[machine].spaces[&alice()];
        assert_eq!(replica.copy, w.server.spaces[&alice()].records);
    }
    let kept = w.machines[0].snapshots.iter().filter(|s| s.reason == Reason::Restored);
    assert!(kept.flat_map(|s| &s.records).any(|(id, _)| *id == record(3)), "what came later is kept");
}

#[test]
fn a_page_in_progress_when_the_store_was_restored_leaves_no_gap() {
    let mut w = World::new(2);
    for n in 1..=6 {
        w.edit(0, &alice(), n, set(&[("f", 1)]));
    }
    w.sync(0);
    let backup = w.server.clone();
    w.edit(0, &alice(), 2, set(&[("f", 2)]));
    w.sync(0);
    w.page = 4;
    w.round(1);
    assert!(w.machines[1].spaces[&alice()].head.cursor > w.machines[1].spaces[&alice()].head.seen);
    w.restore(&backup);
    w.settle();
    assert_eq!(w.machines[1].spaces[&alice()].copy, w.server.spaces[&alice()].records);
    assert_eq!(w.sees(1, &alice(), 2, "f"), Some(1));
}

#[test]
fn a_poll_that_was_heard_before_a_crash_is_still_owed_after_it() {
    let mut w = World::new(2);
    w.sync(1);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.sync(0);
    // The poll alone arrives; the machine crashes before it pulls.
    let letter = w.letter(1);
    let mut reply = w.deliver(&letter);
    reply.answer.spaces.clear();
    w.absorb(reply);
    w.machines[1].reopen(Opening(Uuid::from_u128(1)), Incarnation(Uuid::from_u128(2)));
    w.sync(1);
    assert_eq!(w.sees(1, &alice(), 1, "f"), Some(1));
}

#[test]
fn ones_own_record_beyond_an_unfinished_page_does_not_conflict_with_oneself() {
    let mut w = World::new(2);
    for n in 1..=3 {
        w.edit(0, &alice(), n, set(&[("f", 1)]));
    }
    w.sync(0);
    w.page = 1;
    w.edit(1, &alice(), 9, set(&[("f", 5)]));
    w.round(1);
    let head = &w.machines[1].spaces[&alice()].head;
    assert!(head.seen < 4 && head.cursor < 4, "the page ends before the own change");
    w.edit(1, &alice(), 9, set(&[("f", 6)]));
    // And a record that is not in the page yet: what it claims to have read must not cover it.
    w.edit(1, &alice(), 3, set(&[("f", 7)]));
    w.settle();
    assert_eq!(w.server_value(&alice(), 9, "f"), Some(6));
    assert_eq!(w.server_value(&alice(), 3, "f"), Some(1));
    assert_eq!(w.superseded(&alice()).len(), 1);
    assert_eq!(lost(&w.superseded(&alice())[0]), (Some("f"), Some(7)));
}

#[test]
fn two_pending_changes_of_one_author_do_not_conflict_even_over_a_reopening() {
    let mut w = World::new(1);
    w.sync(0);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.machines[0].reopen(Opening(Uuid::from_u128(1)), Incarnation(Uuid::from_u128(2)));
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.edit(0, &alice(), 1, set(&[("f", 3)]));
    w.sync(0);
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(3));
    assert!(w.superseded(&alice()).is_empty());
}

#[test]
fn a_copied_folder_opened_twice_is_two_authors() {
    let mut w = World::new(1);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    let mut twin = w.machines[0].clone();
    twin.reopen(Opening(Uuid::from_u128(11)), Incarnation(Uuid::from_u128(12)));
    w.machines[0].reopen(Opening(Uuid::from_u128(21)), Incarnation(Uuid::from_u128(22)));
    w.machines.push(twin);
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.edit(1, &alice(), 1, set(&[("f", 3)]));
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(2), "the first to arrive stands");
    assert_eq!(w.head(&alice()), 3, "the change that both carry is applied once");
    assert_eq!(lost(&w.superseded(&alice())[0]), (Some("f"), Some(3)));
}

#[test]
fn a_new_incarnation_after_leaving_and_joining_claims_nothing_of_the_old_copy() {
    let mut w = World::new(2);
    w.settle();
    // The answer is lost: the change is applied, but the machine has neither its record nor knows.
    let first = w.edit(0, &sales(), 1, set(&[("f", 1)]));
    let letter = w.letter(0);
    let _lost = w.deliver(&letter);
    w.membership(0, vec![], vec![sales()]);
    w.sync(0);
    assert_eq!(w.machines[0].snapshots[0].reason, Reason::Forbidden);
    assert!(!w.machines[0].spaces.contains_key(&sales()));
    w.join(0, &sales());
    let again = w.edit(0, &sales(), 1, set(&[("f", 2)]));
    assert_ne!(first.incarnation, again.incarnation);
    w.settle();
    assert_eq!(w.server_value(&sales(), 1, "f"), Some(1), "it had not read its own former change");
    assert_eq!(lost(&w.superseded(&sales())[0]), (Some("f"), Some(2)));
}

#[test]
fn an_edit_that_loses_every_field_does_not_revive() {
    for order in [[1, 2], [2, 1]] {
        let mut w = World::new(3);
        w.settle();
        w.edit(2, &alice(), 1, set(&[("f", 1)]));
        w.edit(0, &alice(), 1, set(&[("f", 9)]));
        w.sync(0);
        w.sync(1);
        w.edit(1, &alice(), 1, Operation::Delete);
        for machine in order {
            w.sync(machine);
        }
        w.settle();
        assert!(w.at_server(&alice(), 1).unwrap().dead.is_some(), "{order:?}");
        assert_eq!(w.superseded(&alice()).len(), 1);
    }
}

#[test]
fn a_repeat_whose_incarnation_was_forgotten_is_not_written_again() {
    let mut w = World::new(2);
    w.edit(1, &alice(), 2, set(&[("f", 1)]));
    w.settle();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    let letter = w.letter(0);
    let _lost = w.deliver(&letter);
    w.server.spaces.get_mut(&alice()).unwrap().last.clear();
    w.server.spaces.get_mut(&alice()).unwrap().head.horizon = 2;
    w.machines[0].reopen(Opening(Uuid::from_u128(1)), Incarnation(Uuid::from_u128(2)));
    w.sync(1);
    w.edit(1, &alice(), 1, set(&[("f", 2)]));
    w.sync(0);
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(2), "nobody conflicts with a ghost");
    assert!(w.superseded(&alice()).is_empty());
}

#[test]
fn an_acknowledged_value_never_vanishes_from_the_panel() {
    let mut w = World::new(2);
    for n in 1..=5 {
        w.edit(0, &alice(), n, set(&[("f", 1)]));
    }
    w.sync(0);
    w.page = 1;
    w.edit(1, &alice(), 9, set(&[("f", 5)]));
    while w.machines[1].spaces[&alice()].head.seen < 6 {
        assert_eq!(w.sees(1, &alice(), 9, "f"), Some(5));
        w.round(1);
    }
    assert_eq!(w.sees(1, &alice(), 9, "f"), Some(5));
}

#[test]
fn a_late_answer_does_not_roll_the_copy_back() {
    let mut w = World::new(2);
    w.settle();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.sync(0);
    let letter = w.letter(1);
    let late = w.deliver(&letter);
    w.sync(1);
    w.delete(&alice(), None);
    w.sync(1);
    w.absorb(late.clone());
    assert!(w.machines[1].spaces[&alice()].copy.is_empty());
    w.machines[1].reopen(Opening(Uuid::from_u128(1)), Incarnation(Uuid::from_u128(2)));
    w.absorb(late);
    assert!(w.machines[1].spaces[&alice()].copy.is_empty());
}

#[test]
fn two_machines_that_start_on_one_emptied_space_do_not_mix() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    for machine in [0, 1] {
        w.machines[machine].stop();
    }
    w.delete(&alice(), None);
    w.edit(0, &alice(), 2, set(&[("f", 2)]));
    w.edit(1, &alice(), 3, set(&[("f", 3)]));
    // Both are told that the space is empty before either has sent anything.
    w.round(0);
    w.round(1);
    w.settle();
    assert_eq!(w.server_value(&alice(), 2, "f"), Some(2));
    assert_eq!(w.at_server(&alice(), 3), None);
    let kept = w.machines[1].snapshots.last().unwrap();
    assert_eq!(kept.reason, Reason::Occupied);
    assert!(kept.outbox.iter().any(|change| change.record == record(3)));
    assert_eq!(w.machines[1].spaces[&alice()].copy, w.server.spaces[&alice()].records);
}

#[test]
fn a_start_on_an_empty_space_claims_nothing_of_the_generation() {
    let mut w = World::new(2);
    for value in 1..=5 {
        w.edit(0, &alice(), 1, set(&[("f", value)]));
    }
    w.settle();
    w.machines[0].stop();
    w.delete(&alice(), None);
    w.round(0);
    // Between the Start's two round trips its first change arrives, and another machine writes what it reads there.
    let letter = w.letter(0);
    let _lost = w.deliver(&letter);
    w.sync(1);
    w.edit(1, &alice(), 1, set(&[("f", 7)]));
    w.sync(1);
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(7));
    assert_eq!(w.machines[0].spaces[&alice()].head.start, None);
}

#[test]
fn a_fork_renames_in_every_space() {
    let mut w = World::new(1);
    w.sync(0);
    let earlier = w.machines[0].clone();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.edit(0, &sales(), 1, set(&[("f", 1)]));
    w.sync(0);
    w.machines[0] = earlier;
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.edit(0, &sales(), 1, set(&[("f", 2)]));
    // Only one space finds the fork; the other must not take its reverted number for a repeat.
    let mut letter = w.letter(0);
    letter.request.spaces.retain(|s| s.space == alice());
    let reply = w.deliver(&letter);
    w.absorb(reply);
    w.sync(0);
    for space in [alice(), sales()] {
        assert_eq!(w.head(&space), 2);
        assert_eq!(w.superseded(&space).len(), 1, "the second value is kept in {space}");
    }
}

#[test]
fn a_reservation_keeps_others_out_until_the_start() {
    let mut w = World::new(2);
    w.edit(0, &sales(), 1, set(&[("f", 1)]));
    w.settle();
    let procedure = ProcedureId(Uuid::from_u128(7));
    w.machines[0].stop();
    w.delete(&sales(), Some((procedure, 0)));
    // The other machine learns of the new generation only when its turn comes; its edit waits meanwhile.
    w.edit(1, &sales(), 2, set(&[("f", 2)]));
    let letter = w.letter(1);
    let reply = w.deliver(&letter);
    let said = reply.answer.spaces.iter().find(|s| s.space == sales()).unwrap();
    assert!(matches!(said.reply, Said::Reserved { .. }));
    w.absorb(reply);
    assert_eq!(w.machines[1].spaces[&sales()].outbox.len(), 1);
    w.edit(0, &sales(), 3, set(&[("f", 3)]));
    w.sync(0);
    assert_eq!(w.server.spaces[&sales()].reservation, None);
    w.settle();
    assert_eq!(w.server_value(&sales(), 3, "f"), Some(3));
    assert_eq!(w.machines[1].spaces[&sales()].copy, w.server.spaces[&sales()].records);
}

#[test]
fn a_reservation_ends_with_its_time_or_a_cancel() {
    let mut w = World::new(2);
    w.settle();
    let procedure = ProcedureId(Uuid::from_u128(7));
    for cancel in [true, false] {
        w.delete(&sales(), Some((ProcedureId(Uuid::from_u128(u128::from(cancel) + 1)), 0)));
        w.edit(1, &sales(), 2, set(&[("f", 2)]));
        w.round(1);
        assert_eq!(w.head(&sales()), 0);
        if cancel {
            let wrong = sync_core::server::Request::CancelProcedure { procedure, machine: None };
            w.commit(wrong);
            assert!(w.server.spaces[&sales()].reservation.is_some(), "another's cancel lifts nothing");
            let right = ProcedureId(Uuid::from_u128(2));
            w.commit(sync_core::server::Request::CancelProcedure { procedure: right, machine: None });
            assert!(w.server.spaces[&sales()].reservation.is_none());
        } else {
            w.now = Timestamp(w.now.0 + 1_000);
        }
        w.sync(1);
        w.edit(1, &sales(), 2, set(&[("f", 2)]));
        w.sync(1);
        assert_eq!(w.head(&sales()), 1);
    }
}

#[test]
fn a_delete_against_an_edit_in_both_orders() {
    for delete_first in [true, false] {
        let mut w = World::new(2);
        w.edit(0, &alice(), 1, set(&[("f", 1), ("g", 1)]));
        w.settle();
        w.edit(0, &alice(), 1, Operation::Delete);
        w.edit(1, &alice(), 1, set(&[("f", 2)]));
        let order = if delete_first { [0, 1] } else { [1, 0] };
        for machine in order {
            w.sync(machine);
        }
        w.settle();
        for machine in [0, 1] {
            assert_eq!(w.sees(machine, &alice(), 1, "f"), Some(2), "the edit stands");
            assert_eq!(w.sees(machine, &alice(), 1, "g"), Some(1), "and the record is whole");
        }
        assert_eq!(
            lost(&w.superseded(&alice())[0]),
            (None, None),
            "the deletion is superseded, and reported"
        );
    }
}

#[test]
fn a_retry_of_an_answered_request_changes_nothing() {
    let mut w = World::new(1);
    w.sync(0);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    let letter = w.letter(0);
    let first = w.deliver(&letter);
    let before = w.server.spaces[&alice()].clone();
    let position = w.server.store.position;
    let second = w.deliver(&letter);
    assert_eq!(w.head(&alice()), before.head.head);
    assert_eq!(w.server.store.position, position);
    assert_eq!(w.server.spaces[&alice()].history, before.history);
    w.absorb(second);
    w.absorb(first);
    assert!(w.machines[0].spaces[&alice()].outbox.is_empty());
    assert_eq!(w.sees(0, &alice(), 1, "f"), Some(1));
}

#[test]
fn each_field_is_decided_by_itself() {
    // Machine 0, offline, sets f and g; machine 1 has set f meanwhile. f stays machine 1's, g is applied; machine 0's
    // next edit of g, made before it heard any of this, does not conflict with its own first.
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 0), ("g", 0)]));
    w.settle();
    w.edit(1, &alice(), 1, set(&[("f", 1)]));
    w.sync(1);
    w.edit(0, &alice(), 1, set(&[("f", 2), ("g", 2)]));
    w.edit(0, &alice(), 1, set(&[("g", 3)]));
    w.settle();
    for machine in [0, 1] {
        assert_eq!(w.sees(machine, &alice(), 1, "f"), Some(1));
        assert_eq!(w.sees(machine, &alice(), 1, "g"), Some(3));
        let superseded = &w.machines[machine].spaces[&alice()].superseded;
        assert_eq!(superseded.iter().map(lost).collect::<Vec<_>>(), [(Some("f"), Some(2))]);
    }
}

#[test]
fn a_start_where_both_have_data_keeps_the_machines_version_as_a_snapshot() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    w.machines[0].stop();
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.edit(1, &alice(), 1, set(&[("f", 3)]));
    w.sync(1);
    w.sync(0);
    assert_eq!(w.sees(0, &alice(), 1, "f"), Some(3), "the server's data stand");
    let kept = w.machines[0].snapshots.pop().unwrap();
    assert_eq!(kept.reason, Reason::Start);
    // And it can be brought back, as a new change that has read what stands.
    w.machines[0].bring_back(&kept, &sync_core::change::Author::default());
    w.settle();
    assert_eq!(w.sees(1, &alice(), 1, "f"), Some(2));
    assert!(w.superseded(&alice()).is_empty());
}

#[test]
fn polls_that_are_answered_out_of_order_leave_no_machine_asking_for_ever() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    w.edit(1, &alice(), 2, set(&[("f", 2)]));
    w.sync(1);
    // Told of the news under the old epoch, but that answer is held back.
    let letter = w.letter(0);
    let old = w.deliver(&letter);
    w.restore(&backup);
    w.settle();
    // Nothing is new: the answer says so, and it is held back too.
    let letter = w.letter(0);
    let quiet = w.deliver(&letter);
    assert!(quiet.answer.moved.is_empty());
    w.absorb(old);
    w.absorb(quiet);
    w.sync(0);
    assert_eq!(w.machines[0].spaces[&alice()].head.epoch, Some(w.server.store.epoch));
}

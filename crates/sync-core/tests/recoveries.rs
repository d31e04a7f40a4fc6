//! The server lost its disk and was recovered from a backup; or it was rolled back; or a copy differs without noticing.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod world;

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    change::Operation,
    id::{RecordId, is_provisional},
    protocol::{Reply as Said, RestoreMode},
    record::{Lost, Superseded},
    snapshot::Reason,
    space::SpaceName,
    value::Value,
};
use world::{World, alice, lost, record, sales, set};

#[test]
fn what_machines_have_read_comes_back_after_the_disk_was_lost() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.edit(0, &alice(), 2, set(&[("f", 3)]));
    w.settle();
    w.restore_for(&backup, RestoreMode::Recover);
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(1));
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(2));
    assert_eq!(w.server_value(&alice(), 2, "f"), Some(3));
    assert!(w.machines.iter().all(|machine| machine.snapshots.is_empty()), "nothing is set aside");
    assert!(w.superseded(&alice()).is_empty());
    let history = &w.server.spaces[&alice()].history;
    assert_eq!(history.iter().filter(|batch| batch.given_back.is_some()).count(), 2);
}

#[test]
fn a_person_sees_the_acknowledged_value_all_the_time() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.settle();
    w.restore_for(&backup, RestoreMode::Recover);
    for _ in 0..4 {
        for machine in [1, 0] {
            assert_eq!(w.sees(machine, &alice(), 1, "f"), Some(2));
            w.round(machine);
        }
    }
    let copies = w.machines.iter().flat_map(|machine| machine.spaces[&alice()].copy.values());
    assert!(copies.into_iter().all(|record| !is_provisional(record.sequence)));
}

#[test]
fn a_pending_change_does_not_overwrite_unseen_what_took_its_sequence_after_a_recovery() {
    let mut w = World::new(3);
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.sync(0);
    w.sync(1);
    w.edit(1, &alice(), 1, set(&[("f", 2)]));
    w.restore_for(&backup, RestoreMode::Recover);
    w.edit(2, &alice(), 1, set(&[("f", 9)]));
    w.sync(2);
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(9), "the first to arrive stands");
    let kept: BTreeSet<_> = w.superseded(&alice()).iter().filter_map(|kept| lost(kept).1).collect();
    assert_eq!(kept, [1, 2].into());
}

#[test]
fn a_pending_change_over_what_is_given_back_does_not_conflict_with_it() {
    let mut w = World::new(2);
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    w.edit(1, &alice(), 1, set(&[("f", 2)]));
    w.restore_for(&backup, RestoreMode::Recover);
    // Born while the record is provisional: it names what it read by its writer.
    w.round(0);
    w.edit(0, &alice(), 1, set(&[("g", 3)]));
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(2));
    assert_eq!(w.server_value(&alice(), 1, "g"), Some(3));
    assert!(w.superseded(&alice()).is_empty());
}

#[test]
fn a_space_that_was_deleted_after_the_backup_stays_deleted() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    w.delete(&alice(), None);
    w.settle();
    w.edit(0, &alice(), 2, set(&[("f", 2)]));
    w.settle();
    w.restore_for(&backup, RestoreMode::Recover);
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), None);
    assert_eq!(w.server_value(&alice(), 2, "f"), Some(2));
    assert_eq!(w.server.spaces[&alice()].head.generation, 2);
    assert_eq!(w.server.snapshots.len(), 1, "and what the backup had is kept");
}

#[test]
fn a_deletion_that_a_machine_has_read_is_not_undone_by_a_recovery() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &alice(), 1, Operation::Delete);
    w.settle();
    w.restore_for(&backup, RestoreMode::Recover);
    w.settle();
    assert!(w.at_server(&alice(), 1).unwrap().dead.is_some());
    assert!(w.superseded(&alice()).is_empty());
}

#[test]
fn the_wrong_backup_and_then_the_right_one_lose_nothing() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let wrong = w.server.clone();
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.settle();
    let right = w.server.clone();
    w.edit(0, &alice(), 2, set(&[("f", 3)]));
    w.settle();
    w.restore_for(&wrong, RestoreMode::Recover);
    // One machine gives back to the first, the other one is off meanwhile.
    w.sync(0);
    w.restore_for(&right, RestoreMode::Recover);
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(2));
    assert_eq!(w.server_value(&alice(), 2, "f"), Some(3));
    assert!(w.machines.iter().all(|machine| machine.snapshots.is_empty()));
}

#[test]
fn a_rollback_sets_aside_what_came_later_and_touches_no_other() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &sales(), 2, set(&[("f", 2)]));
    w.settle();
    w.edit(1, &alice(), 1, set(&[("g", 3)]));
    w.restore_for(&backup, RestoreMode::Rollback);
    w.settle();
    assert_eq!(w.server_value(&sales(), 2, "f"), None);
    assert_eq!(w.server_value(&alice(), 1, "g"), Some(3), "what was not sent yet goes on its way");
    for machine in &w.machines {
        let kept: Vec<_> = machine.snapshots.iter().map(|kept| (&kept.space, kept.reason)).collect();
        assert_eq!(kept, [(&sales(), Reason::Restored)]);
    }
}

#[test]
fn a_machine_turned_back_before_a_recovery_does_not_pass_for_its_other_self() {
    let mut w = World::new(2);
    w.settle();
    let backup = w.server.clone();
    let earlier = w.machines[1].clone();
    w.edit(1, &sales(), 1, set(&[("f", 2)]));
    w.sync(1);
    w.sync(0);
    w.machines[1] = earlier;
    // The same number of the same incarnation; and the server that could have told them apart has lost its disk.
    w.edit(1, &sales(), 1, set(&[("f", 3)]));
    w.restore_for(&backup, RestoreMode::Recover);
    w.sync(0);
    let _ = w.letter(1);
    w.settle();
    assert_eq!(w.server_value(&sales(), 1, "f"), Some(2));
    assert_eq!(w.superseded(&sales()).iter().map(lost).collect::<Vec<_>>(), [(Some("f"), Some(3))]);
}

#[test]
fn a_start_that_was_told_before_the_disk_was_lost_keeps_what_only_the_machine_has() {
    let mut w = World::new(1);
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    w.machines[0].stop();
    let letter = w.letter(0);
    let told = w.deliver(&letter);
    w.restore_for(&backup, RestoreMode::Recover);
    w.absorb(told);
    assert_eq!(w.sees(0, &alice(), 1, "f"), Some(1));
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(1));
}

#[test]
fn much_is_given_back_in_parts_before_anything_else_is_sent() {
    let mut w = World::new(2);
    w.settle();
    let backup = w.server.clone();
    for n in 1..=10 {
        w.edit(0, &alice(), n, set(&[("f", 1)]));
    }
    w.settle();
    w.restore_for(&backup, RestoreMode::Recover);
    w.prefix = 3;
    w.edit(0, &alice(), 1, set(&[("f", 2)]));
    w.round(0);
    let mut parts = 0;
    loop {
        let letter = w.letter(0);
        let Some(asked) = letter.request.spaces.iter().find(|asked| asked.space == alice()) else { break };
        let Some(giveback) = &asked.giveback else { break };
        assert!(asked.changes.is_empty() && giveback.records.len() <= 3);
        parts += 1;
        // Each part may arrive twice.
        let reply = w.deliver(&letter);
        let head = w.head(&alice());
        let _again = w.deliver(&letter);
        assert_eq!(w.head(&alice()), head, "a repeat changes nothing");
        w.absorb(reply);
    }
    assert_eq!(parts, 4);
    w.settle();
    assert_eq!(w.server_value(&alice(), 1, "f"), Some(2));
    assert_eq!(w.server.spaces[&alice()].records.len(), 10);
}

#[test]
fn a_copy_that_lost_something_without_noticing_is_healed_and_counted() {
    let mut w = World::new(2);
    for n in 1..=5 {
        w.edit(0, &alice(), n, set(&[("f", 1)]));
    }
    w.settle();
    let space = w.machines[1].spaces.get_mut(&alice()).unwrap();
    let gone = space.copy.remove(&record(3));
    space.head.digest.replace(record(3), gone.as_ref(), None);
    let mut wrong = space.copy[&record(4)].clone();
    wrong.fields.get_mut("f").unwrap().value = Some(Value::Int(7));
    space.head.digest.replace(record(4), space.copy.get(&record(4)), Some(&wrong));
    space.copy.insert(record(4), wrong);
    w.edit(1, &alice(), 6, set(&[("f", 1)]));
    w.page = 2;
    w.settle();
    assert_eq!(w.machines[1].spaces[&alice()].copy, w.server.spaces[&alice()].records);
    assert_eq!((w.machines[0].divergences, w.machines[1].divergences), (0, 1));
}

#[test]
fn digests_are_compared_after_a_rollback_too() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    let backup = w.server.clone();
    // A head above the backup's was told of, and nothing of it was kept.
    w.edit(1, &alice(), 9, Operation::Delete);
    w.settle();
    w.restore_for(&backup, RestoreMode::Rollback);
    w.settle();
    let space = w.machines[0].spaces.get_mut(&alice()).unwrap();
    let gone = space.copy.remove(&record(1));
    space.head.digest.replace(record(1), gone.as_ref(), None);
    w.edit(1, &alice(), 2, set(&[("f", 2)]));
    w.settle();
    assert_eq!(w.machines[0].divergences, 1);
    assert_eq!(w.sees(0, &alice(), 1, "f"), Some(1));
}

#[test]
fn a_machine_that_missed_what_was_forgotten_gets_the_whole_space() {
    let mut w = World::new(2);
    for n in 1..=5 {
        w.edit(0, &alice(), n, set(&[("f", 1)]));
    }
    w.settle();
    let earlier = w.machines[1].clone();
    w.edit(0, &alice(), 2, Operation::Delete);
    w.edit(0, &alice(), 3, set(&[("f", 2)]));
    w.settle();
    // What everybody has read is told with the next request.
    for machine in [0, 1] {
        w.edit(machine, &alice(), 5, set(&[("g", 1)]));
        w.settle();
    }
    w.prune(&alice(), u64::MAX);
    assert!(w.at_server(&alice(), 2).is_none(), "everybody has read of its deletion");
    // A machine is put back to before it had.
    w.machines[1] = earlier;
    w.page = 2;
    w.edit(0, &alice(), 4, set(&[("g", 3)]));
    w.settle();
    assert_eq!(w.sees(1, &alice(), 2, "f"), None);
    assert_eq!(w.sees(1, &alice(), 3, "f"), Some(2));
    assert_eq!(w.machines[1].spaces[&alice()].copy, w.server.spaces[&alice()].records);
}

#[test]
fn nothing_is_forgotten_that_a_member_has_not_read() {
    let mut w = World::new(2);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    w.edit(0, &alice(), 1, Operation::Delete);
    w.sync(0);
    w.sync(0);
    w.prune(&alice(), u64::MAX);
    assert!(w.at_server(&alice(), 1).is_some(), "the other machine has not read of it");
    w.settle();
    // What everybody has read is told with the next request.
    w.edit(0, &alice(), 2, set(&[("f", 1)]));
    w.settle();
    w.edit(1, &alice(), 2, set(&[("f", 2)]));
    w.settle();
    w.prune(&alice(), u64::MAX);
    assert!(w.at_server(&alice(), 1).is_none());
}

#[test]
fn a_new_member_of_a_space_that_forgets_creates_entries_before_it_has_read_any() {
    let mut w = World::new(1);
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.edit(0, &alice(), 1, Operation::Delete);
    w.sync(0);
    w.edit(0, &alice(), 2, set(&[("f", 1)]));
    w.sync(0);
    w.edit(0, &alice(), 2, set(&[("f", 2)]));
    w.sync(0);
    w.prune(&alice(), u64::MAX);
    let (opening, incarnation) = (w.draw(), w.draw());
    let machine = world::machine_id(1);
    let mut late = sync_core::replica::memory::Memory::new(
        machine,
        sync_core::id::Opening(opening),
        sync_core::id::Incarnation(incarnation),
    );
    late.join(&alice(), false);
    w.machines.push(late);
    let enrolled = w.server.machines.values().next().unwrap().clone();
    w.server.machines.insert(machine, sync_core::server::Machine { token: [9; 32], ..enrolled });
    w.join(1, &alice());
    w.edit(1, &alice(), 7, set(&[("f", 5)]));
    w.settle();
    assert_eq!(w.server_value(&alice(), 7, "f"), Some(5));
    assert!(w.superseded(&alice()).is_empty());
}

#[test]
fn a_giveback_of_no_epoch_that_a_recovery_ended_is_not_taken() {
    let mut w = World::new(2);
    w.settle();
    let backup = w.server.clone();
    w.edit(0, &alice(), 1, set(&[("f", 1)]));
    w.settle();
    w.restore_for(&backup, RestoreMode::Recover);
    w.round(0);
    w.round(0);
    let mut letter = w.letter(0);
    let asked = letter.request.spaces.iter_mut().find(|asked| asked.space == alice()).unwrap();
    asked.giveback.as_mut().unwrap().epoch = asked.epoch.unwrap();
    let reply = w.deliver(&letter);
    let said = reply.answer.spaces.iter().find(|said| said.space == alice()).unwrap();
    assert!(matches!(said.reply, Said::Epoch { shared: None, .. }));
    assert_eq!(w.head(&alice()), 0);
    w.absorb(reply);
    assert_eq!(w.machines[0].snapshots.len(), 1, "it is kept all the same");
}

type Live = BTreeMap<RecordId, BTreeMap<String, Value>>;

fn live(w: &World, space: &SpaceName) -> Live {
    let records = w.server.spaces.get(space).map(|space| space.records.clone()).unwrap_or_default();
    records.into_iter().filter_map(|(id, record)| Some((id, record.into_live()?))).collect()
}

fn kept(w: &World, space: &SpaceName) -> Vec<(Option<String>, Option<i64>)> {
    let name = |kept: &Superseded| match &kept.what {
        Lost::Field(name, _) => Some(name.clone()),
        Lost::Deletion => None,
    };
    let mut kept: Vec<_> = w.superseded(space).iter().map(|kept| (name(kept), lost(kept).1)).collect();
    kept.sort();
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Where every machine had read everything when the disk was lost, nothing of it is missing afterwards, whatever the
    /// age of the backup and whoever comes first.
    #[test]
    fn what_everybody_had_read_is_back_after_a_recovery(
        before in prop::collection::vec((0..3_usize, 1..4_u128, 0..4_usize, any::<bool>()), 0..12),
        after in prop::collection::vec((0..3_usize, 1..4_u128, 0..4_usize, any::<bool>()), 0..12),
        order in Just([0_usize, 1, 2]).prop_shuffle(),
        prefix in 1..4_usize,
    ) {
        let mut w = World::new(3);
        let mut next = 0;
        let mut play = |w: &mut World, steps: &[(usize, u128, usize, bool)]| {
            for (machine, n, field, syncs) in steps {
                next += 1;
                match ["f", "g", "h"].get(*field) {
                    Some(field) => w.edit(*machine, &alice(), *n, set(&[(field, next)])),
                    None => w.edit(*machine, &alice(), *n, Operation::Delete),
                };
                if *syncs {
                    w.sync(*machine);
                }
            }
        };
        play(&mut w, &before);
        let backup = w.server.clone();
        play(&mut w, &after);
        w.settle();
        let (stood, superseded) = (live(&w, &alice()), kept(&w, &alice()));
        w.restore_for(&backup, RestoreMode::Recover);
        w.prefix = prefix;
        for machine in order {
            w.sync(machine);
        }
        w.settle();
        prop_assert_eq!(live(&w, &alice()), stood);
        prop_assert_eq!(kept(&w, &alice()), superseded);
        for machine in &w.machines {
            prop_assert!(machine.snapshots.is_empty());
            prop_assert_eq!(&machine.spaces[&alice()].copy, &w.server.spaces.get(&alice()).map(|s| s.records.clone()).unwrap_or_default());
        }
    }
}

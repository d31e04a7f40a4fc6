//! The whole product of roles, states, destinations, operations and items: `decide` against the reference model.

#![allow(clippy::unwrap_used)]

extern crate alloc;

// It is `pub` for the whole-system tests; here it is a room of the test.
#[allow(unreachable_pub)]
#[path = "../../../tests/harness/rules_model.rs"]
mod rules_model;

use alloc::collections::BTreeMap;
use rules_model::{every_question, expected, items};
use sync_core::{
    item::Item,
    machine::{Machine, PolicyPassword},
    rules::{Question, decide},
    time::Timestamp,
};

#[test]
fn every_answer_is_the_model_s() {
    let mut counted: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    every_question(|asked| {
        let mut machine = Machine::new(
            asked.role.parse().unwrap(),
            asked.state.parse().unwrap(),
            asked.destination.parse().unwrap(),
        )
        .with_administrator(asked.administrator)
        .with_home_screen(true)
        .with_policy_password(PolicyPassword::NotSet);
        let mut question =
            Question::new(asked.operation.parse().unwrap(), asked.item.parse().unwrap(), Timestamp(0));
        if let Some((source, here)) = asked.languages {
            machine = machine.with_display_language(here);
            question = question.with_source_language(source);
        }
        let answer = decide(&machine, &question);
        let got = answer.as_ref().err().map(|denied| (denied.code.as_str(), denied.rule.as_str()));
        assert_eq!(got, expected(asked), "{asked:?}: {answer:?}");
        *counted.entry(got.map(|(code, _)| code)).or_default() += 1;
    });
    // A model that never says something has not judged it.
    for code in [
        None,
        Some("not_batch"),
        Some("not_individual"),
        Some("administrator_required"),
        Some("synchronizing"),
        Some("destination_not_localhost"),
        Some("language_differs"),
    ] {
        assert!(counted.get(&code).is_some_and(|count| *count > 100), "{code:?}: {counted:?}");
    }
}

#[test]
fn the_items_are_the_model_s() {
    let mut names = Item::NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(names, items());
}

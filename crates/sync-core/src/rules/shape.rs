//! Rules 2 and 3: an item is asked for individually or in a batch, as the table of items has it.

use super::{Code, Finding, Operation, Question, Step, Way};
use crate::{item::Item, machine::Machine};
use alloc::{boxed::Box, format, vec};

/// What of a batch carries an item that is no batch item of its own.
const CARRIED_BY: &[(Item, Item)] = &[(Item::PersonalAddressList, Item::PersonalSettings)];

/// Asked first, whatever the machine's state: the question itself is wrong.
pub(super) fn ask(_: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    let Question { operation, item, .. } = *question;
    let row = item.row();
    let (code, why) = match operation.is_batch() {
        true if !row.batch => (Code::NotBatch, "is not an item of a batch"),
        false if !row.individual => (Code::NotIndividual, "exists only in a batch"),
        _ => return None,
    };
    let carrier = CARRIED_BY.iter().find_map(|(part, whole)| (*part == item).then_some(*whole));
    let (instead, title) = match (code, carrier) {
        (Code::NotBatch, Some(whole)) => {
            ((operation, whole), format!("in a batch, as part of {}", whole.title()))
        }
        (Code::NotBatch, None) => ((operation.individually(), item), "individually".into()),
        _ => ((operation.in_batch(), item), "in a batch".into()),
    };
    let finding = Finding::new(
        code,
        format!("`{}` {why}: it can't be {}", item.title(), operation.participle()),
        vec![Way::new(title, vec![Step::AskFor(instead.0, instead.1)])],
    );
    Some(Box::new(Finding { instead: Some(instead), ..*finding }))
}

/// What to ask for individually where `item` is wanted: itself, or the part of it that is an individual item.
pub(super) fn individual_part(operation: Operation, item: Item) -> (Operation, Item) {
    let part = CARRIED_BY.iter().find_map(|(part, whole)| (*whole == item).then_some(*part));
    (operation.individually(), part.unwrap_or(item))
}

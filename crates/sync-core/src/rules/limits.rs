//! Rule 10: what the machine would hold. The figures are the profile's.

use super::{Code, Finding, Question, Step, Way};
use crate::{machine::Machine, profile::Limit};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

/// Every number that the question states is compared with its limit, whatever the item.
pub(super) fn ask(_: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    let limits = &question.profile.limits;
    if !question.operation.is_import() || !question.would_hold.exceeds(limits) {
        return None;
    }
    let over: Vec<(Limit, u64, u64)> = question.would_hold.over(limits).collect();
    let named: Vec<String> = over
        .iter()
        .map(|(limit, held, most)| format!("{held} {}, and {most} is the most", limit.title()))
        .collect();
    let steps = over.iter().map(|(limit, held, most)| Step::RemoveEntries(*limit, held - most)).collect();
    Some(Finding::new(
        Code::OverLimit,
        format!("this machine would hold {}", named.join("; ")),
        vec![Way::new("with less to hold", steps)],
    ))
}

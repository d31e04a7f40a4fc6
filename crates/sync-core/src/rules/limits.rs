//! Rule 10: what the machine would hold. The figures are the profile's.

use super::{Code, Denied, Finding, Question, Step, Way};
use crate::{
    machine::Machine,
    profile::{Limit, PerLimit, Profile},
};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

/// Every number that the question states is compared with its limit, whatever the item.
pub(super) fn ask(_: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    if question.operation.is_import() { over(&question.profile.limits, question.would_hold) } else { None }
}

/// The same of an import that was planned, and so was asked of every other rule before.
///
/// # Errors
/// [`Denied`], with what is over and by how much.
pub fn decide_limits(profile: &Profile, would_hold: PerLimit) -> Result<(), Denied> {
    over(&profile.limits, would_hold).map_or(Ok(()), |finding| Err((*finding).into()))
}

fn over(limits: &PerLimit, would_hold: PerLimit) -> Option<Box<Finding>> {
    if !would_hold.exceeds(limits) {
        return None;
    }
    let over: Vec<(Limit, u64, u64)> = would_hold.over(limits).collect();
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

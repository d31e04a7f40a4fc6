//! Rule 9: personalized data is prepared before it is imported or exported while the machine synchronizes, where the
//! profile wants that.

use super::{Code, Finding, Question, Step, Way};
use crate::{
    machine::{Machine, Role},
    profile::Profile,
};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

/// Whether the profile wants a preparation that there was not, or too long ago.
pub(super) fn is_missing(machine: &Machine, question: &Question<'_>) -> bool {
    let preparation = &question.profile.preparation;
    preparation.required
        && !machine
            .prepared
            .is_some_and(|at| at <= question.now && question.now.since(at) <= preparation.window)
}

/// How a preparation is done: in parts, where the profile bounds how many are prepared at once.
pub(super) fn step(profile: &Profile) -> Step {
    profile.preparation.most_at_once.map_or(Step::Prepare, Step::PrepareInParts)
}

/// Asked after rule 6: it speaks of what that rule allows while the machine synchronizes.
pub(super) fn ask(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    // Where rule 6 refuses, its own ways lead over a preparation.
    let spoken_of = question.profile.preparation.required
        && machine.synchronizes()
        && question.item.is_personalized()
        && super::synchronization::allows(machine, question);
    (spoken_of && is_missing(machine, question)).then(|| {
        let window = match question.profile.preparation.window.as_secs() {
            seconds if seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
            seconds => format!("{seconds} seconds"),
        };
        Finding::new(
            Code::NotPrepared,
            format!(
                "{} can be {} while this machine synchronizes only for {window} after the personalized data \
                 was prepared{}",
                question.item.title(),
                question.operation.participle(),
                last(machine, question)
            ),
            vec![Way::new("with the personalized data prepared", vec![step(question.profile)])],
        )
    })
}

/// Of whom it is missing, and when there last was one.
fn last(machine: &Machine, question: &Question<'_>) -> String {
    match (question.least_prepared, machine.prepared) {
        (None, None) => String::new(),
        (None, Some(at)) => format!("; that was last at {at}"),
        (Some(space), None) => format!("; that of the {} {} never was", space.kind.as_str(), space.name),
        (Some(space), Some(at)) => {
            format!("; that of the {} {} was last at {at}", space.kind.as_str(), space.name)
        }
    }
}

/// Beside rule 1: the machine must be its own server.
pub(super) fn ask_here(machine: &Machine) -> Option<Box<Finding>> {
    if machine.is_its_own_server() {
        return None;
    }
    let mut ways = Vec::with_capacity(2);
    if machine.role == Role::ServerWithClient {
        ways.push(Way::new(
            "with the destination localhost:8443, where this machine's own server function is meant",
            vec![Step::SetDestinationToOwnServer],
        ));
    }
    ways.push(Way::new(
        "on the server machine whose destination is localhost:8443",
        vec![Step::GoToServerMachine],
    ));
    Some(Finding::new(
        Code::PrepareElsewhere,
        "personalized data is prepared only on a machine that is server and client and whose destination server address is \
         localhost:8443"
            .into(),
        ways,
    ))
}

/// The profile may bound how many are prepared at once.
pub(super) fn ask_count(profile: &Profile, how_many: u64) -> Option<Box<Finding>> {
    let most = profile.preparation.most_at_once.filter(|most| how_many > *most)?;
    Some(Finding::new(
        Code::TooManyToPrepare,
        format!("{how_many} users and groups are to be prepared, and {most} is the most at once"),
        vec![Way::new("in parts", vec![Step::PrepareInParts(most)])],
    ))
}

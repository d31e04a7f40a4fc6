//! Rule 1: who may ask.

use super::{Act, Code, Finding, Operation, Question, Step, Way};
use crate::{item::Item, machine::Machine};
use alloc::{boxed::Box, format, string::String, vec};

/// Every import and export needs administrator privileges, exports included, as the vendor's manuals say. A profile may
/// let people export their own personal address lists.
pub(super) fn ask(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    let own_list = question.own
        && question.operation == Operation::Export
        && question.item == Item::PersonalAddressList
        && question.profile.export_own_list;
    (!machine.administrator && !own_list).then(|| {
        finding(format!(
            "{} can be {} only with administrator privileges",
            question.item.title(),
            question.operation.participle()
        ))
    })
}

pub(super) fn ask_act(machine: &Machine, act: Act) -> Option<Box<Finding>> {
    (!machine.administrator).then(|| finding(format!("`{act}` needs administrator privileges")))
}

fn finding(message: String) -> Box<Finding> {
    Finding::new(
        Code::AdministratorRequired,
        message,
        vec![Way::new("as the administrator", vec![Step::LogInAsAdministrator])],
    )
}

//! Rule 1: who may ask.

use super::{Act, Code, Finding, Question, Step, Way};
use crate::machine::Machine;
use alloc::{format, string::String, vec};

/// Every import and export needs administrator privileges, exports included, as the vendor's manuals say.
pub(super) fn ask(machine: &Machine, question: &Question<'_>) -> Option<Finding> {
    (!machine.administrator).then(|| {
        finding(format!(
            "{} can be {} only with administrator privileges",
            question.item.title(),
            question.operation.participle()
        ))
    })
}

pub(super) fn ask_act(machine: &Machine, act: Act) -> Option<Finding> {
    (!machine.administrator).then(|| finding(format!("`{act}` needs administrator privileges")))
}

fn finding(message: String) -> Finding {
    Finding {
        code: Code::AdministratorRequired,
        message,
        ways: vec![Way::new("as the administrator", vec![Step::LogInAsAdministrator])],
        instead: None,
    }
}

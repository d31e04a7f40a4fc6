//! Rule 4: the same display language at source and destination.

use super::{Code, Finding, NothingDoes, Question, Step, Way};
use crate::{catalogue::is_language, machine::Machine};
use alloc::{boxed::Box, format, vec::Vec};

/// A file that does not say its language, such as an address book as CSV, is not held to it. A machine whose language
/// is not known can't be shown to have the same.
pub(super) fn ask(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    if !question.operation.is_import() {
        return None;
    }
    let source = question.source_language?.trim();
    let here = machine.display_language.as_deref().map(str::trim).filter(|here| !here.is_empty());
    if here.is_some_and(|here| here.eq_ignore_ascii_case(source)) {
        return None;
    }
    let message = format!(
        "the file was exported with the display language `{source}`, and this machine's is {}",
        here.map_or("not known".into(), |here| format!("`{here}`"))
    );
    let mut ways = Vec::new();
    // What is no language at all, no machine can be set to.
    if is_language(source) {
        ways.push(Way::new(
            "with the display language of the file set here",
            [Step::SetDisplayLanguage(source.into())].into(),
        ));
    }
    if let Some(here) = here {
        ways.push(Way::new(
            "with the file exported again in the display language of this machine",
            [Step::ExportAgain(here.into())].into(),
        ));
    }
    Some(if ways.is_empty() {
        Finding::hopeless(Code::LanguageDiffers, message, NothingDoes::NoLanguage)
    } else {
        Finding::new(Code::LanguageDiffers, message, ways)
    })
}

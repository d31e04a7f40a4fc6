//! Rule 3's footnotes, and the items that a machine has at all.

use super::{Code, Finding, NothingDoes, Question, Step, Way};
use crate::{item::Footnote, machine::Machine};
use alloc::{boxed::Box, format, vec};

/// An item that the profile does not have can be neither imported nor exported.
pub(super) fn ask_supported(_: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    question.profile.unsupported.contains(question.item).then(|| {
        Finding::hopeless(
            Code::ItemNotSupported,
            format!("{} is no item of this machine", question.item.title()),
            NothingDoes::ItemNotSupported,
        )
    })
}

/// (1): only to a machine that has a Home screen.
pub(super) fn ask_home_screen(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    let needed =
        question.operation.is_import() && question.item.row().footnotes.contains(&Footnote::NeedsHomeScreen);
    (needed && !machine.home_screen).then(|| {
        Finding::hopeless(
            Code::HomeScreenRequired,
            format!("{} goes only to a machine that has a Home screen", question.item.title()),
            NothingDoes::NoHomeScreen,
        )
    })
}

/// (2), and the same of the personal settings: the profile names the models from which they are not taken. The Shared
/// buttons lie among the Home settings, which are refused with them.
pub(super) fn ask_source_model(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    // Most profiles refuse nothing.
    if question.profile.refusals.is_empty() || !question.operation.is_import() {
        return None;
    }
    let refusal = question.profile.refusal(question.item)?;
    let (source, own) = (question.source_model, machine.model.as_deref());
    if refusal.accepts(source, own) {
        return None;
    }
    let message = format!(
        "this machine does not take {} from {}",
        question.item.title(),
        source.map_or("a file that does not say its model".into(), |model| format!("the model `{model}`"))
    );
    let model = own.filter(|own| refusal.accepts(Some(own), Some(own)));
    if model.is_none() && refusal.others {
        return Some(Finding::hopeless(Code::ModelRefused, message, NothingDoes::ModelRefused));
    }
    let step =
        Step::ImportFromAnotherSource { model: model.map(Into::into), refused: refusal.models.clone() };
    Some(Finding::new(
        Code::ModelRefused,
        message,
        vec![Way::new("with a file of a model that is not refused", vec![step])],
    ))
}

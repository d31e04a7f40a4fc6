//! Rule 5: the security policy password.

use super::{Code, Finding, Question, Step, Way};
use crate::{
    item::Footnote,
    machine::{Machine, PolicyPassword},
};
use alloc::{boxed::Box, vec, vec::Vec};

/// Imported where the passwords match, or where this machine has none. A password of which nothing is known is taken as
/// another one.
pub(super) fn ask(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    if !question.operation.is_import()
        || !question.item.row().footnotes.contains(&Footnote::PolicyPassword)
        || machine.policy_password == PolicyPassword::NotSet
    {
        return None;
    }
    let (source, here) = (&question.source_policy_password, &machine.policy_password);
    if source.matches(here) || (question.policy_password_proved && source.is_set() && here.is_set()) {
        return None;
    }
    let mut ways = Vec::with_capacity(3);
    if source.is_set() {
        ways.push(Way::new(
            "with the security policy password of the source set here",
            vec![Step::SetPolicyPassword],
        ));
    }
    if here.is_set() {
        ways.push(Way::new(
            "with the file exported again under the security policy password of this machine",
            vec![Step::SetSourcePolicyPassword],
        ));
    }
    ways.push(Way::new("with no security policy password here", vec![Step::RemovePolicyPassword]));
    let message = match (source, here) {
        (_, PolicyPassword::NotKnown) => {
            "whether this machine has a security policy password is not known, so the file's can't be shown to be the same"
        }
        (PolicyPassword::Set(_), _) => {
            "the security policy password of this machine is not shown to be that of the file"
        }
        (PolicyPassword::NotSet, _) => {
            "this machine has a security policy password, and the source of the file has none"
        }
        (PolicyPassword::NotKnown, _) => {
            "this machine has a security policy password, and the file does not say its own"
        }
    };
    Some(Finding::new(Code::PolicyPasswordDiffers, message.into(), ways))
}

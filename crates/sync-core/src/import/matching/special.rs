//! What is special about types of records.

use crate::{
    catalogue::RecordType,
    import::{mode::RestMode, whole::Terms},
    value::Value,
};

/// What is special about a type of records.
pub(super) struct Special {
    /// The type.
    name: &'static str,
    /// Whether a file always replaces it, in whatever mode.
    always_replaced: bool,
    /// Whether a file without any entry of the type changes nothing, even one that holds all.
    pub(super) empty_changes_nothing: bool,
    /// What is said of some of its records.
    pub(super) protected: Option<Protected>,
}

/// Records that no import removes.
#[derive(Debug, Clone, Copy)]
pub(in crate::import) struct Protected {
    /// The flag that they have set; the machine's own, which no file sets or unsets.
    pub(in crate::import) flag: &'static str,
    /// What a file doesn't change of them either.
    pub(in crate::import) kept: &'static [&'static str],
}

impl Protected {
    /// Whether a record is one.
    pub(in crate::import) fn has(&self, flag: Option<&Value>) -> bool {
        flag == Some(&Value::Bool(true))
    }
}

const ORDINARY: Special =
    Special { name: "", always_replaced: false, empty_changes_nothing: false, protected: None };
/// As administrators know it from such machines.
const SPECIAL: [Special; 2] = [
    // In both: all but the counter is taken; only in the file: added; only in the machine: deleted.
    Special { name: "department", always_replaced: true, empty_changes_nothing: true, ..ORDINARY },
    // A file could otherwise leave nobody who administers the machine.
    Special {
        name: "login-user",
        protected: Some(Protected { flag: "built_in", kept: &["name", "role", "enabled"] }),
        ..ORDINARY
    },
];

pub(super) fn special(known: &RecordType) -> &'static Special {
    SPECIAL.iter().find(|special| special.name == known.name).unwrap_or(&ORDINARY)
}

/// Which of its records no import removes.
pub(in crate::import) fn protected(known: &RecordType) -> Option<Protected> {
    special(known).protected
}

/// Whether a type is replaced.
pub(in crate::import) fn rest_mode(known: &RecordType, terms: &Terms) -> RestMode {
    if special(known).always_replaced { RestMode::Replace } else { terms.modes.rest }
}

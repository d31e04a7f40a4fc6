//! Which entries of a file are taken, by the rules of their list or type.

use super::{
    Fields, Incoming, Packed,
    gather::Gathered,
    matching::{Arrival, MASK, Side, Way},
    mode::ListMode,
    scope::Class,
    whole::{Problem, Terms},
};
use crate::{
    address::Likeness,
    catalogue::{self, InFile, Secret},
    files::Note,
    id::RecordId,
    value::Value,
};
use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

/// What is taken of a file, and what is said of the rest.
pub(super) struct Admitted {
    pub(super) arrivals: Vec<Arrival>,
    pub(super) notes: Vec<Note>,
    pub(super) problems: Vec<Problem>,
    /// How many entries are none of the item's.
    pub(super) foreign: usize,
}

/// Takes the entries that fit.
pub(super) fn admit(gathered: &Gathered, incoming: Vec<Incoming>, terms: &Terms) -> Admitted {
    let mut admission = Admission {
        gathered,
        terms,
        notes: Vec::new(),
        problems: Vec::new(),
        overwritten: 0,
        seen: BTreeSet::new(),
        foreign: 0,
    };
    let mut arrivals: Vec<Arrival> = Vec::new();
    for entry in incoming {
        if let Some(class) = admission.class(&entry) {
            let Incoming { line, source, fields } = entry;
            let id = RecordId(uuid::Uuid::nil());
            arrivals.push(Arrival { line, source, fields, class, found: None, id, kin: true });
        }
    }
    let Admission { mut notes, problems, foreign, overwritten, .. } = admission;
    if overwritten > 0 {
        let text = format!(
            "{overwritten} entries are of the one-touch list, whose buttons have fixed numbers: each takes the place of the \
             one with its number, where the others come beside what is there"
        );
        notes.push(Note::new(None, "one_touch_overwritten", text));
    }
    Admitted { arrivals, notes, problems, foreign }
}

/// What of a file is taken, by the rules of its list or type.
struct Admission<'a> {
    gathered: &'a Gathered,
    terms: &'a Terms,
    notes: Vec<Note>,
    problems: Vec<Problem>,
    /// How many entries go by their numbers, since nothing can be appended to their list.
    overwritten: usize,
    seen: BTreeSet<Likeness>,
    foreign: usize,
}

impl Admission<'_> {
    fn problem(&mut self, entry: &Incoming, code: &'static str, field: Option<String>, text: String) {
        self.problems.push(Problem {
            code,
            item: Some(self.gathered.item),
            space: Some(self.gathered.space.clone()),
            line: entry.line,
            record: entry.source,
            field,
            text,
        });
    }

    /// What the entry is, if it is taken.
    fn class(&mut self, entry: &Incoming) -> Option<Class> {
        let Some(class) = self.gathered.scope.class(&entry.fields) else {
            self.foreign += 1;
            return None;
        };
        if class.in_file() == InFile::No {
            let text = format!("{} does not go to another machine; it stays out", name(&entry.fields));
            self.notes.push(Note::new(entry.line, "not_for_files", text));
            return None;
        }
        if let Err(unfit) = fits(class, &entry.fields.fields()) {
            let text = format!("{}: {unfit}", name(&entry.fields));
            self.problem(entry, "value_refused", unfit.field, text);
            return None;
        }
        let lists = self.terms.of_list(&self.gathered.space, &entry.fields).modes.lists;
        if class == Class::Address && lists != self.terms.modes.lists {
            self.overwritten += 1;
        }
        let once = match class {
            Class::Setting(_) => Some(Way::Setting),
            Class::Typed(known) if !known.identity.is_empty() => Some(Way::Identity),
            Class::Address if lists == ListMode::Overwrite => Some(Way::Number),
            _ => None,
        };
        let side = Side::empty(&self.gathered.space);
        if let Some(key) = once.and_then(|way| side.key(way, class, entry.source, &entry.fields, true))
            && !self.seen.insert(key)
        {
            let text = format!("{} is in the file twice; the first one counts", name(&entry.fields));
            self.notes.push(Note::new(entry.line, "duplicate_in_file", text));
            return None;
        }
        Some(class)
    }
}

/// What people call an entry, in a remark.
pub(super) fn name(fields: &Packed) -> String {
    format!("`{}`", super::plan::shown_name(fields, None))
}

/// Whether the values of an entry fit. A masked password is none.
fn fits(class: Class, fields: &Fields) -> Result<(), catalogue::Unfit> {
    match class {
        Class::Setting(Some(setting)) => match fields.get("value") {
            Some(value) => setting.check(value).map_err(|unfit| unfit.in_field(setting.name)),
            None => Ok(()),
        },
        Class::Typed(_) | Class::Address => {
            let masked = fields.iter().any(|(name, value)| is_masked(fields, name, value));
            if !masked {
                return catalogue::check(fields);
            }
            let plain = |(name, value): &(&String, &Value)| !is_masked(fields, name, value);
            catalogue::check(
                &fields.iter().filter(plain).map(|(name, value)| (name.clone(), value.clone())).collect(),
            )
        }
        Class::Setting(None) | Class::Unknown => Ok(()),
    }
}

/// Whether a field holds stars in place of a secret.
pub(super) fn is_masked(fields: &Fields, name: &str, value: &Value) -> bool {
    value.as_text() == Some(MASK) && catalogue::secrecy(fields, name) != Secret::No
}

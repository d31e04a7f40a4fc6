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
    address::{ADDRESS_TYPE, Likeness, TYPE_FIELD},
    catalogue::{
        self, InFile, SETTING_TYPE, Secret,
        address_book::{ADDRESS, LOCAL_SPACE},
    },
    files::Note,
    id::RecordId,
    space::SpaceName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

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
        without_list: 0,
        unusual: BTreeMap::new(),
        seen: BTreeSet::new(),
        foreign: 0,
    };
    let mut arrivals: Vec<Arrival> = Vec::new();
    for mut entry in incoming {
        admission.give_list(&mut entry);
        if let Some(class) = admission.class(&entry) {
            let Incoming { line, source, fields } = entry;
            let id = RecordId(uuid::Uuid::nil());
            arrivals.push(Arrival { line, source, fields, class, found: None, id, kin: true });
        }
    }
    let Admission { mut notes, problems, foreign, overwritten, without_list, unusual, .. } = admission;
    if without_list > 0 {
        let text = format!("{without_list} entries say no list of the machine: they come into list 1");
        notes.push(Note::new(None, "list_given", text));
    }
    for (field, Unusual { count, line, wanted }) in unusual {
        let text = format!(
            "{count} entries have a `{field}` that nobody could write at this machine, where it is {wanted}; they are kept \
             as they are"
        );
        notes.push(Note::new(line, "value_unusual", text));
    }
    if overwritten > 0 {
        let text = format!(
            "{overwritten} entries are of the one-touch list, whose buttons have fixed numbers: each takes the place of the \
             one with its number, where the others come beside what is there"
        );
        notes.push(Note::new(None, "one_touch_overwritten", text));
    }
    Admitted { arrivals, notes, problems, foreign }
}

/// Where entries of the machine's lists come that say none.
const FIRST_LIST: i64 = 1;

/// Values of one field that nobody could write at this machine.
struct Unusual {
    count: usize,
    /// Where the first one is.
    line: Option<u64>,
    wanted: String,
}

/// What of a file is taken, by the rules of its list or type.
struct Admission<'a> {
    gathered: &'a Gathered,
    terms: &'a Terms,
    notes: Vec<Note>,
    problems: Vec<Problem>,
    /// How many entries go by their numbers, since nothing can be appended to their list.
    overwritten: usize,
    /// How many entries of the machine's lists say none.
    without_list: usize,
    /// What nobody could write at this machine, by field.
    unusual: BTreeMap<&'static str, Unusual>,
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

    /// An entry of the machine's own lists is in one of them.
    fn give_list(&mut self, entry: &mut Incoming) {
        let own = self.gathered.space == SpaceName::local(LOCAL_SPACE) && !self.terms.any_list;
        if own && entry.fields.text(TYPE_FIELD) == Some(ADDRESS_TYPE) && entry.fields.get("list").is_none() {
            let mut fields = entry.fields.fields();
            fields.insert("list".into(), FIRST_LIST.into());
            entry.fields = Packed::from(&fields);
            self.without_list += 1;
        }
    }

    fn note_unusual(&mut self, class: Class, entry: &Incoming, fields: &Fields) {
        let known = match class {
            Class::Address => &ADDRESS,
            Class::Typed(known) => known,
            Class::Setting(_) | Class::Unknown => return,
        };
        let own = self.gathered.space == SpaceName::local(LOCAL_SPACE);
        for unfit in catalogue::unusual(fields) {
            let Some(field) = unfit.field.as_deref().and_then(|name| known.field(name)) else { continue };
            // In a person's or a group's list, these numbers are the source's own.
            if own || !["list", "number"].contains(&field.name) {
                let first = || Unusual { count: 0, line: entry.line, wanted: unfit.wanted.clone() };
                self.unusual.entry(field.name).or_insert_with(first).count += 1;
            }
        }
    }

    /// What the entry is, if it is taken.
    fn class(&mut self, entry: &Incoming) -> Option<Class> {
        if entry.fields.text(TYPE_FIELD).is_none() {
            let text = format!(
                "{}: the record has no `type`, so that nobody can tell what it is",
                name(&entry.fields)
            );
            self.problem(entry, "type_missing", Some(TYPE_FIELD.into()), text);
            return None;
        }
        if entry.fields.text(TYPE_FIELD) == Some(SETTING_TYPE)
            && entry.fields.text("name").is_none_or(str::is_empty)
        {
            let text = "a setting has no `name`, so that nobody can tell which one it is".to_string();
            self.problem(entry, "setting_without_name", Some("name".into()), text);
            return None;
        }
        let Some(class) = self.gathered.scope.class(&entry.fields) else {
            self.foreign += 1;
            return None;
        };
        if class.in_file() == InFile::No {
            let text = format!("{} does not go to another machine; it stays out", name(&entry.fields));
            self.notes.push(Note::new(entry.line, "not_for_files", text));
            return None;
        }
        let fields = entry.fields.fields();
        if is_unusable(class, &fields) && fits(class, &fields).is_ok() {
            let text = format!(
                "{}: this machine can't use the value; it keeps it, and its own default holds here",
                name(&entry.fields)
            );
            self.notes.push(Note::new(entry.line, "value_not_usable", text));
        }
        if let Err(unfit) = fits(class, &fields) {
            let text = format!("{}: {unfit}", name(&entry.fields));
            self.problem(entry, "value_refused", unfit.field, text);
            return None;
        }
        self.note_unusual(class, entry, &fields);
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

/// Whether a setting's value is one that this machine can't use: another model's, which it keeps.
fn is_unusable(class: Class, fields: &Fields) -> bool {
    let Class::Setting(Some(setting)) = class else { return false };
    fields.get("value").is_some_and(|value| setting.check(value).is_err())
}

/// Whether the values of an entry fit. A setting's value that another model could have set does. A masked password is none.
fn fits(class: Class, fields: &Fields) -> Result<(), catalogue::Unfit> {
    match class {
        Class::Setting(Some(setting)) => match fields.get("value") {
            Some(value) => setting.kind.check_form(value).map_err(|unfit| unfit.in_field(setting.name)),
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

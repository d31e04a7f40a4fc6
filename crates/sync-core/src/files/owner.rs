//! Whose list a row belongs to, and which rows an import takes.

use super::Note;
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt;
use serde::Serialize;

/// Whose list a row is in, as the file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Nobody's: one of the machine's own lists.
    #[default]
    None,
    /// A person's.
    Person {
        /// The user name; empty where the file names the person by other means only.
        user: String,
        /// The login domain.
        domain: Option<String>,
        /// The machine's own id of the person.
        personal_id: Option<String>,
    },
    /// A user group's.
    Group {
        /// The group's name.
        name: String,
    },
}

impl Owner {
    /// A person, by user name.
    #[must_use]
    pub fn person(user: &str) -> Self {
        Self::Person { user: user.into(), domain: None, personal_id: None }
    }

    /// A user group, by name.
    #[must_use]
    pub fn group(name: &str) -> Self {
        Self::Group { name: name.into() }
    }

    /// Where the row belongs.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::None => Place::Local,
            Self::Person { user, .. } => Place::Person(user.clone()),
            Self::Group { name } => Place::Group(name.clone()),
        }
    }
}

/// Where rows go: the machine's own lists, a person's list, a group's list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The machine's own lists, which never leave it.
    Local,
    /// A person's list, by user name.
    Person(String),
    /// A user group's list, by name.
    Group(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("the machine's own lists"),
            Self::Person(user) => write!(f, "user {user}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&match self {
            Self::Local => "local".into(),
            Self::Person(user) => format!("user/{user}"),
            Self::Group(name) => format!("group/{name}"),
        })
    }
}

/// Which rows an import takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Those of the machine's own lists.
    Local,
    /// Those of one person, or of all persons.
    Persons(Option<String>),
    /// Those of one group, or of all groups.
    Groups(Option<String>),
}

impl Target {
    /// Whether rows that belong there are taken.
    #[must_use]
    pub fn takes(&self, place: &Place) -> bool {
        match (self, place) {
            (Self::Local, Place::Local) => true,
            (Self::Persons(wanted), Place::Person(name)) | (Self::Groups(wanted), Place::Group(name)) => {
                wanted.as_ref().is_none_or(|wanted| wanted == name)
            }
            _ => false,
        }
    }
}

/// Rows by where they go, and the count of those that stay out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split<T> {
    /// The rows that are taken, in the order of the file.
    pub taken: BTreeMap<Place, Vec<T>>,
    /// How many stay out, by where they would have belonged.
    pub kept_out: BTreeMap<Place, usize>,
}

impl<T> Split<T> {
    /// Moves the rows of owners that `known` does not know out of those taken, with a note for each owner.
    pub fn keep_out_unknown(&mut self, known: impl Fn(&Place) -> bool) -> Vec<Note> {
        let mut notes = Vec::new();
        let kept_out = &mut self.kept_out;
        self.taken.retain(|place, rows| {
            let keep = *place == Place::Local || known(place);
            if !keep {
                *kept_out.entry(place.clone()).or_default() += rows.len();
                let text = format!("{place} is not known here; {} rows stay out", rows.len());
                notes.push(Note::new(None, "unknown_owner", text));
            }
            keep
        });
        notes
    }

    /// How many rows are taken.
    #[must_use]
    pub fn taken_count(&self) -> usize {
        self.taken.values().map(Vec::len).sum()
    }

    /// How many rows stay out.
    #[must_use]
    pub fn kept_out_count(&self) -> usize {
        self.kept_out.values().sum()
    }
}

/// Sorts rows by owner and takes those that `target` wants. Rows without an owner go to `unowned` if that is given;
/// otherwise only [`Target::Local`] takes them.
///
/// ```
/// use sync_core::files::{Owner, Place, Target, split};
/// let rows = [(Owner::None, 1), (Owner::person("alice"), 2), (Owner::group("sales"), 3)];
/// let taken = split(rows.iter().map(|(o, n)| (o, n)), &Target::Persons(None), None);
/// assert_eq!(taken.taken[&Place::Person("alice".into())], [&2]);
/// assert_eq!((taken.taken_count(), taken.kept_out_count()), (1, 2));
/// ```
pub fn split<'a, T>(
    rows: impl IntoIterator<Item = (&'a Owner, T)>,
    target: &Target,
    unowned: Option<&Place>,
) -> Split<T> {
    let mut split = Split { taken: BTreeMap::new(), kept_out: BTreeMap::new() };
    for (owner, row) in rows {
        let (place, taken) = match (owner, unowned) {
            (Owner::None, Some(place)) => (place.clone(), true),
            _ => {
                let place = owner.place();
                let taken = target.takes(&place);
                (place, taken)
            }
        };
        if taken {
            split.taken.entry(place).or_default().push(row);
        } else {
            *split.kept_out.entry(place).or_default() += 1;
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_an_owner_go_where_they_are_told() {
        let rows = [(Owner::None, 1), (Owner::person("alice"), 2), (Owner::group("sales"), 3)];
        let rows = || rows.iter().map(|(owner, n)| (owner, *n));
        let sales = Place::Group("sales".into());

        let local = split(rows(), &Target::Local, None);
        assert_eq!(local.taken[&Place::Local], [1]);
        assert_eq!(local.kept_out_count(), 2);

        let one = split(rows(), &Target::Groups(Some("sales".into())), Some(&sales));
        assert_eq!(one.taken[&sales], [1, 3]);

        let other = split(rows(), &Target::Groups(Some("support".into())), None);
        assert_eq!(other.taken_count(), 0);
        assert_eq!(other.kept_out[&sales], 1);
    }

    #[test]
    fn unknown_owners_are_reported_and_stay_out() {
        let alice = Owner::person("alice");
        let bob = Owner::person("bob");
        let mut split = split([(&alice, 1), (&bob, 2)], &Target::Persons(None), None);
        let notes = split.keep_out_unknown(|place| *place == alice.place());
        assert_eq!(notes.len(), 1);
        assert!(notes[0].text.contains("bob"));
        assert_eq!((split.taken_count(), split.kept_out_count()), (1, 1));
    }
}

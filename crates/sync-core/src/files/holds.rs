//! What a format can hold, as data: the one place that readers, writers, reports and documents ask.

use super::field::{Field, Slot};

/// What groups of a format hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// There are none.
    None,
    /// Entries.
    Flat,
    /// Entries and other groups.
    Nested,
}

/// What a format can hold. The writer of a format is only asked to write what its table allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// The kinds of destination, and how many of each one contact may have.
    pub slots: &'static [(Slot, usize)],
    /// How many destinations one contact may have altogether.
    pub together: usize,
    /// How many folders one contact may have, of whatever protocol.
    pub folders: usize,
    /// The fields, and how many characters each may have; 0 where no limit is known.
    pub fields: &'static [(Field, usize)],
    /// The name is made of its parts: there is no field for the whole.
    pub name_of_parts: bool,
    /// What groups hold.
    pub groups: Groups,
    /// A group is no row of its own: its members say that they are in it, and nothing else is said of it.
    pub groups_by_members: bool,
    /// Whether groups may name boxes and other things that are no entries.
    pub boxes: bool,
    /// Whether it has a place for a password that can be read.
    pub passwords: bool,
    /// The beginning of the name of the encryption whose passwords it carries; empty: of none.
    pub scheme: &'static str,
    /// Whether a row may say that it is in a person's list, and whether in a user group's.
    pub owners: (bool, bool),
    /// The least and the largest number of an entry, where each has one of its own.
    pub numbers: Option<(i64, i64)>,
    /// Whether a text may have line ends.
    pub lines: bool,
    /// What a contact that is no group can't be without.
    pub needs: Option<Slot>,
    /// The fields that a kind lacks, though others have them.
    pub lacks: &'static [(Slot, Field)],
    /// What the format says where an entry of a kind says nothing.
    pub usual: &'static [(Slot, Field, &'static str)],
    /// The fields whose limit counts a wide character, such as a Chinese one, twice.
    pub wide: &'static [Field],
    /// All fax numbers of a contact have the same settings.
    pub one_fax_line: bool,
    /// The fields that may only have certain words, and these.
    pub words: &'static [(Field, &'static [&'static str])],
    /// Whether an e-mail address must look like one: a name, an `@` and a server.
    pub mail_form: bool,
    /// Characters that no text may have: the format uses them between texts.
    pub forbidden: &'static [char],
    /// Whether these are all alike, so that a carriage return becomes a line feed.
    pub only_line_feeds: bool,
    /// What it keeps of an entry that only makes the structure of its own files, such as names and ids that it draws itself:
    /// that other formats lack it is no loss of what anybody knows of a person.
    pub structure: &'static [&'static str],
    /// How many contacts a file may have; 0 where no limit is known.
    pub most: usize,
}

/// Whether a text is nothing but an e-mail address.
#[must_use]
pub fn is_mail(text: &str) -> bool {
    let Some((name, server)) = text.trim().split_once('@') else { return false };
    let odd =
        |one: char| one.is_whitespace() || matches!(one, ',' | ';' | ':' | '<' | '>' | '(' | ')' | '"' | '@');
    !name.is_empty() && !server.is_empty() && !name.contains(odd) && !server.contains(odd)
}

impl Holds {
    /// Nothing, to begin a table with.
    pub const NOTHING: Self = Self {
        slots: &[],
        together: 1,
        folders: 1,
        fields: &[],
        name_of_parts: false,
        groups: Groups::None,
        groups_by_members: false,
        boxes: false,
        passwords: false,
        scheme: "",
        owners: (false, false),
        numbers: None,
        lines: false,
        needs: None,
        lacks: &[],
        usual: &[],
        wide: &[],
        one_fax_line: false,
        words: &[],
        mail_form: false,
        forbidden: &[],
        only_line_feeds: false,
        structure: &[],
        most: 0,
    };

    /// How many of a kind one contact may have.
    #[must_use]
    pub fn of_slot(&self, slot: Slot) -> usize {
        self.slots.iter().find(|(one, _)| *one == slot).map_or(0, |(_, most)| *most)
    }

    /// How many characters a field may have (0: no limit known); `None` where there is no such field.
    #[must_use]
    pub fn limit(&self, field: Field) -> Option<usize> {
        self.fields.iter().find(|(one, _)| *one == field).map(|(_, most)| *most)
    }

    /// Whether what it keeps by this name only makes the structure of its files.
    #[must_use]
    pub fn is_structure(&self, column: &str) -> bool {
        self.structure.iter().any(|one| one.eq_ignore_ascii_case(column))
    }

    /// As [`Holds::limit`], of an entry of one kind.
    #[must_use]
    pub fn limit_of(&self, slot: Slot, field: Field) -> Option<usize> {
        self.limit(field).filter(|_| !self.lacks.contains(&(slot, field)))
    }
}

//! What the columns of a plain CSV file mean: a mapping that people write, keep and choose.

use super::{
    FileError,
    columns::{Chosen, OF_KIND, Use},
    field::{Field, Slot},
    headings,
    holds::is_mail,
    table::rows,
};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// What a column means. As text: `keep`, `ignore`, or a field by its name (see [`Field::name`]), with the kind of its
/// destination before it where that is not the usual one, and a number after it from the second of its kind on:
/// `last-name`, `e-mail`, `e-mail 2`, `fax`, `ifax e-mail`, `smb folder-path`, `ftp folder-user`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Meaning {
    /// A field. The kind is there where each destination has one for itself; `place` counts those of a kind from 0.
    Field {
        /// The kind of destination; `None` for what a contact says of itself.
        slot: Option<Slot>,
        /// The field.
        field: Field,
        /// Which destination of the kind, from 0; less than 9.
        place: usize,
    },
    /// Nothing that is known here: the column comes back when the entry is written to such a file.
    Keep,
    /// Nothing: it is not read.
    Ignore,
}

/// The most destinations of one kind in one row.
pub(super) const PLACES: usize = 9;

/// The kinds that can be in a row, with their words.
const KINDS: [(Slot, &str); 7] = [
    (Slot::Mail, "mail"),
    (Slot::Fax, "fax"),
    (Slot::Ifax, "ifax"),
    (Slot::IpFax, "ipfax"),
    (Slot::Smb, "smb"),
    (Slot::Ftp, "ftp"),
    (Slot::WebDav, "webdav"),
];

/// The kind of whose destinations a field speaks if nothing is said.
fn usual_slot(field: Field) -> Option<Slot> {
    let slot = match field {
        Field::Mail => Slot::Mail,
        Field::FaxUri | Field::FaxUriMode | Field::FaxUriFlag => Slot::IpFax,
        Field::FolderHost
        | Field::FolderPort
        | Field::FolderPath
        | Field::LoginUser
        | Field::LoginPassword => Slot::Smb,
        _ => Slot::Fax,
    };
    OF_KIND.contains(&field).then_some(slot)
}

impl Meaning {
    /// A field of the contact, or of its first destination of the usual kind.
    #[must_use]
    pub fn of(field: Field) -> Self {
        Self::Field { slot: usual_slot(field), field, place: 0 }
    }

    pub(super) fn to_use(self) -> Use {
        match self {
            Self::Field { slot: Some(slot), field, place } => Use::Of(slot, place, field),
            Self::Field { slot: None, field, .. } => Use::Shared(field),
            Self::Keep => Use::Kept,
            Self::Ignore => Use::Ignored,
        }
    }

    /// Whether it leads anywhere by itself.
    pub(super) fn is_destination(self) -> bool {
        let Self::Field { field, .. } = self else { return false };
        matches!(
            field,
            Field::Mail | Field::FaxNumber | Field::FaxUri | Field::FolderHost | Field::FolderPath
        )
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Field { slot, field, place } = self else {
            return f.write_str(if *self == Self::Keep { "keep" } else { "ignore" });
        };
        if *slot != usual_slot(*field)
            && let Some((_, word)) = KINDS.iter().find(|(kind, _)| Some(*kind) == *slot)
        {
            write!(f, "{word} ")?;
        }
        f.write_str(field.name())?;
        if *place > 0 { write!(f, " {}", place + 1) } else { Ok(()) }
    }
}

impl From<Meaning> for String {
    fn from(meaning: Meaning) -> Self {
        meaning.to_string()
    }
}

impl TryFrom<String> for Meaning {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Meaning {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        match *words {
            ["keep"] => return Ok(Self::Keep),
            ["ignore"] => return Ok(Self::Ignore),
            _ => {}
        }
        let wrong = || {
            format!(
                "`{text}` is no meaning of a column: write keep, ignore, or a field such as e-mail, fax 2 or ftp folder-path"
            )
        };
        let place = words.last().and_then(|word| word.parse::<usize>().ok());
        if place.is_some() {
            words.pop();
        }
        let (kind, field) = match *words {
            [field] => (None, field),
            [kind, field] => (Some(kind), field),
            _ => return Err(wrong()),
        };
        let field = Field::named(field).ok_or_else(wrong)?;
        let slot = match (kind, usual_slot(field)) {
            (None, usual) => usual,
            (Some(_), None) => return Err(wrong()),
            (Some(word), Some(_)) => {
                let (slot, _) = KINDS.iter().find(|(_, kind)| *kind == word).ok_or_else(wrong)?;
                Some(*slot)
            }
        };
        let place = match place {
            None => 0,
            Some(place @ 1..=PLACES) if slot.is_some() => place - 1,
            Some(_) => return Err(wrong()),
        };
        Ok(Self::Field { slot, field, place })
    }
}

/// A column of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedColumn {
    /// Its name, as it stands in the file's first line; compared trimmed and without regard to case.
    pub heading: String,
    /// What it means.
    pub means: Meaning,
}

/// What the columns of a plain CSV file mean, and what stands between its cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What stands between cells: `,`, `;` or a tab; `None`: found by content, and `,` in new files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// No row of the file names its columns: they are those of this mapping, in their order. One that is kept is then taken
    /// for the e-mail address or the fax number if its cells are, and no other column is.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub no_column_line: bool,
    /// The columns, in the order in which they are written. A column that isn't named here is kept.
    #[serde(default, rename = "column")]
    pub columns: Vec<MappedColumn>,
}

impl Mapping {
    /// What a column of this name means.
    #[must_use]
    pub fn meaning(&self, heading: &str) -> Option<Meaning> {
        let wanted = heading.trim().to_lowercase();
        self.columns.iter().find(|column| column.heading.trim().to_lowercase() == wanted).map(|c| c.means)
    }

    /// Whether it has a column for a field of a kind of entry.
    pub(super) fn has(&self, slot: Slot, field: Field) -> bool {
        let wanted = usual_slot(field).map(|_| slot);
        self.columns.iter().any(|column| {
            matches!(column.means, Meaning::Field { slot, field: one, .. } if slot == wanted && one == field)
        })
    }

    /// How many destinations of a kind a row has.
    pub(super) fn of_slot(&self, slot: Slot) -> usize {
        if slot == Slot::Nowhere {
            return 1;
        }
        let places: BTreeSet<usize> = self
            .columns
            .iter()
            .filter(|column| column.means.is_destination())
            .filter_map(|column| match column.means {
                Meaning::Field { slot: Some(one), place, .. } if one == slot => Some(place),
                _ => None,
            })
            .collect();
        places.len()
    }

    /// The columns of a file by this mapping.
    pub(super) fn layout(&self, names: &[String]) -> Vec<Chosen> {
        let mut keys: BTreeSet<String> = BTreeSet::new();
        let mut used: Vec<Use> = Vec::new();
        names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let mut key = name.trim().to_string();
                if key.is_empty() {
                    key = format!("column {}", at + 1);
                }
                while !keys.insert(key.clone()) {
                    key.push('\'');
                }
                let means = self.meaning(name).unwrap_or(Meaning::Keep).to_use();
                // Of two columns of one meaning the second is kept.
                let again = used.contains(&means) && !matches!(means, Use::Kept | Use::Ignored);
                used.push(means);
                Chosen::new(key, if again { Use::Kept } else { means })
            })
            .collect()
    }

    /// A mapping that is ready: `fujitsu` (the list of N1800 and N7100 scanners) or `oki` (the list of five columns without
    /// names of a B4545).
    ///
    /// ```
    /// use sync_core::files::{Mapping, ReadOptions, read};
    /// let mapping = Mapping::ready("oki");
    /// let book = read(b"Desk;5550100;;desk@branch.example;\r\n", &ReadOptions { mapping, ..ReadOptions::default() })?;
    /// assert_eq!(book.entries(), 2);
    /// # Ok::<(), sync_core::files::FileError>(())
    /// ```
    #[must_use]
    pub fn ready(name: &str) -> Option<Self> {
        let of =
            |(heading, means): &(&str, Meaning)| MappedColumn { heading: (*heading).into(), means: *means };
        let field = Meaning::of;
        match name {
            "fujitsu" => {
                let columns = [
                    ("User Name", Meaning::Keep),
                    ("Group Name", Meaning::Keep),
                    ("Distribution List Name", Meaning::Keep),
                    ("First Name", field(Field::Given)),
                    ("Last Name", field(Field::Family)),
                    ("E-mail Address", field(Field::Mail)),
                ];
                Some(Self { columns: columns.iter().map(of).collect(), ..Self::default() })
            }
            // The maker's manual says what the first column is, and that there are five.
            "oki" => {
                let columns = [
                    ("Name", field(Field::Name)),
                    ("Column 2", Meaning::Keep),
                    ("Column 3", Meaning::Keep),
                    ("Column 4", Meaning::Keep),
                    ("Column 5", Meaning::Keep),
                ];
                let columns = columns.iter().map(of).collect();
                Some(Self { no_column_line: true, columns, ..Self::default() })
            }
            _ => None,
        }
    }

    /// As it is for a file without a column line: a column that is kept is the e-mail address or the fax number if the cells
    /// of these rows are, and no column before it is.
    pub(super) fn by_content(&self, rows: &[&[String]]) -> Self {
        let is_number = |cell: &str| {
            cell.bytes().filter(u8::is_ascii_digit).count() >= 3
                && cell.chars().all(|one| one.is_ascii_digit() || " +-.()/*#".contains(one))
        };
        let mut mapping = self.clone();
        for field in [Field::Mail, Field::FaxNumber] {
            let is = |cell: &str| if field == Field::Mail { is_mail(cell) } else { is_number(cell) };
            if mapping.columns.iter().any(|column| column.means == Meaning::of(field)) {
                continue;
            }
            let found = (0..mapping.columns.len()).find(|at| {
                let cells = rows.iter().filter_map(|row| row.get(*at)).map(|cell| cell.trim());
                let mut cells = cells.filter(|cell| !cell.is_empty()).peekable();
                mapping.columns[*at].means == Meaning::Keep && cells.peek().is_some() && cells.all(is)
            });
            if let Some(at) = found {
                mapping.columns[at].means = Meaning::of(field);
            }
        }
        mapping
    }

    /// The mapping that a TOML text is.
    ///
    /// ```
    /// use sync_core::files::Mapping;
    /// let text = "separator = ';'\n[[column]]\nheading = 'Ligne directe fax'\nmeans = 'fax'\n";
    /// let mapping = Mapping::from_toml(text)?;
    /// assert_eq!(Mapping::from_toml(&mapping.to_toml())?, mapping);
    /// assert!(Mapping::from_toml("[[column]]\nheading = 'x'\nmeans = 'letter'\n").is_err());
    /// # Ok::<(), sync_core::files::BadMapping>(())
    /// ```
    ///
    /// # Errors
    /// [`BadMapping`]: where, and what is wrong.
    #[cfg(feature = "profile")]
    pub fn from_toml(text: &str) -> Result<Self, BadMapping> {
        let mapping: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = 1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
            BadMapping { line, reason: error.message().to_string() }
        })?;
        let bad = |reason: &str| Err(BadMapping { line: 1, reason: reason.to_string() });
        if mapping.separator.is_some_and(|one| !SEPARATORS.contains(&one)) {
            return bad("the separator is a comma, a semicolon or a tab");
        }
        if !mapping.columns.iter().any(|column| matches!(column.means, Meaning::Field { .. })) {
            return bad(
                "no column means anything: write [[column]], heading = \"E-mail\", means = \"e-mail\"",
            );
        }
        Ok(mapping)
    }

    /// The mapping as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        if let Some(separator) = self.separator {
            out.push_str(&format!("separator = {}\n", quoted(&separator.to_string())));
        }
        if self.no_column_line {
            out.push_str("no_column_line = true\n");
        }
        for column in &self.columns {
            let (heading, means) = (quoted(&column.heading), column.means);
            out.push_str(&format!("\n[[column]]\nheading = {heading}\nmeans = \"{means}\"\n"));
        }
        out
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for one in text.chars() {
        match one {
            '"' | '\\' => out.extend(['\\', one]),
            one if one.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(one))),
            one => out.push(one),
        }
    }
    out.push('"');
    out
}

/// Why a text is no mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the mapping: {reason}")]
pub struct BadMapping {
    /// Where, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// What may stand between cells.
pub(super) const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// What a spreadsheet writes first to say what stands between cells, and what it says.
pub(super) fn separator_line(text: &str) -> (&str, Option<char>) {
    let end = text.find('\n').map_or(text.len(), |at| at + 1);
    let line = text[..end].trim_end();
    let said = line.strip_prefix("sep=").and_then(|rest| rest.chars().next());
    match said.filter(|one| SEPARATORS.contains(one)) {
        Some(one) => (&text[..end], Some(one)),
        None => ("", None),
    }
}

/// What stands between the cells of a text: what gives most columns.
pub(super) fn separator_of(text: &str) -> char {
    let (head, said) = separator_line(text);
    let first = text[head.len()..].lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let width = |separator: char| {
        rows(first, separator, 1).ok().and_then(|rows| rows.first().map(|row| row.cells.len())).unwrap_or(0)
    };
    said.unwrap_or_else(|| {
        let mut best = (SEPARATORS[0], width(SEPARATORS[0]));
        for separator in &SEPARATORS[1..] {
            let width = width(*separator);
            if width > best.1 {
                best = (*separator, width);
            }
        }
        best.0
    })
}

/// What stands in the brackets of a row in which each cell is in some, as Epson's machines write.
pub(super) fn in_brackets(cells: &[String]) -> Option<Vec<String>> {
    cells.iter().map(|cell| Some(cell.trim().strip_prefix('[')?.strip_suffix(']')?.to_string())).collect()
}

/// The mapping that the names of a file's columns suggest, for a person to look at and keep: usual names in English,
/// German, French, Spanish, Italian, Japanese, Dutch, Polish and Portuguese.
///
/// # Errors
/// [`FileError::UnknownFormat`] where no name means a destination.
pub fn suggest_mapping(text: &str) -> Result<Mapping, FileError> {
    let mapping = mapping_to_begin_with(text)?;
    if mapping.columns.iter().any(|column| column.means.is_destination()) {
        Ok(mapping)
    } else {
        Err(FileError::UnknownFormat)
    }
}

/// The same where no name may be known: whoever knows them says what they mean.
///
/// # Errors
/// [`FileError`] where the text is no table of several columns.
pub fn mapping_to_begin_with(text: &str) -> Result<Mapping, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let separator = separator_of(text);
    let (head, _) = separator_line(text);
    let first = text[head.len()..].lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let top = rows(first, separator, 1)?.into_iter().next().ok_or(FileError::Empty)?;
    let names = in_brackets(&top.cells).unwrap_or(top.cells);
    let mapping =
        Mapping { separator: Some(separator), columns: headings::meanings(&names), ..Mapping::default() };
    if mapping.columns.len() > 1 { Ok(mapping) } else { Err(FileError::UnknownFormat) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_meaning_is_its_text() {
        for text in
            ["e-mail", "e-mail 2", "ifax e-mail", "fax 9", "ftp folder-path", "last-name", "keep", "ignore"]
        {
            assert_eq!(text.parse::<Meaning>().unwrap().to_string(), text);
        }
        for wrong in
            ["", "letter", "smb last-name", "e-mail 0", "e-mail 10", "last-name 2", "x fax", "a b c d"]
        {
            assert!(wrong.parse::<Meaning>().is_err(), "{wrong}");
        }
        for field in Field::ALL {
            let meaning = Meaning::of(*field);
            assert_eq!(meaning.to_string().parse::<Meaning>().unwrap(), meaning);
        }
    }

    #[test]
    fn separators_are_found_by_content() {
        for (text, separator) in [
            ("a,b\n1,2\n", ','),
            ("Name;E-Mail, privat;Fax\n", ';'),
            ("a\tb,c\td\n", '\t'),
            ("sep=;\r\na,b,c;d\r\n", ';'),
            ("\"a;b;c\",d\n", ','),
            ("only\n", ','),
        ] {
            assert_eq!(separator_of(text), separator, "{text}");
        }
    }

    #[cfg(feature = "profile")]
    #[test]
    fn a_mapping_is_kept_as_toml_and_mistakes_have_their_line() {
        let mapping = Mapping {
            separator: Some('\t'),
            no_column_line: true,
            columns: alloc::vec![
                MappedColumn { heading: "Fax \"alt\" \\ 総務".into(), means: "fax 2".parse().unwrap() },
                MappedColumn { heading: "x\u{1}".into(), means: Meaning::Ignore },
            ],
        };
        assert_eq!(Mapping::from_toml(&mapping.to_toml()).unwrap(), mapping);
        let wrong = Mapping::from_toml("\n[[column]]\nheading = 'a'\nmeans = 'letter'\n").unwrap_err();
        assert!(wrong.line >= 2 && wrong.to_string().contains("letter"), "{wrong}");
        assert!(Mapping::from_toml("").is_err());
        assert!(Mapping::from_toml("separator = 'x'\n[[column]]\nheading='a'\nmeans='fax'\n").is_err());
    }
}

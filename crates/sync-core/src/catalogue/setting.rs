//! Settings: a record of its own each, whose id is derived from its name, so that two machines that set it offline mean
//! the same record.

use super::{Default, Kind, Secret, Unfit};
use crate::{id::RecordId, value::Value};
use alloc::string::String;

/// What the field `type` holds in a setting's record.
pub const SETTING_TYPE: &str = "setting";

/// Whether something follows its owner from machine to machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharing {
    /// It synchronizes.
    Shared,
    /// It synchronizes, unless the server chose that it is device-specific.
    Selectable,
    /// It never leaves the machine by synchronization.
    Device,
}

impl Sharing {
    /// Whether it synchronizes where nothing was chosen.
    #[must_use]
    pub const fn synchronizes(self) -> bool {
        !matches!(self, Self::Device)
    }
}

/// Whether something goes to another machine in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InFile {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Only in an encrypted one.
    Encrypted,
}

/// One setting of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in commands, files and records.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// The value where nobody set one.
    pub default: Default,
    /// Whether it follows its owner from machine to machine.
    pub sharing: Sharing,
    /// Whether it goes to another machine in a file.
    pub in_file: InFile,
    /// How secret it is.
    pub secret: Secret,
}

/// What a setting says on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// What holds here.
    pub value: Value,
    /// What was set and can't be used here: an option that this machine lacks, a newer model's value. The default holds,
    /// and what was set stays as it is.
    pub unusable: Option<Value>,
    /// Whether anything was set.
    pub set: bool,
}

impl Setting {
    /// A setting that belongs to the machine and goes into files.
    #[must_use]
    pub const fn new(name: &'static str, title: &'static str, kind: Kind, default: Default) -> Self {
        Self {
            name,
            title,
            kind,
            default,
            sharing: Sharing::Device,
            in_file: InFile::Yes,
            secret: Secret::No,
        }
    }

    /// The same, shared as said.
    #[must_use]
    pub const fn shared(self, sharing: Sharing) -> Self {
        Self { sharing, ..self }
    }

    /// The same, in files as said.
    #[must_use]
    pub const fn in_file(self, in_file: InFile) -> Self {
        Self { in_file, ..self }
    }

    /// The same, secret as a key is, and so in an encrypted file alone.
    #[must_use]
    pub const fn sealed(self) -> Self {
        let in_file = if matches!(self.in_file, InFile::No) { InFile::No } else { InFile::Encrypted };
        Self { secret: Secret::Sealed, in_file, ..self }
    }

    /// Its record.
    #[must_use]
    pub fn record(&self) -> RecordId {
        RecordId::of_setting(self.name)
    }

    /// Its record among the device-specific settings of several people.
    #[must_use]
    pub fn record_of(&self, user: &str) -> RecordId {
        RecordId::of_setting(&[user, "/", self.name].concat())
    }

    /// Whether it follows its owner where nothing was chosen; else it stays on the machine where it was set.
    #[must_use]
    pub const fn synchronizes(&self) -> bool {
        self.sharing.synchronizes()
    }

    /// The value where nobody set one.
    #[must_use]
    pub fn default_value(&self) -> Value {
        self.default.value()
    }

    /// What can be written, for people.
    #[must_use]
    pub fn wanted(&self) -> String {
        self.kind.wanted()
    }

    /// Whether a value fits.
    ///
    /// # Errors
    /// [`Unfit`], which says what can be written.
    pub fn check(&self, value: &Value) -> Result<(), Unfit> {
        self.kind.check(value)
    }

    /// Reads a value as people write it.
    ///
    /// # Errors
    /// [`Unfit`], which says what can be written.
    pub fn parse(&self, text: &str) -> Result<Value, Unfit> {
        self.kind.parse(text)
    }

    /// What holds where this was stored: one that does not fit shows as the default and is never written back.
    #[must_use]
    pub fn effective(&self, stored: Option<Value>) -> Effective {
        let set = stored.is_some();
        let (usable, unusable) = match stored {
            Some(value) if self.check(&value).is_ok() => (Some(value), None),
            other => (None, other),
        };
        Effective { value: usable.unwrap_or_else(|| self.default_value()), unusable, set }
    }
}

/// On or off.
#[must_use]
pub const fn flag(name: &'static str, title: &'static str, default: bool) -> Setting {
    Setting::new(name, title, Kind::Flag, Default::Flag(default))
}

/// A whole number within bounds.
#[must_use]
pub const fn number(
    name: &'static str,
    title: &'static str,
    (least, most): (i64, i64),
    default: i64,
) -> Setting {
    Setting::new(name, title, Kind::Number(least, most), Default::Number(default))
}

/// One of several words.
#[must_use]
pub const fn choice(
    name: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    default: &'static str,
) -> Setting {
    Setting::new(name, title, Kind::Choice(words), Default::Text(default))
}

/// Text in one line; nothing by default.
#[must_use]
pub const fn text(name: &'static str, title: &'static str, most: usize) -> Setting {
    Setting::new(name, title, Kind::Text(most), Default::Text(""))
}

/// Of another kind.
#[must_use]
pub const fn of(name: &'static str, title: &'static str, kind: Kind, default: Default) -> Setting {
    Setting::new(name, title, kind, default)
}

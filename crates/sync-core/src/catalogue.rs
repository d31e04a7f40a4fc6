//! The catalogue of personal settings: what can be personalized, what it may hold, and how it is shared.
//!
//! A setting is a record whose id is derived from its name ([`RecordId::of_setting`]), with the fields `type` =
//! `setting`, `name` and `value`. A person who set nothing has the default of the machine.
//!
//! ```
//! use sync_core::{catalogue, value::Value};
//! let copies = catalogue::find("copy.copies").unwrap();
//! assert_eq!(copies.parse("3"), Ok(Value::Int(3)));
//! assert!(copies.parse("0").is_err());
//! ```

use crate::{id::RecordId, value::Value};
use alloc::{
    format,
    string::{String, ToString},
};

/// What the field `type` holds in a setting's record.
pub const SETTING_TYPE: &str = "setting";

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Flag,
    /// A whole number within bounds.
    Number(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text of at most so many characters.
    Text(usize),
}

/// The value of a person who set nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Of a flag.
    Flag(bool),
    /// Of a number.
    Number(i64),
    /// Of a choice or a text.
    Text(&'static str),
}

/// Whether a setting follows the person from machine to machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Always.
    Shared,
    /// Unless the server's administrator makes it device-specific ([`crate::sharing`]).
    Selectable,
    /// Never: it stays on the machine where it was set.
    Device,
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
    /// The value of a person who set nothing.
    pub default: Default,
    /// Whether it follows the person from machine to machine.
    pub sharing: Sharing,
}

/// A value does not fit a setting. Says what can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write {0}")]
pub struct Unfit(pub String);

const LANGUAGES: &[&str] = &[
    "en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "fi", "pl", "cs", "ja", "zh-hans", "zh-hant", "ko",
];
const SCREENS: &[&str] =
    &["home", "copy", "fax", "scan-and-send", "scan-and-store", "stored-files", "status-monitor"];
const COLOUR: &[&str] = &["auto", "full-colour", "black-and-white"];
const SIDES: &[&str] = &["one-sided", "two-sided-book", "two-sided-calendar"];

const fn flag(name: &'static str, title: &'static str, default: bool) -> Setting {
    Setting { name, title, kind: Kind::Flag, default: Default::Flag(default), sharing: Sharing::Shared }
}

const fn number(name: &'static str, title: &'static str, (least, most): (i64, i64), default: i64) -> Setting {
    Setting {
        name,
        title,
        kind: Kind::Number(least, most),
        default: Default::Number(default),
        sharing: Sharing::Shared,
    }
}

const fn choice(
    name: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    default: &'static str,
) -> Setting {
    Setting {
        name,
        title,
        kind: Kind::Choice(words),
        default: Default::Text(default),
        sharing: Sharing::Shared,
    }
}

const fn text(name: &'static str, title: &'static str, most: usize) -> Setting {
    Setting { name, title, kind: Kind::Text(most), default: Default::Text(""), sharing: Sharing::Shared }
}

const fn stays(setting: Setting) -> Setting {
    Setting { sharing: Sharing::Device, ..setting }
}

const fn selectable(setting: Setting) -> Setting {
    Setting { sharing: Sharing::Selectable, ..setting }
}

/// The settings, grouped as people find them.
pub const SETTINGS: &[Setting] = &[
    choice("display-language", "Display language", LANGUAGES, "en"),
    choice("keyboard-layout", "Keyboard layout", &["us", "uk", "de", "fr", "es", "it", "ja"], "us"),
    choice("key-repetition", "Key repetition", &["standard", "slow", "off"], "standard"),
    flag("reversed-colours", "Reversed screen colours", false),
    choice("initial-screen", "Screen after login", SCREENS, "home"),
    number("home.buttons-per-page", "Home screen: buttons on a page", (4, 24), 12),
    text("home.wallpaper", "Home screen: wallpaper", 64),
    flag("home.show-timeline", "Home screen: show the timeline", true),
    selectable(number("copy.copies", "Copy: number of copies", (1, 9_999), 1)),
    selectable(choice("copy.colour", "Copy: colour", COLOUR, "auto")),
    selectable(choice("copy.sides", "Copy: two-sided", SIDES, "one-sided")),
    selectable(number("copy.density", "Copy: density", (-4, 4), 0)),
    selectable(number("copy.ratio", "Copy: ratio in percent", (25, 400), 100)),
    selectable(choice(
        "fax.resolution",
        "Fax: resolution",
        &["normal", "fine", "super-fine", "ultra-fine"],
        "normal",
    )),
    selectable(number("fax.density", "Fax: density", (-4, 4), 0)),
    selectable(choice(
        "scan.format",
        "Scan and send: file format",
        &["pdf", "pdf-compact", "tiff", "jpeg", "xps"],
        "pdf",
    )),
    selectable(choice("scan.colour", "Scan and send: colour", COLOUR, "auto")),
    selectable(choice(
        "scan.resolution",
        "Scan and send: resolution",
        &["150", "200", "300", "400", "600"],
        "300",
    )),
    selectable(choice("scan.sides", "Scan and send: two-sided original", SIDES, "one-sided")),
    selectable(text("scan.subject", "Scan and send: subject of the e-mail", 128)),
    selectable(choice(
        "store.format",
        "Scan and store: file format",
        &["pdf", "pdf-compact", "tiff", "jpeg", "xps"],
        "pdf",
    )),
    selectable(choice("print-files.sides", "Access stored files: two-sided", SIDES, "one-sided")),
    stays(choice("list-order", "Order of stored files", &["name", "date", "size"], "name")),
    stays(flag("print-waiting-jobs-at-login", "Print the waiting jobs at login", false)),
    stays(text("network.ssid", "Direct connection: SSID", 32)),
];

/// The setting with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

impl Setting {
    /// Its record.
    #[must_use]
    pub fn record(&self) -> RecordId {
        RecordId::of_setting(self.name)
    }

    /// The value of a person who set nothing.
    #[must_use]
    pub fn default_value(&self) -> Value {
        match self.default {
            Default::Flag(flag) => Value::Bool(flag),
            Default::Number(number) => Value::Int(number),
            Default::Text(text) => text.into(),
        }
    }

    /// What can be written, for people.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self.kind {
            Kind::Flag => "on or off".to_string(),
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Text(most) => format!("text of at most {most} characters"),
        }
    }

    /// Whether a value fits. One that does not, as a newer machine may have written it, is shown as the default and
    /// never written back.
    ///
    /// # Errors
    /// [`Unfit`], which says what can be written.
    pub fn check(&self, value: &Value) -> Result<(), Unfit> {
        let fits = match (self.kind, value) {
            (Kind::Flag, Value::Bool(_)) => true,
            (Kind::Number(least, most), Value::Int(number)) => (least..=most).contains(number),
            (Kind::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Kind::Text(most), Value::Text(text)) => {
                text.chars().count() <= most && !text.chars().any(char::is_control)
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(Unfit(self.wanted())) }
    }

    /// Reads a value as people write it.
    ///
    /// # Errors
    /// [`Unfit`], which says what can be written.
    pub fn parse(&self, text: &str) -> Result<Value, Unfit> {
        let value = match self.kind {
            Kind::Flag => match text {
                "on" | "yes" | "true" => Value::Bool(true),
                "off" | "no" | "false" => Value::Bool(false),
                _ => return Err(Unfit(self.wanted())),
            },
            Kind::Number(..) => text.parse().map(Value::Int).map_err(|_| Unfit(self.wanted()))?,
            Kind::Choice(_) | Kind::Text(_) => text.into(),
        };
        self.check(&value).map(|()| value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn names_differ_and_every_default_fits() {
        let names: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        let records: BTreeSet<RecordId> = SETTINGS.iter().map(Setting::record).collect();
        assert_eq!((names.len(), records.len()), (SETTINGS.len(), SETTINGS.len()));
        for setting in SETTINGS {
            setting.check(&setting.default_value()).unwrap();
            assert_eq!(find(setting.name), Some(setting));
        }
    }

    #[test]
    fn what_does_not_fit_is_told_what_would() {
        let copies = find("copy.copies").unwrap();
        for wrong in ["", "0", "10000", "three", "1.5", "on"] {
            assert_eq!(copies.parse(wrong).unwrap_err().0, "a whole number from 1 to 9999", "{wrong}");
        }
        assert!(find("copy.colour").unwrap().parse("Auto").is_err());
        assert!(find("scan.subject").unwrap().parse(&"x".repeat(129)).is_err());
        assert!(find("scan.subject").unwrap().parse("a\nb").is_err());
        assert_eq!(find("reversed-colours").unwrap().parse("on"), Ok(Value::Bool(true)));
    }
}

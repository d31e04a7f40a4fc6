//! Personal settings: what a person can make their own. Which of it follows them, for which the server can choose
//! otherwise, and what goes to another machine in a file, is the table that users know from such machines.
//!
//! | group | synchronizes | may be device-specific | in a file |
//! | --- | --- | --- | --- |
//! | display language, accessibility, initial screen, home screen, shortcuts, address lists | yes | no | yes |
//! | default job settings | yes, without destinations | yes | yes |
//! | timeline, previous settings | yes, without destinations | yes | no |
//! | network, list order | no | | no |
//! | print waiting jobs at login | no | | yes |
//! | keychain | no | | only encrypted |

use super::{
    Default, Form, InFile, Kind, Part, Place, RecordType, Secret, Setting, Sharing, address_book, choice,
    flag, home, number, of, optional, required, text,
};

pub(super) const LANGUAGES: &[&str] = &[
    "en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "fi", "pl", "cs", "ja", "zh-hans", "zh-hant", "ko",
];
pub(super) const SCREENS: &[&str] =
    &["home", "copy", "fax", "scan-and-send", "scan-and-store", "stored-files", "status-monitor"];
pub(super) const COLOUR: &[&str] = &["auto", "full-colour", "black-and-white"];
pub(super) const SIDES: &[&str] = &["one-sided", "two-sided-book", "two-sided-calendar"];
pub(super) const FORMATS: &[&str] = &["pdf", "pdf-compact", "tiff", "jpeg", "xps"];
pub(super) const RESOLUTIONS: &[&str] = &["150", "200", "300", "400", "600"];
pub(super) const FAX_RESOLUTIONS: &[&str] = &["normal", "fine", "super-fine", "ultra-fine"];
pub(super) const KEYBOARDS: &[&str] = &["us", "uk", "de", "fr", "es", "it", "ja"];
const ORDERS: &[&str] = &["name", "date", "size"];
const SHORTCUTS: Kind = Kind::List(
    &Kind::Choice(&[
        "density",
        "two-sided",
        "finishing",
        "ratio",
        "paper",
        "colour",
        "original-type",
        "resolution",
        "file-format",
        "job-build",
        "page-numbering",
        "erase-frame",
        "n-on-1",
        "booklet",
        "delayed-send",
        "job-done-notice",
    ]),
    8,
);
const NOTHING: Default = Default::List(&[]);

/// It follows its person.
const fn follows(setting: Setting) -> Setting {
    setting.shared(Sharing::Shared)
}

/// A default of a job: it follows, unless the server chose otherwise.
const fn job(setting: Setting) -> Setting {
    setting.shared(Sharing::Selectable)
}

/// The settings of the last jobs of a function, newest first; never with the destinations.
const fn previous(name: &'static str, title: &'static str, jobs: &'static Kind) -> Setting {
    of(name, title, Kind::List(jobs, 3), NOTHING).shared(Sharing::Selectable).in_file(InFile::No)
}

/// The settings, grouped as people find them.
pub const SETTINGS: &[Setting] = &[
    // Display language.
    follows(choice("display-language", "Display language", LANGUAGES, "en")),
    follows(choice("keyboard-layout", "Keyboard layout", KEYBOARDS, "us")),
    // Accessibility.
    follows(choice("key-repetition", "Key repetition", &["standard", "slow", "off"], "standard")),
    follows(flag("reversed-colours", "Reversed screen colours", false)),
    // Initial screen, home screen.
    follows(choice("initial-screen", "Screen after login", SCREENS, "home")),
    follows(number("home.buttons-per-page", "Home screen: buttons on a page", (4, 24), 12)),
    follows(text("home.wallpaper", "Home screen: wallpaper", 64)),
    follows(flag("home.show-timeline", "Home screen: show the timeline", true)),
    // Default job settings. A destination is no part of them.
    job(number("copy.copies", "Copy: number of copies", (1, 9_999), 1)),
    job(choice("copy.colour", "Copy: colour", COLOUR, "auto")),
    job(choice("copy.sides", "Copy: two-sided", SIDES, "one-sided")),
    job(number("copy.density", "Copy: density", (-4, 4), 0)),
    job(number("copy.ratio", "Copy: ratio in percent", (25, 400), 100)),
    job(choice("fax.resolution", "Fax: resolution", FAX_RESOLUTIONS, "normal")),
    job(number("fax.density", "Fax: density", (-4, 4), 0)),
    job(choice("scan.format", "Scan and send: file format", FORMATS, "pdf")),
    job(choice("scan.colour", "Scan and send: colour", COLOUR, "auto")),
    job(choice("scan.resolution", "Scan and send: resolution", RESOLUTIONS, "300")),
    job(choice("scan.sides", "Scan and send: two-sided original", SIDES, "one-sided")),
    job(text("scan.subject", "Scan and send: subject of the e-mail", 128)),
    job(choice("store.format", "Scan and store: file format", FORMATS, "pdf")),
    job(choice("store.colour", "Scan and store: colour", COLOUR, "auto")),
    job(choice("print-files.sides", "Access stored files: two-sided", SIDES, "one-sided")),
    job(number("print-files.copies", "Access stored files: number of copies", (1, 9_999), 1)),
    // Shortcuts to the functions of a screen, in their order.
    follows(of("shortcuts.copy", "Shortcuts: copy", SHORTCUTS, NOTHING)),
    follows(of("shortcuts.fax", "Shortcuts: fax", SHORTCUTS, NOTHING)),
    follows(of("shortcuts.scan", "Shortcuts: scan and send", SHORTCUTS, NOTHING)),
    // Previous settings.
    previous("previous.copy", "Previous settings: copy", &PREVIOUS_COPY),
    previous("previous.fax", "Previous settings: fax", &PREVIOUS_FAX),
    previous("previous.scan", "Previous settings: scan and send", &PREVIOUS_SCAN),
    // What stays on the machine.
    choice("list-order", "Order of stored files", ORDERS, "name").in_file(InFile::No),
    choice("list-order.store", "Order of the places to store to", ORDERS, "name").in_file(InFile::No),
    flag("print-waiting-jobs-at-login", "Print the waiting jobs at login", false),
    text("network.ssid", "Direct connection: SSID", 32).in_file(InFile::No),
    text("network.key", "Direct connection: network key", 63).in_file(InFile::No).sealed(),
    flag("network.connect-at-login", "Direct connection: begin at login", false).in_file(InFile::No),
    flag("network.end-at-logout", "Direct connection: end at logout", true).in_file(InFile::No),
    of("keychain", "Keychain: credentials kept for this account", Kind::List(&CREDENTIAL, 100), NOTHING)
        .sealed(),
];

const PREVIOUS_COPY: Kind = Kind::Map(&[
    required("copies", "Number of copies", Kind::Number(1, 9_999)),
    optional("colour", "Colour", Kind::Choice(COLOUR)),
    optional("sides", "Two-sided", Kind::Choice(SIDES)),
    optional("density", "Density", Kind::Number(-4, 4)),
    optional("ratio", "Ratio in percent", Kind::Number(25, 400)),
]);
const PREVIOUS_FAX: Kind = Kind::Map(&[
    required("resolution", "Resolution", Kind::Choice(FAX_RESOLUTIONS)),
    optional("density", "Density", Kind::Number(-4, 4)),
]);
const PREVIOUS_SCAN: Kind = Kind::Map(&[
    required("format", "File format", Kind::Choice(FORMATS)),
    optional("colour", "Colour", Kind::Choice(COLOUR)),
    optional("resolution", "Resolution", Kind::Choice(RESOLUTIONS)),
    optional("sides", "Two-sided original", Kind::Choice(SIDES)),
    optional("subject", "Subject of the e-mail", Kind::Text(128)),
]);
const CREDENTIAL: Kind = Kind::Map(&[
    required("service", "What it is for", Kind::Text(255)),
    optional("user", "User name", Kind::Text(128)),
    optional("password", "Password", Kind::Text(128)).secret(Secret::Sealed),
]);

/// One entry of the timeline. The newest ten stay; an eleventh pushes out the oldest.
pub const TIMELINE_ENTRY: RecordType = RecordType {
    newest: Some(10),
    ..RecordType::new(
        "timeline-entry",
        "Entry of the timeline",
        &["time", "function"],
        &[
            required("time", "When, in milliseconds since 1970", Kind::Number(0, i64::MAX)),
            required("function", "Which function", Kind::Choice(super::FUNCTIONS)),
            required("title", "What it shows", Kind::Text(128)),
            optional("user", "Whose, where it is device-specific", Kind::Text(128)),
            optional("copies", "Number of copies", Kind::Number(1, 9_999)),
            optional("day", "The day that it speaks of", Kind::Form(Form::Date)),
        ],
    )
}
.shared(Sharing::Selectable)
.in_file(InFile::No);

/// What a person has: their settings, and the records beside them.
pub const PERSONAL: Part = Part {
    place: Place::User,
    types: &[&address_book::ADDRESS, &home::PERSONAL_BUTTON, &home::SCREEN, &TIMELINE_ENTRY],
    settings: SETTINGS,
};
/// The address lists of persons alone.
pub const ADDRESS_LISTS: Part = Part { place: Place::User, types: &[&address_book::ADDRESS], settings: &[] };

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{
        catalogue::{InFile, Sharing, find, personal::TIMELINE_ENTRY},
        id::RecordId,
        time::Timestamp,
        value::Value,
    };
    use alloc::vec::Vec;

    #[test]
    fn what_does_not_fit_is_told_what_would() {
        let copies = find("copy.copies").unwrap();
        for wrong in ["", "0", "10000", "three", "1.5", "on"] {
            assert_eq!(copies.parse(wrong).unwrap_err().wanted, "a whole number from 1 to 9999", "{wrong}");
        }
        assert!(find("copy.colour").unwrap().parse("Auto").is_err());
        assert!(find("scan.subject").unwrap().parse(&"x".repeat(129)).is_err());
        assert!(find("scan.subject").unwrap().parse("a\nb").is_err());
        assert_eq!(find("reversed-colours").unwrap().parse("on"), Ok(Value::Bool(true)));
    }

    #[test]
    fn three_columns_of_the_table() {
        use InFile::{Encrypted, No, Yes};
        use Sharing::{Device, Selectable, Shared};
        for (name, sharing, in_file) in [
            ("keyboard-layout", Shared, Yes),
            ("reversed-colours", Shared, Yes),
            ("initial-screen", Shared, Yes),
            ("home.wallpaper", Shared, Yes),
            ("network.ssid", Device, No),
            ("network.key", Device, No),
            ("network.connect-at-login", Device, No),
            ("copy.ratio", Selectable, Yes),
            ("fax.density", Selectable, Yes),
            ("print-files.sides", Selectable, Yes),
            ("scan.format", Selectable, Yes),
            ("store.format", Selectable, Yes),
            ("shortcuts.scan", Shared, Yes),
            ("previous.copy", Selectable, No),
            ("previous.scan", Selectable, No),
            ("list-order", Device, No),
            ("print-waiting-jobs-at-login", Device, Yes),
            ("keychain", Device, Encrypted),
        ] {
            let setting = find(name).unwrap();
            assert_eq!((setting.sharing, setting.in_file), (sharing, in_file), "{name}");
        }
        assert_eq!((TIMELINE_ENTRY.sharing, TIMELINE_ENTRY.in_file), (Selectable, No));
    }

    #[test]
    fn an_eleventh_entry_of_the_timeline_pushes_out_the_oldest() {
        let entry = |time: i64| {
            let fields = [("type".into(), "timeline-entry".into()), ("time".into(), Value::Int(time))].into();
            (RecordId::fresh(Timestamp(99 - time), [1; 10]), fields)
        };
        let entries: Vec<(RecordId, _)> = (1..=12).map(entry).collect();
        let surplus = TIMELINE_ENTRY.surplus(entries.iter().map(|(id, fields)| (*id, fields)));
        assert_eq!(surplus, [entries[1].0, entries[0].0]);
    }
}

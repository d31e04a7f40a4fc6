//! The home screen. A person's buttons and screen are among their personal settings; what the machine shows to everybody
//! is the item `home`. Where a profile synchronizes the Shared buttons, they lie in the fleet's common space.

use super::{
    Field, Keys, Kind, Part, Place, RecordType, Setting, Sharing, choice, flag, number, optional, required,
    text,
};

const BUTTON: &[Field] = &[
    required("name", "What stands on it", Kind::Text(64)),
    required("function", "Which function it opens", Kind::Choice(super::FUNCTIONS)),
    optional("comment", "Comment", Kind::Text(128)),
    optional("icon", "Picture", Kind::Text(64)),
    optional("settings", "Settings of the job that it opens", Kind::List(&JOB_SETTING, 100)),
    optional("start", "Begin the job at once", Kind::Flag),
    optional("confirm", "Ask before the job begins", Kind::Flag),
];
/// A setting of a job, by the name of the personal setting whose place it takes.
pub(super) const JOB_SETTING: Kind = Kind::Map(&[
    required("name", "Which", Kind::Text(64)),
    required("value", "Its value, as people write it", Kind::Text(256)),
]);

/// A Personal button.
pub const PERSONAL_BUTTON: RecordType =
    RecordType::new("personal-button", "Personal button", &["name", "function"], BUTTON)
        .shared(Sharing::Shared);
/// A Shared button.
pub const SHARED_BUTTON: RecordType =
    RecordType::new("shared-button", "Shared button", &["name", "function"], BUTTON).shared(Sharing::Shared);
/// One page of a home screen: which buttons stand on it.
pub const SCREEN: RecordType = RecordType::new(
    "home-screen",
    "Page of a home screen",
    &["number"],
    &[
        required("number", "Which page", Kind::Number(1, 99)),
        optional("title", "Title", Kind::Text(64)),
        optional("button:*", "Button: its place on the page", Kind::Number(1, 999)).keys(Keys::Record),
    ],
)
.shared(Sharing::Shared);

/// What the machine's home screen shows where nobody made it their own.
pub const SETTINGS: &[Setting] = &[
    number("home-screen.buttons-per-page", "Buttons on a page", (4, 24), 12),
    text("home-screen.wallpaper", "Wallpaper", 64),
    choice("home-screen.button-shape", "Shape of the buttons", &["square", "rounded", "wide"], "rounded"),
    flag("home-screen.show-timeline", "Show the timeline", true),
    flag("home-screen.show-shared-buttons", "Show the Shared buttons", true),
    flag("home-screen.restrict-shared-buttons", "Only administrators change Shared buttons", true),
    flag("home-screen.restrict-personal-buttons", "People may not make Personal buttons", false),
    choice("home-screen.language-button", "Button to change the language", &["shown", "hidden"], "shown"),
];

const TYPES: &[&RecordType] = &[&SHARED_BUTTON, &SCREEN];
/// The machine's own.
pub const LOCAL: Part = Part { place: Place::Local("home"), types: TYPES, settings: SETTINGS };
/// The fleet's, where a profile synchronizes the Shared buttons.
pub const COMMON: Part = Part { place: Place::Common("home"), types: TYPES, settings: &[] };

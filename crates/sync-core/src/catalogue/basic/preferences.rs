//! Preferences: display, clock, keyboard, paper, timers and energy, accessibility.

use crate::catalogue::{
    Default, Form, Kind, Setting, choice, flag, number, of, optional,
    personal::{KEYBOARDS, SCREENS},
    required, text,
};

const DAY: Kind = Kind::Form(Form::Time);
/// One switch-off time a day.
const WEEK: Kind = Kind::Map(&[
    optional("mon", "Monday", DAY),
    optional("tue", "Tuesday", DAY),
    optional("wed", "Wednesday", DAY),
    optional("thu", "Thursday", DAY),
    optional("fri", "Friday", DAY),
    optional("sat", "Saturday", DAY),
    optional("sun", "Sunday", DAY),
]);

pub(super) const SETTINGS: &[Setting] = &[
    // Display.
    of("preferences.language", "Display language", Kind::Form(Form::Language), Default::Text("en")),
    flag("preferences.language-switch", "People may change the language", true),
    choice("preferences.screen-at-start", "Screen after the start", SCREENS, "home"),
    number("preferences.brightness", "Brightness of the display", (-4, 4), 0),
    choice("preferences.units", "Units", &["millimetre", "inch"], "millimetre"),
    flag("preferences.show-machine-name", "Show the machine's name", false),
    flag("preferences.show-serial-number", "Show the serial number in the counter", true),
    flag("preferences.show-warnings-low-toner", "Warn of little toner", true),
    // Clock.
    of(
        "preferences.clock",
        "Time zone and daylight saving",
        Kind::Map(&[
            required("offset_minutes", "Minutes from UTC", Kind::Number(-720, 840)),
            optional("daylight_saving", "Daylight saving", Kind::Flag),
            optional("begins", "When it begins, such as `last-sun-mar`", Kind::Text(32)),
            optional("ends", "When it ends, such as `last-sun-oct`", Kind::Text(32)),
        ]),
        Default::Map(&[("offset_minutes", Default::Number(0)), ("daylight_saving", Default::Flag(false))]),
    ),
    choice(
        "preferences.date-order",
        "Order of dates",
        &["yyyy-mm-dd", "dd-mm-yyyy", "mm-dd-yyyy"],
        "yyyy-mm-dd",
    ),
    choice("preferences.hours", "Hours of the clock", &["12", "24"], "24"),
    // Keyboard.
    choice("preferences.keyboard", "Keyboard layout", KEYBOARDS, "us"),
    flag("preferences.keyboard-switch", "People may change the layout", true),
    // Paper.
    choice("preferences.tray-a5", "Small sheets are", &["a5r", "statement-r"], "a5r"),
    flag("preferences.multi-purpose-memory", "Remember the paper of the multi-purpose tray", false),
    choice(
        "preferences.paper-feed-method",
        "Feed of sheets printed on one side",
        &["speed", "print-side"],
        "speed",
    ),
    // Sounds, timers and energy.
    number("preferences.volume-keys", "Volume of keys", (0, 5), 2),
    number("preferences.volume-errors", "Volume of errors", (0, 5), 3),
    number("preferences.volume-job-done", "Volume when a job is done", (0, 5), 3),
    number("preferences.auto-reset-minutes", "Minutes until a screen is reset, 0 for never", (0, 9), 2),
    number("preferences.sleep-minutes", "Minutes until sleep", (1, 240), 10),
    choice("preferences.sleep-mode", "Energy use in sleep", &["low", "high"], "low"),
    of("preferences.sleep-at", "Sleep at", WEEK, Default::Map(&[])),
    of("preferences.switch-off-at", "Switch off at", WEEK, Default::Map(&[])),
    number(
        "preferences.switch-off-hours",
        "Hours without use until it switches off, 0 for never",
        (0, 24),
        4,
    ),
    choice("preferences.quiet", "Quiet operation", &["off", "on", "by-time"], "off"),
    of(
        "preferences.quiet-times",
        "When it is quiet",
        Kind::Map(&[required("from", "From when", DAY), required("until", "Until when", DAY)]),
        Default::Map(&[]),
    ),
    // Accessibility.
    flag("preferences.accessibility-reversed", "Reversed screen colours", false),
    choice(
        "preferences.accessibility-key-repetition",
        "Key repetition",
        &["standard", "slow", "off"],
        "standard",
    ),
    choice("preferences.accessibility-text-size", "Size of text", &["standard", "large"], "standard"),
    flag("preferences.accessibility-voice-guide", "Guide by voice", false),
    number("preferences.accessibility-voice-speed", "Speed of the voice", (1, 5), 3),
    number("preferences.accessibility-message-seconds", "Seconds that a message stays", (2, 30), 5),
    text("preferences.contact-when-needed", "Whom to call for help, on the screen", 64),
];

//! Paper: what types there are, and what lies in the machine's trays.

use super::{Kind, Part, Place, RecordType, Setting, choice, flag, number, optional, required};

const SIZES: &[&str] = &[
    "a3",
    "a4",
    "a4r",
    "a5",
    "a5r",
    "a6",
    "b4",
    "b5",
    "b5r",
    "ledger",
    "letter",
    "letter-r",
    "legal",
    "executive",
    "statement",
    "sra3",
    "12x18",
    "envelope-c5",
    "envelope-dl",
    "envelope-no10",
    "custom",
    "unknown",
];
const FINISHES: &[&str] =
    &["uncoated", "coated-1-side", "coated-2-sides", "matte", "gloss", "textured", "film"];
const BASES: &[&str] = &[
    "thin",
    "plain",
    "heavy",
    "recycled",
    "colour",
    "bond",
    "coated",
    "pre-punched",
    "letterhead",
    "labels",
    "transparency",
    "tracing",
    "tab",
    "envelope",
    "postcard",
    "washi",
];
/// Offsets and strengths of a type, as a service engineer sets them; together, since they are tried out together.
const ADJUSTMENTS: Kind = Kind::Map(&[
    optional("curl_correction", "Curl correction", Kind::Number(-10, 10)),
    optional("fixing_temperature", "Fixing temperature", Kind::Number(-3, 3)),
    optional("transfer_voltage_front", "Transfer voltage, front", Kind::Number(-20, 20)),
    optional("transfer_voltage_back", "Transfer voltage, back", Kind::Number(-20, 20)),
    optional("position_horizontal", "Image position, tenths of a millimetre", Kind::Number(-50, 50)),
    optional("position_vertical", "Image position, tenths of a millimetre", Kind::Number(-50, 50)),
    optional("gloss", "Gloss", Kind::Number(-2, 2)),
    optional("fan", "Separation fan", Kind::Number(0, 3)),
]);

/// A type of paper.
pub const TYPE: RecordType = RecordType::new(
    "paper-type",
    "Paper type",
    &["name"],
    &[
        required("name", "Name", Kind::Text(64)),
        required("base", "What it is treated as", Kind::Choice(BASES)),
        required("weight", "Weight in g/m²", Kind::Number(38, 400)),
        optional("finish", "Finish", Kind::Choice(FINISHES)),
        optional("colour", "Colour", Kind::Text(32)),
        optional("size", "Size, where it has only one", Kind::Choice(SIZES)),
        optional("two_sided", "Fit for two sides", Kind::Flag),
        optional("second_side", "Is printed on one side already", Kind::Flag),
        optional("built_in", "Came with the machine", Kind::Flag),
        optional("adjustments", "Adjustments", ADJUSTMENTS),
    ],
);

/// What lies in a tray.
pub const TRAY: RecordType = RecordType::new(
    "paper-tray",
    "Paper in a tray",
    &["tray"],
    &[
        required(
            "tray",
            "Which tray",
            Kind::Choice(&["multi-purpose", "1", "2", "3", "4", "5", "6", "inserter"]),
        ),
        required("size", "Size", Kind::Choice(SIZES)),
        optional(
            "custom_size",
            "Width and height of a custom size, in tenths of a millimetre",
            Kind::Map(&[
                required("width", "Width", Kind::Number(900, 3_300)),
                required("height", "Height", Kind::Number(1_400, 13_000)),
            ]),
        ),
        optional("paper", "Name of the paper type", Kind::Text(64)),
        optional("weight", "Weight in g/m²", Kind::Number(38, 400)),
        optional("finish", "Finish", Kind::Choice(FINISHES)),
        optional("sheets", "How many sheets", Kind::Number(0, 5_000)),
        optional("capacity", "How many fit", Kind::Number(1, 5_000)),
        optional("auto_select", "For which functions it is chosen automatically", USES),
    ],
);
const USES: Kind = Kind::List(&Kind::Choice(&["copy", "printer", "stored-files", "receive", "other"]), 5);

/// How types are offered.
pub const TYPE_SETTINGS: &[Setting] = &[
    choice("paper-types.order", "Order of the types", &["machine", "name", "weight"], "machine"),
    flag("paper-types.show-unused", "Show types that no tray has", true),
    flag("paper-types.restrict", "Only administrators change types", true),
];
/// How trays are watched.
pub const TRAY_SETTINGS: &[Setting] = &[
    number("paper.low-warning", "Warn at so many sheets", (0, 500), 50),
    flag("paper.confirm-size", "Ask for the size when a tray is filled", true),
    choice("paper.other-size", "Where the right size is missing", &["ask", "use-similar", "cancel"], "ask"),
    flag("paper.switch-trays", "Go on from another tray with the same paper", true),
];

/// Paper type management.
pub const TYPES: Part =
    Part { place: Place::Local("paper-type-management"), types: &[&TYPE], settings: TYPE_SETTINGS };
/// Paper information.
pub const INFORMATION: Part =
    Part { place: Place::Local("paper-information"), types: &[&TRAY], settings: TRAY_SETTINGS };

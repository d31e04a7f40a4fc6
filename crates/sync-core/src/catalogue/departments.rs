//! Department IDs: who may use how much, and who did.

use super::{
    Default, Form, Kind, Part, Place, RecordType, Secret, Setting, choice, flag, of, optional, required,
};

const DIGITS: Kind = Kind::Form(Form::Digits(1, 7));
const PAGES: Kind = Kind::Number(0, 999_999);
/// Pages of each function; what is not named has no limit.
const LIMITS: Kind = Kind::Map(&[
    optional("total", "All pages", PAGES),
    optional("copy_colour", "Copies in colour", PAGES),
    optional("copy_black", "Copies in black and white", PAGES),
    optional("print_colour", "Prints in colour", PAGES),
    optional("print_black", "Prints in black and white", PAGES),
    optional("scan_colour", "Scans in colour", PAGES),
    optional("scan_black", "Scans in black and white", PAGES),
    optional("fax", "Faxes", PAGES),
]);
const FUNCTIONS: Kind = Kind::List(&Kind::Choice(super::FUNCTIONS), 8);

/// A department. What its people have used stays with the machine that counted it.
pub const DEPARTMENT: RecordType = RecordType {
    stays: &["counter"],
    ..RecordType::new(
        "department",
        "Department ID",
        &["id"],
        &[
            required("id", "ID", DIGITS),
            optional("name", "Name", Kind::Text(64)),
            optional("pin", "PIN", DIGITS).secret(Secret::Sealed),
            optional("limits", "How many pages they may use", LIMITS),
            optional("counter", "How many they have used", LIMITS),
            optional("functions", "Which functions they may use; all where none is named", FUNCTIONS),
        ],
    )
};

/// What holds for all of them. An import takes over the system manager's ID and PIN too.
pub const SETTINGS: &[Setting] = &[
    flag("department.enabled", "Use Department ID Management", false),
    flag("department.unknown-print", "Let print jobs without an ID in", true),
    flag("department.unknown-scan", "Let remote scans without an ID in", true),
    flag("department.black-without-id", "Let black and white copies without an ID", false),
    flag("department.limit-functions", "Restrict functions by department", false),
    choice(
        "department.at-limit",
        "What a department at its limit meets",
        &["stop", "finish-job", "warn"],
        "stop",
    ),
    flag("department.count-per-size", "Count large sheets twice", false),
    flag("department.show-count-at-logout", "Show the count at logout", false),
    of(
        "department.system-manager",
        "System manager",
        Kind::Map(&[
            required("id", "ID", DIGITS),
            required("pin", "PIN", DIGITS).secret(Secret::Sealed),
            optional("name", "Name", Kind::Text(64)),
            optional("mail", "E-mail address", Kind::Form(Form::Mail)),
            optional("telephone", "Telephone", Kind::Text(32)),
            optional("comment", "Comment", Kind::Text(128)),
        ]),
        Default::Map(&[]),
    )
    .sealed(),
];

/// The machine's.
pub const DEPARTMENTS: Part =
    Part { place: Place::Local("department-id-management"), types: &[&DEPARTMENT], settings: SETTINGS };

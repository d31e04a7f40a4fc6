//! Forwarding: what is received, by conditions, to whom. A rule names addresses of the machine's lists by their ids; one
//! that is gone is shown as missing and kept.

use super::{
    Form, Keys, Kind, Part, Place, RecordType, Setting, choice, flag, of, optional, personal, required, text,
};

const DAYS: Kind = Kind::List(&Kind::Choice(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), 7);
const CONDITION: Kind = Kind::Map(&[
    required(
        "what",
        "What is looked at",
        Kind::Choice(&[
            "fax-line",
            "sender-number",
            "sub-address",
            "sender-mail",
            "receiver-mail",
            "subject",
        ]),
    ),
    required(
        "how",
        "How it is compared",
        Kind::Choice(&["equals", "differs", "begins-with", "ends-with", "contains", "contains-not", "any"]),
    ),
    optional("text", "With what", Kind::Text(128)),
]);
const TIMES: Kind = Kind::Map(&[
    required("days", "On which days", DAYS),
    required("from", "From when", Kind::Form(Form::Time)),
    required("until", "Until when", Kind::Form(Form::Time)),
]);

/// A rule.
pub const RULE: RecordType = RecordType::new(
    "forwarding-rule",
    "Forwarding rule",
    &["name"],
    &[
        required("name", "Name", Kind::Text(64)),
        required("receives", "What it is for", Kind::Choice(&["fax", "i-fax", "all"])),
        optional("enabled", "Whether it is in use", Kind::Flag),
        optional("order", "Its place among the rules", Kind::Number(1, 1_000)),
        optional("without_conditions", "For whatever no other rule is for", Kind::Flag),
        optional("condition:*", "Condition", CONDITION),
        optional("combine", "How conditions go together", Kind::Choice(&["all", "any"])),
        optional("destination:*", "Address: its place among the destinations", Kind::Number(1, 1_000))
            .keys(Keys::Record),
        optional("box:*", "Mail box by its number: its place among the destinations", Kind::Number(1, 1_000))
            .keys(Keys::Number(0, 99)),
        optional("times", "When it holds", TIMES),
        optional("format", "File format", Kind::Choice(personal::FORMATS)),
        optional("divide_pages", "Divide into pages", Kind::Flag),
        optional("file_name", "Name of the file", Kind::Text(64)),
        optional("subject", "Subject of the e-mail", Kind::Text(128)),
        optional("message", "Text of the e-mail", Kind::Lines(1_024)),
        optional("reply_to", "Where answers go", Kind::Reference),
        optional(
            "done_notice",
            "Notice when it was forwarded",
            Kind::Map(&[
                required("when", "When", Kind::Choice(&["never", "always", "errors-only"])),
                optional("destination", "Whom", Kind::Reference),
            ]),
        ),
        optional("print", "Print as well", Kind::Choice(&["never", "always", "errors-only"])),
    ],
);

/// What holds for all of it. With forwarding errors off, jobs that failed are deleted.
pub const SETTINGS: &[Setting] = &[
    flag("forwarding.fax", "Forward received faxes", false),
    flag("forwarding.i-fax", "Forward received I-faxes", false),
    choice("forwarding.errors", "Jobs that could not be forwarded", &["off", "store", "print"], "store"),
    of("forwarding.retries", "How often it is tried again", Kind::Number(0, 15), super::Default::Number(3)),
    of(
        "forwarding.retry-interval",
        "Minutes between attempts",
        Kind::Number(1, 99),
        super::Default::Number(5),
    ),
    choice(
        "forwarding.report",
        "Report of what was forwarded",
        &["off", "always", "errors-only"],
        "errors-only",
    ),
    flag("forwarding.sender-in-subject", "Put the sender's number into the subject", false),
    text("forwarding.folder", "Where failed jobs are stored", 128),
];

/// The machine's.
pub const FORWARDING: Part = Part { place: Place::Local("forwarding"), types: &[&RULE], settings: SETTINGS };

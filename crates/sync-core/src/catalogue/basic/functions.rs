//! Function settings: common, copy, printer, send, receive, store and access files, print.

use crate::catalogue::{
    Default, Form, Kind, Setting, choice, flag, number, of, optional,
    personal::{COLOUR, FAX_RESOLUTIONS, FORMATS, RESOLUTIONS, SIDES},
    required, text,
};

const TRAYS: Kind = Kind::List(&Kind::Choice(&["multi-purpose", "1", "2", "3", "4", "5", "6"]), 7);
const ALL_TRAYS: Default =
    Default::List(&[Default::Text("1"), Default::Text("2"), Default::Text("3"), Default::Text("4")]);
const PRIORITY: Kind = Kind::Number(1, 3);

pub(super) const SETTINGS: &[Setting] = &[
    // Common.
    of("function.common.trays-copy", "Trays that a copy may choose", TRAYS, ALL_TRAYS),
    of("function.common.trays-print", "Trays that a print may choose", TRAYS, ALL_TRAYS),
    of("function.common.trays-receive", "Trays that a received page may choose", TRAYS, ALL_TRAYS),
    of(
        "function.common.priority",
        "Which goes first, 1 before 3",
        Kind::Map(&[
            required("copy", "Copies", PRIORITY),
            required("print", "Prints", PRIORITY),
            required("other", "Others", PRIORITY),
        ]),
        Default::Map(&[
            ("copy", Default::Number(1)),
            ("print", Default::Number(2)),
            ("other", Default::Number(3)),
        ]),
    ),
    choice("function.common.output-tray-copy", "Output tray of copies", &["a", "b", "c"], "a"),
    choice("function.common.output-tray-print", "Output tray of prints", &["a", "b", "c"], "b"),
    choice("function.common.output-tray-receive", "Output tray of received pages", &["a", "b", "c"], "c"),
    flag("function.common.banner-page", "Banner page between jobs", false),
    flag("function.common.offset-jobs", "Offset jobs", true),
    flag("function.common.continue-without-staples", "Go on without staples", true),
    choice("function.common.scan-streaks", "Streaks in scans", &["off", "remove", "warn"], "remove"),
    choice("function.common.pdf-name", "Name of a scanned file", &["date", "number", "sender"], "date"),
    flag("function.common.ocr-language-auto", "Find the language of a text by itself", true),
    choice("function.common.secure-watermark", "Secure watermark", &["off", "copy", "print", "all"], "off"),
    // Copy.
    number("function.copy.copies", "Copies", (1, 9_999), 1),
    choice("function.copy.colour", "Colour", COLOUR, "auto"),
    choice("function.copy.sides", "Two-sided", SIDES, "one-sided"),
    number("function.copy.density", "Density", (-4, 4), 0),
    choice(
        "function.copy.original",
        "Original",
        &["text", "text-and-photo", "photo", "map"],
        "text-and-photo",
    ),
    flag("function.copy.auto-collate", "Collate by itself", true),
    flag("function.copy.auto-orientation", "Turn by itself", true),
    // Printer.
    flag("function.printer.restrict-jobs", "Hold print jobs until their owner comes", false),
    choice(
        "function.printer.held-jobs",
        "Held jobs that are over their time",
        &["delete", "print"],
        "delete",
    ),
    number("function.printer.held-hours", "Hours that a job is held", (1, 168), 24),
    flag("function.printer.usb", "Accept print jobs by USB", true),
    // Send.
    choice("function.send.format", "File format", FORMATS, "pdf"),
    choice("function.send.colour", "Colour", COLOUR, "auto"),
    choice("function.send.resolution", "Resolution", RESOLUTIONS, "300"),
    number("function.send.retries", "How often it is tried again", (0, 5), 3),
    choice("function.send.report", "Report of what was sent", &["off", "on", "errors-only"], "errors-only"),
    flag("function.send.confirm-destination", "Show destinations before sending", false),
    flag("function.send.own-address-as-sender", "Sender's address is the user's", true),
    flag("function.send.restrict-new-addresses", "Send only to addresses of the lists", false),
    number("function.send.largest-mail", "Largest e-mail in MB, 0 for any", (0, 99), 0),
    flag("function.send.divide", "Divide an e-mail that is too large", false),
    text("function.send.subject", "Subject", 128),
    of(
        "function.send.compression",
        "Compression",
        Kind::Choice(&["high", "normal", "low"]),
        Default::Text("normal"),
    ),
    // Fax.
    choice("function.fax.resolution", "Fax: resolution", FAX_RESOLUTIONS, "normal"),
    of(
        "function.fax.line",
        "Fax: the line",
        Kind::Map(&[
            optional("number", "Own number", Kind::Form(Form::Digits(1, 20))),
            optional("name", "Own name", Kind::Text(24)),
            required("dialling", "Dialling", Kind::Choice(&["tone", "pulse"])),
        ]),
        Default::Map(&[("dialling", Default::Text("tone"))]),
    ),
    flag("function.fax.ecm", "Fax: error correction", true),
    number("function.fax.pause-seconds", "Fax: length of a pause", (1, 15), 2),
    choice(
        "function.fax.start-speed",
        "Fax: speed at which sending starts",
        &["33600", "14400", "9600", "4800", "2400"],
        "33600",
    ),
    flag("function.fax.sender-line", "Fax: sender's line on each page", true),
    flag("function.fax.off-hook-alarm", "Fax: warn when the receiver is off", true),
    // Receive.
    choice("function.receive.sides", "Print received pages", &["one-sided", "two-sided"], "one-sided"),
    flag("function.receive.reduce", "Reduce to the paper", true),
    number("function.receive.reduce-percent", "At most to this percentage", (75, 97), 90),
    flag("function.receive.footer", "Page footer with the time of reception", false),
    number("function.receive.rings", "Rings until it answers", (1, 99), 2),
    flag("function.receive.remote", "Begin by a telephone's keys", false),
    of(
        "function.receive.remote-code",
        "The keys for it",
        Kind::Form(Form::Digits(2, 2)),
        Default::Text("25"),
    ),
    choice("function.receive.report", "Report of what was received", &["off", "on", "errors-only"], "off"),
    flag("function.receive.continue-without-toner", "Go on printing without toner", false),
    // Store and access files.
    choice("function.store.format", "File format", FORMATS, "pdf"),
    choice("function.store.colour", "Colour", COLOUR, "auto"),
    flag("function.store.network", "Use folders of the network", true),
    flag("function.store.usb-scan", "Store to USB storage", true),
    flag("function.store.usb-print", "Print from USB storage", true),
    choice("function.store.sort", "Order of files", &["name", "date", "size"], "name"),
    // Print.
    choice("function.print.sides", "Print of stored files: two-sided", SIDES, "one-sided"),
    number("function.print.most-copies", "Most copies of a stored file", (1, 9_999), 9_999),
    choice("function.print.errors", "Jobs that meet an error", &["wait", "skip", "cancel"], "wait"),
];

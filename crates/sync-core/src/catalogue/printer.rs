//! The printer: how it prints what says nothing else, and the profiles that were loaded into it.

use super::{
    Kind, Part, Place, RecordType, Setting, choice, flag, number, optional, personal, required, text,
};

const SIZES: &[&str] = &["a3", "a4", "a5", "b4", "b5", "ledger", "letter", "legal", "executive", "statement"];
const TYPES: &[&str] =
    &["thin", "plain", "recycled", "colour", "heavy", "bond", "coated", "labels", "envelope"];
const CODES: &[&str] =
    &["ascii", "pc-8", "roman-8", "windows-1252", "iso-8859-1", "iso-8859-2", "iso-8859-15"];

/// The settings.
pub const SETTINGS: &[Setting] = &[
    // What a job that says nothing gets.
    number("printer.copies", "Copies", (1, 9_999), 1),
    choice("printer.paper-size", "Paper size", SIZES, "a4"),
    choice("printer.paper-type", "Paper type", TYPES, "plain"),
    flag("printer.override-size", "Letter for A4, and A4 for letter", false),
    choice("printer.sides", "Two-sided", personal::SIDES, "one-sided"),
    choice("printer.binding", "Bound at the", &["long-edge", "short-edge"], "long-edge"),
    number("printer.gutter", "Gutter in tenths of a millimetre", (-500, 500), 0),
    number("printer.offset-short", "Offset at the short edge in tenths of a millimetre", (-500, 500), 0),
    number("printer.offset-long", "Offset at the long edge in tenths of a millimetre", (-500, 500), 0),
    choice(
        "printer.finishing",
        "Finishing",
        &["none", "collate", "group", "staple", "punch", "fold", "saddle-stitch"],
        "collate",
    ),
    // Quality.
    choice("printer.resolution", "Resolution", &["600", "1200"], "600"),
    choice("printer.colour", "Colour", personal::COLOUR, "auto"),
    number("printer.density-cyan", "Density of cyan", (-8, 8), 0),
    number("printer.density-magenta", "Density of magenta", (-8, 8), 0),
    number("printer.density-yellow", "Density of yellow", (-8, 8), 0),
    number("printer.density-black", "Density of black", (-8, 8), 0),
    flag("printer.toner-save", "Save toner", false),
    choice("printer.refinement", "Smooth edges", &["off", "on"], "on"),
    choice("printer.halftone", "Halftones", &["tone", "resolution", "error-diffusion"], "resolution"),
    choice(
        "printer.matching",
        "Colour matching",
        &["perceptual", "saturation", "relative", "absolute"],
        "perceptual",
    ),
    // The printer's own behaviour.
    choice(
        "printer.language",
        "Language of print jobs",
        &["auto", "pcl", "postscript", "pdf", "xps", "image"],
        "auto",
    ),
    number("printer.time-out", "Seconds until a silent job ends", (5, 300), 15),
    flag("printer.show-errors", "Stop at errors until somebody goes on", true),
    flag("printer.skip-blank", "Leave blank pages out", false),
    flag("printer.auto-continue", "Go on after small errors", false),
    flag("printer.wide-a4", "Print wider on A4", false),
    flag("printer.print-as-stored", "Let people store in place of printing", true),
    choice("printer.feed", "Paper feed", &["auto", "multi-purpose", "1", "2", "3", "4"], "auto"),
    // Page description languages.
    choice("printer.pcl-orientation", "PCL: orientation", &["portrait", "landscape"], "portrait"),
    number("printer.pcl-font", "PCL: font number", (0, 999), 0),
    number("printer.pcl-pitch", "PCL: characters to ten inches", (44, 9_999), 1_000),
    number("printer.pcl-lines", "PCL: lines on a page", (5, 128), 64),
    choice("printer.pcl-code", "PCL: code page", CODES, "pc-8"),
    flag("printer.pcl-carriage-return", "PCL: a line feed returns the carriage", false),
    flag("printer.postscript-errors", "PostScript: print errors", false),
    number(
        "printer.postscript-time-out",
        "PostScript: seconds that a job may take, 0 for any",
        (0, 3_600),
        0,
    ),
    choice("printer.postscript-passwords", "PostScript: change settings by password", &["off", "on"], "off"),
    flag("printer.postscript-pure-black", "PostScript: black text with black toner alone", true),
    flag("printer.pdf-shrink", "PDF: shrink to the paper", true),
    flag("printer.pdf-comments", "PDF: print comments", true),
    choice("printer.image-zoom", "Pictures: size", &["off", "fit", "actual"], "fit"),
    text("printer.job-name-prefix", "Beginning of job names in the log", 32),
];

/// A profile, loaded into the machine.
pub const PROFILE: RecordType = RecordType::new(
    "printer-profile",
    "Profile for the printer",
    &["name"],
    &[
        required("name", "Name", Kind::Text(64)),
        required(
            "use",
            "What it is for",
            Kind::Choice(&["output", "source-rgb", "source-cmyk", "device-link", "grey"]),
        ),
        required("content", "The profile", Kind::Bytes(4 * 1024 * 1024)),
        optional("file_name", "Name of its file", Kind::Text(128)),
        optional("default", "Whether it is taken where a job names none", Kind::Flag),
    ],
);

/// Printer settings.
pub const PRINTER: Part = Part { place: Place::Local("printer-settings"), types: &[], settings: SETTINGS };
/// Download profiles.
pub const PROFILES: Part =
    Part { place: Place::Local("printer-download-profile"), types: &[&PROFILE], settings: &[] };

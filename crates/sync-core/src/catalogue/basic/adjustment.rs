//! Adjustment and maintenance.

use crate::catalogue::{Default, Form, Kind, Setting, choice, flag, number, of, optional, required};

const COLOURS: Kind = Kind::Map(&[
    required("cyan", "Cyan", Kind::Number(-8, 8)),
    required("magenta", "Magenta", Kind::Number(-8, 8)),
    required("yellow", "Yellow", Kind::Number(-8, 8)),
    required("black", "Black", Kind::Number(-8, 8)),
]);
const EVEN: Default = Default::Map(&[
    ("cyan", Default::Number(0)),
    ("magenta", Default::Number(0)),
    ("yellow", Default::Number(0)),
    ("black", Default::Number(0)),
]);

pub(super) const SETTINGS: &[Setting] = &[
    choice(
        "adjustment.automatic-gradation",
        "Adjust gradation by itself",
        &["off", "at-start", "daily"],
        "at-start",
    ),
    of("adjustment.density", "Density of the colours", COLOURS, EVEN),
    number("adjustment.scan-sharpness", "Sharpness of scans", (-3, 3), 0),
    number("adjustment.send-density", "Density of sent pages", (-4, 4), 0),
    of(
        "adjustment.zoom",
        "Fine zoom, in tenths of a percent",
        Kind::Map(&[
            required("horizontal", "Horizontal", Kind::Number(-10, 10)),
            required("vertical", "Vertical", Kind::Number(-10, 10)),
        ]),
        Default::Map(&[("horizontal", Default::Number(0)), ("vertical", Default::Number(0))]),
    ),
    number("adjustment.saddle-stitch-position", "Position of saddle stitches", (-20, 20), 0),
    number("adjustment.saddle-fold-position", "Position of the fold", (-20, 20), 0),
    choice("adjustment.black-text", "Text in black and white", &["text", "balance", "photo"], "balance"),
    number("adjustment.colour-sheet-detection", "How easily a sheet counts as coloured", (-5, 5), 0),
    flag("adjustment.feeder-dust", "Look for dust on the feeder's glass", true),
    choice("adjustment.cleaning-roller", "Clean the fixing unit", &["off", "daily", "weekly"], "weekly"),
    of(
        "adjustment.cleaning-time",
        "When it cleans itself",
        Kind::Map(&[optional("at", "At", Kind::Form(Form::Time))]),
        Default::Map(&[]),
    ),
    number("adjustment.condensation-minutes", "Minutes that it dries after a cold start", (0, 60), 0),
];

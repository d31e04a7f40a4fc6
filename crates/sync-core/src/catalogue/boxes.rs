//! Boxes: where the machine keeps what people stored or received. Their settings travel, their documents do not.

use super::{
    Default, Field, Form, Kind, Part, Place, RecordType, Secret, Setting, choice, flag, of, optional,
    required,
};

/// Hours until a document is deleted; 0 = never. An import that brings another time deletes documents then.
const AUTO_DELETE: Kind = Kind::Number(0, 720);
const NAME: Field = optional("name", "Name", Kind::Text(64));
const PIN: Field = optional("pin", "PIN", Kind::Form(Form::Digits(1, 7))).secret(Secret::Sealed);

/// A mail box.
pub const MAIL_BOX: RecordType = RecordType::new(
    "mail-box",
    "Mail box",
    &["number"],
    &[
        required("number", "Number", Kind::Number(0, 99)),
        NAME,
        PIN,
        optional("auto_delete_hours", "Hours until a document is deleted, 0 for never", AUTO_DELETE),
        optional("print_on_storing", "Print what a printer driver stores", Kind::Flag),
        optional("notice", "Whom to tell of a new document", Kind::Reference),
        optional("owner", "The user whose it is", Kind::Text(128)),
    ],
);
/// A confidential fax box.
pub const FAX_BOX: RecordType = RecordType::new(
    "fax-box",
    "Confidential fax box",
    &["number"],
    &[
        required("number", "Number", Kind::Number(0, 49)),
        NAME,
        PIN,
        optional("notice", "Whom to tell of a new document", Kind::Reference),
    ],
);

/// What holds for all boxes.
pub const SETTINGS: &[Setting] = &[
    of("box.auto-delete-hours", "Hours until a document is deleted", AUTO_DELETE, Default::Number(72)),
    flag("box.show-print-settings", "Show print settings before printing", true),
    flag("box.delete-after-printing", "Delete a document after it was printed", false),
    choice("box.hard-disk-store", "Documents from a printer driver", &["keep", "print", "refuse"], "keep"),
    flag("box.memory-reception", "Receive faxes into memory", false),
    of("box.memory-reception-pin", "PIN of the memory reception box", PIN.kind, Default::Text("")).sealed(),
    of(
        "box.memory-reception-times",
        "When faxes go into memory",
        Kind::Map(&[
            required("from", "From when", Kind::Form(Form::Time)),
            required("until", "Until when", Kind::Form(Form::Time)),
            optional("weekends", "All day at weekends", Kind::Flag),
        ]),
        Default::Map(&[]),
    ),
    flag("box.advanced-open", "Open the advanced box to the network", false),
    choice("box.advanced-protocol", "How the advanced box is opened", &["smb", "webdav", "both"], "smb"),
    flag("box.advanced-own-folders", "Give each user a folder in the advanced box", false),
    of(
        "box.advanced-auto-delete-days",
        "Days until a file in the advanced box is deleted, 0 for never",
        Kind::Number(0, 365),
        Default::Number(0),
    ),
];

/// The machine's.
pub const BOXES: Part =
    Part { place: Place::Local("box"), types: &[&MAIL_BOX, &FAX_BOX], settings: SETTINGS };

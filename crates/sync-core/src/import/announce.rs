//! What an import does beside writing records, which its plan must say before it is applied: one table.

use super::{Fields, scope::Class};
use crate::{files::Note, item::Item, value::Value};
use alloc::{format, string::String, vec::Vec};

/// One record that the import touches.
pub(super) struct Touched<'a> {
    pub(super) class: Class,
    pub(super) before: Option<&'a Fields>,
    /// `None` where it goes.
    pub(super) after: Option<&'a Fields>,
}

impl Touched<'_> {
    fn setting(&self) -> &str {
        match self.class {
            Class::Setting(Some(known)) => known.name,
            _ => "",
        }
    }

    /// What a field becomes, if it changes.
    fn becomes(&self, field: &str) -> Option<&Value> {
        let after = self.after?.get(field)?;
        (self.before.and_then(|before| before.get(field)) != Some(after)).then_some(after)
    }

    fn is_time(value: Option<&Value>) -> bool {
        value.and_then(Value::as_int).is_some_and(|time| time > 0)
    }
}

/// A consequence of an import, and when it comes.
pub struct Announcement {
    /// A stable word for scripts.
    pub code: &'static str,
    /// What a person reads.
    pub text: &'static str,
    when: fn(&Touched<'_>) -> bool,
}

/// What follows from what.
pub const ANNOUNCEMENTS: [Announcement; 4] = [
    Announcement {
        code: "system_manager_overwritten",
        text: "the system manager's ID and PIN become those of the file: keep them at hand",
        when: |touched| {
            touched.setting() == "department.system-manager" && touched.becomes("value").is_some()
        },
    },
    Announcement {
        code: "stored_documents_deleted",
        text: "boxes get another time after which documents are deleted: older ones go as soon as it holds",
        when: |touched| {
            let of_box = matches!(touched.class, Class::Typed(known) if known.name == "mail-box")
                && Touched::is_time(touched.becomes("auto_delete_hours"));
            let of_all =
                ["box.auto-delete-hours", "box.advanced-auto-delete-days"].contains(&touched.setting());
            of_box || of_all && Touched::is_time(touched.becomes("value"))
        },
    },
    Announcement {
        code: "failed_jobs_deleted",
        text: "forwarding errors are switched off: jobs that could not be forwarded are deleted",
        when: |touched| {
            touched.setting() == "forwarding.errors"
                && touched.becomes("value").and_then(Value::as_text) == Some("off")
        },
    },
    Announcement {
        code: "favorites_kept",
        text: "addresses go; favorites, forwarding and recall memory that name them stay, and show them as missing",
        when: |touched| touched.class == Class::Address && touched.after.is_none(),
    },
];

/// Which consequences the import of one space has.
#[derive(Default)]
pub(super) struct Announced([bool; ANNOUNCEMENTS.len()]);

impl Announced {
    pub(super) fn touched(&mut self, touched: &Touched<'_>) {
        for (said, announcement) in self.0.iter_mut().zip(&ANNOUNCEMENTS) {
            *said = *said || (announcement.when)(touched);
        }
    }

    pub(super) fn notes(&self) -> Vec<Note> {
        let said = self.0.iter().zip(&ANNOUNCEMENTS).filter(|(said, _)| **said);
        said.map(|(_, announcement)| Note::new(None, announcement.code, announcement.text)).collect()
    }
}

/// What should travel together: what names records of what.
pub const TOGETHER: [(Item, Item); 3] = [
    (Item::Forwarding, Item::AddressBook),
    (Item::Favorite, Item::AddressBook),
    (Item::Box, Item::AddressBook),
];

/// Which item an item should travel with, as the end of a remark.
pub(super) fn travels_with(item: Item) -> String {
    let others: Vec<&str> =
        TOGETHER.iter().filter(|(one, _)| *one == item).map(|(_, other)| other.as_str()).collect();
    if others.is_empty() { String::new() } else { format!("; import {} with it", others.join(", ")) }
}

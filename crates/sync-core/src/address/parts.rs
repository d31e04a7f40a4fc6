//! The parts of an address that are one field each, because what belongs together is written together.

use crate::value::Value;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Text that no report, log or error may show.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "***" })
    }
}

/// A struct of texts that is one [`Value::Map`] in the record; an empty text stands for an absent key.
macro_rules! texts_in_one_field {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: String,)*
            /// What a newer model keeps here; it goes back as it came.
            pub other: BTreeMap<String, Value>,
        }

        impl $name {
            /// Whether nothing is in it.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                $(self.$field.is_empty() &&)* self.other.is_empty()
            }

            pub(super) fn to_value(&self) -> Value {
                let mut map = self.other.clone();
                $(if !self.$field.is_empty() {
                    map.insert(stringify!($field).to_string(), Value::Text(self.$field.clone()));
                })*
                Value::Map(map)
            }

            pub(super) fn from_value(value: &Value) -> Option<Self> {
                let Value::Map(map) = value else { return None };
                let mut parts = Self::default();
                for (key, item) in map {
                    if let Value::Text(text) = item && !text.is_empty() {
                        $(if key == stringify!($field) {
                            parts.$field.clone_from(text);
                            continue;
                        })*
                    }
                    parts.other.insert(key.clone(), item.clone());
                }
                Some(parts)
            }
        }
    };
}

texts_in_one_field! {
    /// A fax number with the settings of its line, as text: each maker has words of its own.
    Fax {
        /// What is dialled, with pauses as the machine writes them.
        number,
        /// Such as `g3` or `ecm`.
        protocol,
        /// Error correction: `on` or `off`.
        ecm,
        /// The speed at which sending starts, in bit/s.
        speed,
        /// How the number is reached, such as `domestic` or `international1`.
        line_type,
        /// Which line is used, such as `auto`.
        line,
        /// The sub-address (T.33).
        sub_address,
        /// Of an IP fax: its URI.
        uri,
        /// Of an IP fax: the kind of its URI.
        uri_mode,
        /// Of an IP fax: whether the URI is used.
        uri_flag,
    }
}

texts_in_one_field! {
    /// A folder on a file server.
    Folder {
        /// `smb`, `ftp` or `webdav`, in lower case.
        protocol,
        /// The server: a host name, a UNC share or a URL.
        host,
        /// The port, where it is not the usual one.
        port,
        /// The path on it.
        path,
    }
}

texts_in_one_field! {
    /// Who an entry leads to, as files of contacts know a person. [`Address::name`](super::Address::name) is what is
    /// shown; this is what it is made of, and what else is said.
    Person {
        /// The first name.
        given,
        /// Further first names.
        middle,
        /// The last name.
        family,
        /// What stands before the name, such as a title.
        prefix,
        /// What stands after it.
        suffix,
        /// What friends say.
        nickname,
        /// How the first name is read.
        given_reading,
        /// How the last name is read.
        family_reading,
        /// Where the person works.
        organization,
        /// In which part of it.
        department,
        /// As what.
        title,
        /// A telephone number.
        phone,
        /// The number of a mobile telephone.
        mobile,
        /// Where the telephone is, as [`Address::label`](super::Address::label) says it of a destination.
        phone_label,
        /// What else somebody wrote down.
        note,
    }
}

/// The password of a login.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Password {
    /// It can be read.
    Plain(Secret),
    /// The source encrypted it; only a file of the same scheme can carry it.
    Encrypted {
        /// Whose encryption, such as `canon:2`.
        scheme: String,
        /// The source's text, unchanged.
        text: Secret,
    },
}

/// How a machine logs in to a folder's server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Login {
    /// The user name, with its domain if it has one.
    pub username: String,
    /// The password, if there is one.
    pub password: Option<Password>,
    /// What a newer model keeps here; it goes back as it came.
    pub other: BTreeMap<String, Value>,
}

impl Login {
    pub(super) fn to_value(&self) -> Value {
        let mut map = self.other.clone();
        let mut set = |key: &str, text: &str| map.insert(key.to_string(), text.into());
        if !self.username.is_empty() {
            set("username", &self.username);
        }
        match &self.password {
            Some(Password::Plain(text)) => {
                set("password", &text.0);
            }
            Some(Password::Encrypted { scheme, text }) => {
                set("encrypted", &text.0);
                set("scheme", scheme);
            }
            None => {}
        }
        Value::Map(map)
    }

    pub(super) fn from_value(value: &Value) -> Option<Self> {
        let Value::Map(map) = value else { return None };
        let mut other = map.clone();
        let mut login = Self::default();
        if let Some(Value::Text(text)) = map.get("username")
            && !text.is_empty()
        {
            login.username.clone_from(text);
            other.remove("username");
        }
        if let Some(Value::Text(text)) = map.get("password") {
            login.password = Some(Password::Plain(Secret(text.clone())));
            other.remove("password");
        } else if let (Some(Value::Text(text)), Some(Value::Text(scheme))) =
            (map.get("encrypted"), map.get("scheme"))
        {
            login.password = Some(Password::Encrypted { scheme: scheme.clone(), text: Secret(text.clone()) });
            other.remove("encrypted");
            other.remove("scheme");
        }
        login.other = other;
        Some(login)
    }
}

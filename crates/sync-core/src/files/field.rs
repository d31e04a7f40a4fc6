//! The fields of an entry by name, as text: what a format's columns speak of, and what a report names.

use crate::address::{Address, AddressKind, Fax, Folder, Login, Password, Person, Secret};
use alloc::string::{String, ToString};
use serde::Serialize;

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $name:literal, $words:literal;)*) => {
        /// One thing that an entry says of itself. What a format holds is told in these.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Field {
            $($(#[$doc])* $field,)*
        }

        impl Field {
            /// All, in the order in which documents list them.
            pub const ALL: &'static [Self] = &[$(Self::$field),*];

            /// Its name in mappings and reports for scripts.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)* }
            }

            /// What a person reads.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$field => $words,)* }
            }

            /// The field of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.name() == name)
            }
        }
    };
}

fields! {
    /// [`Address::name`].
    Name = "name", "name";
    /// [`Address::reading`].
    Reading = "reading", "reading of the name";
    /// [`Address::reading_language`].
    ReadingLanguage = "reading-language", "language of the reading";
    /// [`Address::short_name`].
    ShortName = "short-name", "short name";
    /// [`Person::given`].
    Given = "first-name", "first name";
    /// [`Person::middle`].
    Middle = "middle-name", "middle name";
    /// [`Person::family`].
    Family = "last-name", "last name";
    /// [`Person::prefix`].
    Prefix = "name-prefix", "name prefix";
    /// [`Person::suffix`].
    Suffix = "name-suffix", "name suffix";
    /// [`Person::nickname`].
    Nickname = "nickname", "nickname";
    /// [`Person::given_reading`].
    GivenReading = "first-name-reading", "reading of the first name";
    /// [`Person::family_reading`].
    FamilyReading = "last-name-reading", "reading of the last name";
    /// [`Person::organization`].
    Organization = "organization", "organization";
    /// [`Person::department`].
    Department = "department", "department";
    /// [`Person::title`].
    Title = "job-title", "job title";
    /// [`Person::phone`].
    Phone = "telephone", "telephone number";
    /// [`Person::mobile`].
    Mobile = "mobile", "mobile telephone";
    /// [`Person::phone_label`].
    PhoneLabel = "telephone-label", "label of the telephone number";
    /// [`Person::note`].
    Note = "note", "note";
    /// [`Address::list`].
    List = "list", "list";
    /// [`Address::number`].
    Number = "number", "number in the list";
    /// [`Address::mail`].
    Mail = "e-mail", "e-mail address";
    /// [`Address::label`].
    Label = "label", "label of the destination";
    /// [`Fax::number`].
    FaxNumber = "fax", "fax number";
    /// [`Fax::protocol`].
    FaxProtocol = "fax-protocol", "fax protocol";
    /// [`Fax::ecm`].
    FaxEcm = "fax-ecm", "error correction of the fax";
    /// [`Fax::speed`].
    FaxSpeed = "fax-speed", "speed of the fax";
    /// [`Fax::line_type`].
    FaxLineType = "fax-line-type", "way to the fax number";
    /// [`Fax::line`].
    FaxLine = "fax-line", "line of the fax";
    /// [`Fax::sub_address`].
    FaxSubAddress = "fax-sub-address", "sub-address of the fax";
    /// [`Fax::uri`].
    FaxUri = "fax-uri", "URI of the IP fax";
    /// [`Fax::uri_mode`].
    FaxUriMode = "fax-uri-mode", "kind of the URI";
    /// [`Fax::uri_flag`].
    FaxUriFlag = "fax-uri-flag", "use of the URI";
    /// [`Folder::host`].
    FolderHost = "folder-host", "server of the folder";
    /// [`Folder::port`].
    FolderPort = "folder-port", "port of the folder's server";
    /// [`Folder::path`].
    FolderPath = "folder-path", "path of the folder";
    /// [`Login::username`].
    LoginUser = "folder-user", "user name at the folder's server";
    /// [`Login::password`].
    LoginPassword = "folder-password", "password at the folder's server";
    /// [`Address::access_code`].
    AccessCode = "access-code", "access number";
}

/// A label as the model has it: the usual ones are lower-case English words.
pub(super) fn label_of(text: &str) -> String {
    let text = text.trim();
    let usual = LABELS.iter().find(|one| one.eq_ignore_ascii_case(text));
    usual.map_or_else(|| text.into(), |one| (*one).into())
}

/// The labels that have the same meaning everywhere.
pub(super) const LABELS: &[&str] = &["home", "work", "other"];

impl Field {
    /// Whether no report may show what it holds.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::LoginPassword | Self::AccessCode)
    }

    /// Whether what is too long may be cut: a name is still a name, an address would lead elsewhere.
    #[must_use]
    pub const fn can_be_cut(self) -> bool {
        (self as usize) <= (Self::Note as usize)
    }

    /// What the entry says, as text; empty where it says nothing. An encrypted password is its source's text.
    #[must_use]
    pub fn get(self, address: &Address) -> String {
        let number = |number: Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
        let person =
            |part: fn(&Person) -> &String| address.person.as_ref().map_or(String::new(), |p| part(p).clone());
        let fax = |part: fn(&Fax) -> &String| address.fax.as_ref().map_or(String::new(), |p| part(p).clone());
        let folder =
            |part: fn(&Folder) -> &String| address.folder.as_ref().map_or(String::new(), |p| part(p).clone());
        match self {
            Self::Name => address.name.clone(),
            Self::Reading => address.reading.clone(),
            Self::ReadingLanguage => address.reading_language.clone(),
            Self::ShortName => address.short_name.clone(),
            Self::Given => person(|p| &p.given),
            Self::Middle => person(|p| &p.middle),
            Self::Family => person(|p| &p.family),
            Self::Prefix => person(|p| &p.prefix),
            Self::Suffix => person(|p| &p.suffix),
            Self::Nickname => person(|p| &p.nickname),
            Self::GivenReading => person(|p| &p.given_reading),
            Self::FamilyReading => person(|p| &p.family_reading),
            Self::Organization => person(|p| &p.organization),
            Self::Department => person(|p| &p.department),
            Self::Title => person(|p| &p.title),
            Self::Phone => person(|p| &p.phone),
            Self::Mobile => person(|p| &p.mobile),
            Self::PhoneLabel => person(|p| &p.phone_label),
            Self::Note => person(|p| &p.note),
            Self::List => number(address.list),
            Self::Number => number(address.number),
            Self::Mail => address.mail.clone(),
            Self::Label => address.label.clone(),
            Self::FaxNumber => fax(|f| &f.number),
            Self::FaxProtocol => fax(|f| &f.protocol),
            Self::FaxEcm => fax(|f| &f.ecm),
            Self::FaxSpeed => fax(|f| &f.speed),
            Self::FaxLineType => fax(|f| &f.line_type),
            Self::FaxLine => fax(|f| &f.line),
            Self::FaxSubAddress => fax(|f| &f.sub_address),
            Self::FaxUri => fax(|f| &f.uri),
            Self::FaxUriMode => fax(|f| &f.uri_mode),
            Self::FaxUriFlag => fax(|f| &f.uri_flag),
            Self::FolderHost => folder(|f| &f.host),
            Self::FolderPort => folder(|f| &f.port),
            Self::FolderPath => folder(|f| &f.path),
            Self::LoginUser => address.login.as_ref().map_or(String::new(), |l| l.username.clone()),
            Self::LoginPassword => match address.login.as_ref().and_then(|l| l.password.as_ref()) {
                Some(Password::Plain(text) | Password::Encrypted { text, .. }) => text.0.clone(),
                None => String::new(),
            },
            Self::AccessCode => address.access_code.0.clone(),
        }
    }

    /// Makes the entry say this; an empty text makes it say nothing. A text that is no whole number says nothing where
    /// one must stand. A password is a readable one; see [`Password`] for others.
    pub fn set(self, address: &mut Address, text: &str) {
        match self {
            Self::Name => address.name = text.into(),
            Self::Reading => address.reading = text.into(),
            Self::ReadingLanguage => address.reading_language = text.into(),
            Self::ShortName => address.short_name = text.into(),
            Self::List => address.list = text.trim().parse().ok(),
            Self::Number => address.number = text.trim().parse().ok(),
            Self::Mail => address.mail = text.into(),
            Self::Label => address.label = text.into(),
            Self::AccessCode => address.access_code = Secret(text.into()),
            Self::Given
            | Self::Middle
            | Self::Family
            | Self::Prefix
            | Self::Suffix
            | Self::Nickname
            | Self::GivenReading
            | Self::FamilyReading
            | Self::Organization
            | Self::Department
            | Self::Title
            | Self::Phone
            | Self::Mobile
            | Self::PhoneLabel
            | Self::Note => {
                let mut person = address.person.take().unwrap_or_default();
                *match self {
                    Self::Given => &mut person.given,
                    Self::Middle => &mut person.middle,
                    Self::Family => &mut person.family,
                    Self::Prefix => &mut person.prefix,
                    Self::Suffix => &mut person.suffix,
                    Self::Nickname => &mut person.nickname,
                    Self::GivenReading => &mut person.given_reading,
                    Self::FamilyReading => &mut person.family_reading,
                    Self::Organization => &mut person.organization,
                    Self::Department => &mut person.department,
                    Self::Title => &mut person.title,
                    Self::Phone => &mut person.phone,
                    Self::Mobile => &mut person.mobile,
                    Self::PhoneLabel => &mut person.phone_label,
                    _ => &mut person.note,
                } = text.into();
                address.person = (!person.is_empty()).then_some(person);
            }
            Self::FaxNumber
            | Self::FaxProtocol
            | Self::FaxEcm
            | Self::FaxSpeed
            | Self::FaxLineType
            | Self::FaxLine
            | Self::FaxSubAddress
            | Self::FaxUri
            | Self::FaxUriMode
            | Self::FaxUriFlag => {
                let mut fax = address.fax.take().unwrap_or_default();
                *match self {
                    Self::FaxNumber => &mut fax.number,
                    Self::FaxProtocol => &mut fax.protocol,
                    Self::FaxEcm => &mut fax.ecm,
                    Self::FaxSpeed => &mut fax.speed,
                    Self::FaxLineType => &mut fax.line_type,
                    Self::FaxLine => &mut fax.line,
                    Self::FaxSubAddress => &mut fax.sub_address,
                    Self::FaxUri => &mut fax.uri,
                    Self::FaxUriMode => &mut fax.uri_mode,
                    _ => &mut fax.uri_flag,
                } = text.into();
                address.fax = (!fax.is_empty()).then_some(fax);
            }
            Self::FolderHost | Self::FolderPort | Self::FolderPath => {
                let mut folder = address.folder.take().unwrap_or_default();
                *match self {
                    Self::FolderHost => &mut folder.host,
                    Self::FolderPort => &mut folder.port,
                    _ => &mut folder.path,
                } = text.into();
                address.folder = (!folder.is_empty()).then_some(folder);
            }
            Self::LoginUser | Self::LoginPassword => {
                let mut login = address.login.take().unwrap_or_default();
                if self == Self::LoginUser {
                    login.username = text.into();
                } else {
                    login.password = (!text.is_empty()).then(|| Password::Plain(Secret(text.into())));
                }
                address.login = (login != Login::default()).then_some(login);
            }
        }
    }
}

/// What kind of place an entry leads to, as formats tell them apart: a folder by its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// An e-mail address.
    #[serde(rename = "e-mail")]
    Mail,
    /// An Internet fax.
    #[serde(rename = "i-fax")]
    Ifax,
    /// A fax number.
    #[serde(rename = "fax")]
    Fax,
    /// A fax over IP.
    #[serde(rename = "ip-fax")]
    IpFax,
    /// A folder of an SMB server.
    #[serde(rename = "smb-folder")]
    Smb,
    /// A folder of an FTP server.
    #[serde(rename = "ftp-folder")]
    Ftp,
    /// A folder of a WebDAV server.
    #[serde(rename = "webdav-folder")]
    WebDav,
    /// A group of other entries.
    Group,
    /// A person or place of whom the source tells no destination that can be used here; see [`NOWHERE`].
    #[serde(rename = "contact-without-a-destination")]
    Nowhere,
    /// A kind of which only the name is known.
    Other,
}

/// The kind of an entry that leads nowhere: a contact without an e-mail address, fax number or folder.
pub const NOWHERE: &str = "contact";

impl Slot {
    /// All, in the order in which documents list them.
    pub const ALL: [Self; 10] = [
        Self::Mail,
        Self::Ifax,
        Self::Fax,
        Self::IpFax,
        Self::Smb,
        Self::Ftp,
        Self::WebDav,
        Self::Group,
        Self::Nowhere,
        Self::Other,
    ];

    /// That of an entry.
    #[must_use]
    pub fn of(address: &Address) -> Self {
        match &address.kind {
            AddressKind::Email => Self::Mail,
            AddressKind::Fax => Self::Fax,
            AddressKind::Ifax => Self::Ifax,
            AddressKind::IpFax => Self::IpFax,
            AddressKind::Group => Self::Group,
            AddressKind::Folder => match address.folder.as_ref().map(|folder| &*folder.protocol) {
                Some("smb") => Self::Smb,
                Some("ftp") => Self::Ftp,
                Some("webdav") => Self::WebDav,
                _ => Self::Other,
            },
            AddressKind::Other(name) if name == NOWHERE => Self::Nowhere,
            AddressKind::Other(_) => Self::Other,
        }
    }

    /// What a person reads.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Mail => "e-mail",
            Self::Ifax => "I-fax",
            Self::Fax => "fax",
            Self::IpFax => "IP fax",
            Self::Smb => "SMB folder",
            Self::Ftp => "FTP folder",
            Self::WebDav => "WebDAV folder",
            Self::Group => "group",
            Self::Nowhere => "contact without a destination",
            Self::Other => "other",
        }
    }

    /// An entry of this kind with nothing in it yet.
    #[must_use]
    pub fn entry(self) -> Address {
        let folder = |protocol: &str| Some(Folder { protocol: protocol.into(), ..Folder::default() });
        let kind = match self {
            Self::Mail => AddressKind::Email,
            Self::Ifax => AddressKind::Ifax,
            Self::Fax => AddressKind::Fax,
            Self::IpFax => AddressKind::IpFax,
            Self::Smb | Self::Ftp | Self::WebDav => AddressKind::Folder,
            Self::Group => AddressKind::Group,
            Self::Nowhere => AddressKind::Other(NOWHERE.into()),
            Self::Other => AddressKind::Other(String::new()),
        };
        let folder = match self {
            Self::Smb => folder("smb"),
            Self::Ftp => folder("ftp"),
            Self::WebDav => folder("webdav"),
            _ => None,
        };
        Address { kind, folder, ..Address::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_had_and_what_is_emptied_leaves_nothing() {
        for field in Field::ALL {
            let mut address = Address::default();
            field.set(&mut address, "7");
            assert_eq!(field.get(&address), "7", "{field:?}");
            for other in Field::ALL.iter().filter(|other| *other != field) {
                assert_eq!(other.get(&address), "", "{field:?} wrote {other:?}");
            }
            field.set(&mut address, "");
            assert_eq!(address, Address::default(), "{field:?}");
            assert_eq!(Field::named(field.name()), Some(*field));
        }
    }

    #[test]
    fn an_entry_is_of_the_kind_that_it_was_made_of() {
        for slot in Slot::ALL {
            assert_eq!(Slot::of(&slot.entry()), slot);
        }
    }
}

//! The `#` lines before the column line.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// What the `#` lines say. A file without them has a header with nothing in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// `# Canon AddressBook CSV version:`, such as `0x0003`.
    pub version: Option<String>,
    /// `# CharSet:`, such as `UTF-8` or `SJIS`.
    pub charset: Option<String>,
    /// `# dn: fixed`: this is a one-touch list, whose numbers are those of its buttons.
    pub dn_fixed: bool,
    /// `# SubAddressBookName:`, which may be empty.
    pub list_name: Option<String>,
    /// `# DB Version:`.
    pub db_version: Option<String>,
    /// `# Crypto Version:`, where passwords are encrypted.
    pub crypto_version: Option<String>,
    /// `# Crypto Attribute:`, the columns that are encrypted.
    pub crypto_attribute: Option<String>,
    /// Lines with other names.
    pub other: Vec<(String, String)>,
}

impl Header {
    /// That of a new file in version 0x0003.
    #[must_use]
    pub fn version_3(list_name: &str) -> Self {
        Self {
            version: Some("0x0003".to_string()),
            charset: Some("UTF-8".to_string()),
            list_name: Some(list_name.to_string()),
            db_version: Some("0x010b".to_string()),
            ..Self::default()
        }
    }

    /// Whether passwords are encrypted.
    #[must_use]
    pub fn encrypts_passwords(&self) -> bool {
        let names = self.crypto_attribute.as_deref().unwrap_or("");
        names.split([',', ' ', ';']).any(|name| name.trim().eq_ignore_ascii_case("pwd"))
    }

    /// Takes in what one line says, if it says something.
    pub(super) fn take(&mut self, line: &str) {
        // A spreadsheet pads the line with commas, and may quote it.
        let line = line.trim().trim_end_matches(',').trim_matches('"');
        let Some((name, value)) = line.trim_start_matches('#').split_once(':') else {
            return;
        };
        let value = value.trim().to_string();
        match &*name.trim().to_ascii_lowercase() {
            "canon addressbook csv version" => self.version = Some(value),
            "charset" => self.charset = Some(value),
            "dn" => self.dn_fixed = value.eq_ignore_ascii_case("fixed"),
            "subaddressbookname" => self.list_name = Some(value),
            "db version" => self.db_version = Some(value),
            "crypto version" => self.crypto_version = Some(value),
            "crypto attribute" => self.crypto_attribute = Some(value),
            _ => self.other.push((name.trim().to_string(), value)),
        }
    }

    /// The lines as a new file has them, with the empty line that ends them.
    pub(super) fn lines(&self, line_end: &str) -> String {
        let fixed = self.dn_fixed.then(|| "fixed".to_string());
        let mut lines = String::new();
        for (name, value) in [
            ("Canon AddressBook CSV version", &self.version),
            ("CharSet", &self.charset),
            ("dn", &fixed),
            ("SubAddressBookName", &self.list_name),
            ("DB Version", &self.db_version),
            ("Crypto Version", &self.crypto_version),
            ("Crypto Attribute", &self.crypto_attribute),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        .chain(self.other.iter().map(|(name, value)| (&**name, value)))
        {
            // A line end in a name would begin a line of its own.
            let value = value.replace(['\r', '\n'], " ");
            lines += &format!("# {name}: {value}{line_end}");
        }
        if !lines.is_empty() {
            lines += line_end;
        }
        lines
    }
}

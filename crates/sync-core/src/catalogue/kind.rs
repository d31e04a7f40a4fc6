//! What a field or setting may hold, and whether a value does.

use super::{Field, Secret};
use crate::{certificate, id::RecordId, value::Value};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::{Ipv4Addr, Ipv6Addr};

/// What a field or setting may hold. An empty text, map or list, and no bytes, say "none" and fit wherever nothing is
/// required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Flag,
    /// A whole number within bounds.
    Number(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text of at most so many characters, in one line.
    Text(usize),
    /// Text of at most so many characters, in several lines.
    Lines(usize),
    /// Text of a certain form.
    Form(Form),
    /// At most so many bytes.
    Bytes(usize),
    /// At most so many bytes of a certificate, a revocation list or a key.
    Der(Der, usize),
    /// The id of another record, as text. Whatever it names may be gone: it is shown as missing then, and kept.
    Reference,
    /// What belongs together and is written as one; a newer model's entries pass.
    Map(&'static [Field]),
    /// At most so many of a kind, in order, written as one.
    List(&'static Self, usize),
}

/// What stands for a secret that is not shown.
const MASK: &str = "***";

/// A text whose form can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Between so many and so many digits, leading zeros too.
    Digits(usize, usize),
    /// A time of day, `00:00` to `23:59`.
    Time,
    /// A day, such as `2026-03-31`.
    Date,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A host name or an address, without a port.
    Host,
    /// An e-mail address.
    Mail,
    /// A language as BCP 47 writes it, such as `en` or `zh-hans`.
    Language,
}

/// Bytes of a certain form, in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Der {
    /// A certificate.
    Certificate,
    /// A revocation list.
    RevocationList,
    /// A private key: PKCS #8, not encrypted.
    PrivateKey,
}

/// The value where nobody set one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Of a flag.
    Flag(bool),
    /// Of a number.
    Number(i64),
    /// Of a choice or any other text.
    Text(&'static str),
    /// Of bytes: none.
    NoBytes,
    /// Of a list.
    List(&'static [Self]),
    /// Of a map.
    Map(&'static [(&'static str, Self)]),
}

/// A value does not fit. Says what can be written, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}write {wanted}", self.place())]
pub struct Unfit {
    /// Which field of a record, where it was one.
    pub field: Option<String>,
    /// Whether nothing stands there at all.
    pub missing: bool,
    /// What can be written.
    pub wanted: String,
}

impl Unfit {
    /// Says what can be written, of one value.
    #[must_use]
    pub fn new(wanted: impl Into<String>) -> Self {
        Self { field: None, missing: false, wanted: wanted.into() }
    }

    /// Says that a field must be there, and what can be written in it.
    #[must_use]
    pub(super) fn missing(name: &str, wanted: impl Into<String>) -> Self {
        Self { missing: true, ..Self::new(wanted).in_field(name) }
    }

    fn place(&self) -> String {
        match &self.field {
            Some(name) if self.missing => format!("the field `{name}` is missing: "),
            Some(name) => format!("`{name}`: "),
            None => String::new(),
        }
    }

    /// The same, of a field.
    #[must_use]
    pub fn in_field(self, name: &str) -> Self {
        Self { field: Some(name.into()), ..self }
    }
}

impl Default {
    /// As a value.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Int(*number),
            Self::Text(text) => (*text).into(),
            Self::NoBytes => Value::Bytes(Vec::new()),
            Self::List(items) => Value::List(items.iter().map(Self::value).collect()),
            Self::Map(items) => {
                Value::Map(items.iter().map(|(key, item)| ((*key).to_string(), item.value())).collect())
            }
        }
    }
}

impl Form {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Digits(least, most) => {
                (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
            }
            Self::Time => time(text),
            Self::Date => text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok(),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Host => host(text),
            Self::Language => is_language(text),
            Self::Mail => {
                let sound = |part: &str, most| !part.is_empty() && part.len() <= most;
                let dark = |c: char| c.is_whitespace() || c.is_control();
                text.rsplit_once('@').is_some_and(|(name, domain)| sound(name, 128) && sound(domain, 255))
                    && !text.contains(dark)
            }
        }
    }

    fn wanted(self) -> String {
        match self {
            Self::Digits(least, most) if least == most => format!("{most} digits"),
            Self::Digits(least, most) => format!("{least} to {most} digits"),
            Self::Time => "a time of day, 00:00 to 23:59".into(),
            Self::Date => "a day, such as 2026-03-31".into(),
            Self::Ipv4 => "an IPv4 address, such as 192.0.2.10".into(),
            Self::Ipv6 => "an IPv6 address, such as 2001:db8::10".into(),
            Self::Host => "a host name or an address, without a port".into(),
            Self::Mail => "an e-mail address".into(),
            Self::Language => "a language tag (BCP 47), such as en or zh-hans".into(),
        }
    }
}

impl Der {
    fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Certificate => certificate::certificate(bytes).is_ok(),
            Self::RevocationList => certificate::revocation_list(bytes).is_ok(),
            Self::PrivateKey => certificate::private_key(bytes, None).is_ok(),
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Certificate => "a certificate (X.509 in DER)",
            Self::RevocationList => "a revocation list (X.509 in DER)",
            Self::PrivateKey => "a private key (PKCS #8 in DER, not encrypted)",
        }
    }
}

fn time(text: &str) -> bool {
    let Some((hours, minutes)) = text.split_once(':') else { return false };
    let below = |part: &str, most: u8| {
        part.len() == 2
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u8>().is_ok_and(|number| number < most)
    };
    below(hours, 24) && below(minutes, 60)
}

/// Whether this is a well-formed language tag (BCP 47). Which languages a machine can show, its firmware knows.
#[must_use]
pub fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let letters = |part: &str, least: usize| {
        (least..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let sound =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // A single letter begins an extension, or a private tag; something must follow.
    let last = text.rsplit('-').next().unwrap_or_default();
    let private = first.eq_ignore_ascii_case("x") && text.len() > 2;
    text.len() <= 64 && (letters(first, 2) && last.len() > 1 || private) && parts.all(sound)
}

fn host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.parse::<Ipv6Addr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

/// Whether a value says "none".
fn none(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(_) | Value::Int(_) => false,
    }
}

impl Kind {
    /// What can be written, for people.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self {
            Self::Flag => "on or off".to_string(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Text(most) => format!("text of at most {most} characters"),
            Self::Lines(most) => format!("text of at most {most} characters, in one or more lines"),
            Self::Form(form) => form.wanted(),
            Self::Bytes(most) => format!("at most {most} bytes"),
            Self::Der(form, most) => format!("{} of at most {most} bytes", form.wanted()),
            Self::Reference => "the id of a record".to_string(),
            Self::Map(fields) => {
                let part = |field: &Field| {
                    let optional = if field.required { "" } else { " (may be left out)" };
                    format!("{}{optional}: {}", field.name, field.kind.wanted())
                };
                format!("together: {}", fields.iter().map(part).collect::<Vec<_>>().join("; "))
            }
            Self::List(kind, most) => format!("at most {most} of: {}", kind.wanted()),
        }
    }

    /// Whether a value fits.
    ///
    /// # Errors
    /// [`Unfit`], which says what can be written; within a map, of which entry.
    pub fn check(&self, value: &Value) -> Result<(), Unfit> {
        let fits = match (self, value) {
            (Self::Flag, Value::Bool(_)) => true,
            (Self::Number(least, most), Value::Int(number)) => (least..=most).contains(&number),
            (Self::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Text(most), Value::Text(text)) => {
                text.chars().count() <= *most && !text.chars().any(char::is_control)
            }
            (Self::Lines(most), Value::Text(text)) => {
                text.chars().count() <= *most
                    && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
            }
            (Self::Form(form), Value::Text(text)) => text.is_empty() || form.fits(text),
            (Self::Reference, Value::Text(text)) => text.is_empty() || text.parse::<RecordId>().is_ok(),
            (Self::Bytes(most), Value::Bytes(bytes)) => bytes.len() <= *most,
            (Self::Der(form, most), Value::Bytes(bytes)) => {
                bytes.is_empty() || (bytes.len() <= *most && form.fits(bytes))
            }
            (Self::Map(fields), Value::Map(map)) => return parts_fit(fields, map, Self::check),
            (Self::List(kind, most), Value::List(list)) if list.len() <= *most => {
                return list.iter().try_for_each(|item| kind.check(item));
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(Unfit::new(self.wanted())) }
    }

    /// Whether some model could hold the value: of the right type and form, also where it is out of this one's range (a word,
    /// a number or a length that only another model has).
    ///
    /// # Errors
    /// [`Unfit`], as [`Kind::check`].
    pub fn check_form(&self, value: &Value) -> Result<(), Unfit> {
        let plain = |text: &str| !text.chars().any(char::is_control);
        let fits = match (self, value) {
            (Self::Number(..), Value::Int(_)) | (Self::Bytes(_), Value::Bytes(_)) => true,
            (Self::Choice(_) | Self::Text(_), Value::Text(text)) => plain(text),
            (Self::Lines(_), Value::Text(_)) => return Self::Lines(usize::MAX).check(value),
            (Self::Form(Form::Digits(..)), Value::Text(text)) => {
                text.bytes().all(|byte| byte.is_ascii_digit())
            }
            (Self::Map(fields), Value::Map(map)) => return parts_fit(fields, map, Self::check_form),
            (Self::List(kind, _), Value::List(list)) => {
                return list.iter().try_for_each(|item| kind.check_form(item));
            }
            _ => return self.check(value),
        };
        if fits { Ok(()) } else { Err(Unfit::new(self.wanted())) }
    }

    /// The strictest secret within it.
    #[must_use]
    pub fn secrecy(&self) -> Secret {
        match self {
            Self::Map(fields) => fields.iter().map(|field| field.kind.secrecy().max(field.secret)).max(),
            Self::List(kind, _) => Some(kind.secrecy()),
            _ => None,
        }
        .unwrap_or(Secret::No)
    }

    /// What everybody may see of a value that is as secret as said: `***` stands for what is secret. Within a map, what is
    /// not secret stays; an entry that nobody here knows does not.
    #[must_use]
    pub fn masked(&self, secret: Secret, value: &Value) -> Value {
        if secret == Secret::No || none(value) {
            return value.clone();
        }
        match (self, value) {
            (Self::Map(fields), Value::Map(map)) if self.secrecy() > Secret::No => {
                let part = |(name, value): (&String, &Value)| {
                    let field = fields.iter().find(|field| field.name == name);
                    let value =
                        field.map_or_else(|| MASK.into(), |field| field.kind.masked(field.secret, value));
                    (name.clone(), value)
                };
                Value::Map(map.iter().map(part).collect())
            }
            (Self::List(kind, _), Value::List(list)) if self.secrecy() > Secret::No => {
                Value::List(list.iter().map(|item| kind.masked(secret, item)).collect())
            }
            _ => MASK.into(),
        }
    }

    /// Whether bytes can stand in it.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        match self {
            Self::Bytes(_) | Self::Der(..) => true,
            Self::List(kind, _) => kind.has_bytes(),
            Self::Map(fields) => fields.iter().any(|field| field.kind.has_bytes()),
            _ => false,
        }
    }

    /// The value with bytes where it has hexadecimal digits in their place, as people write them in JSON.
    #[must_use]
    pub fn with_bytes(&self, value: Value) -> Value {
        match (self, value) {
            (Self::Bytes(_) | Self::Der(..), Value::Text(text)) => {
                hexadecimal(&text).map_or(Value::Text(text), Value::Bytes)
            }
            (Self::List(kind, _), Value::List(list)) => {
                Value::List(list.into_iter().map(|item| kind.with_bytes(item)).collect())
            }
            (Self::Map(fields), Value::Map(map)) => {
                let part = |(name, value): (String, Value)| {
                    let value = match fields.iter().find(|field| field.name == name) {
                        Some(field) => field.kind.with_bytes(value),
                        None => value,
                    };
                    (name, value)
                };
                Value::Map(map.into_iter().map(part).collect())
            }
            (_, value) => value,
        }
    }

    /// Reads a value as people write it. Bytes are hexadecimal digits; the items of a list stand between commas; those of
    /// a map are `name=value` between commas.
    ///
    /// # Errors
    /// [`Unfit`], which says what can be written.
    pub fn parse(&self, text: &str) -> Result<Value, Unfit> {
        let unfit = || Unfit::new(self.wanted());
        let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let value = match self {
            Self::Flag => match text {
                "on" | "yes" | "true" => Value::Bool(true),
                "off" | "no" | "false" => Value::Bool(false),
                _ => return Err(unfit()),
            },
            Self::Number(..) => text.parse().map(Value::Int).map_err(|_| unfit())?,
            Self::Choice(_) | Self::Text(_) | Self::Lines(_) | Self::Form(_) | Self::Reference => text.into(),
            Self::Bytes(_) | Self::Der(..) => Value::Bytes(hexadecimal(text).ok_or_else(unfit)?),
            Self::List(kind, _) => {
                Value::List(parts().map(|part| kind.parse(part)).collect::<Result<_, _>>()?)
            }
            Self::Map(fields) => {
                let entry = |part: &str| {
                    let (key, text) = part.split_once('=').ok_or_else(unfit)?;
                    let field = fields.iter().find(|field| field.name == key.trim()).ok_or_else(unfit)?;
                    let value = field.kind.parse(text.trim()).map_err(|unfit| unfit.in_field(field.name))?;
                    Ok((field.name.to_string(), value))
                };
                Value::Map(parts().map(entry).collect::<Result<_, Unfit>>()?)
            }
        };
        self.check(&value).map(|()| value)
    }
}

impl Field {
    /// Whether a value fits.
    ///
    /// # Errors
    /// [`Unfit`], which names the field and says what can be written.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), Unfit> {
        self.check_by(name, value, Kind::check)
    }

    fn check_by(&self, name: &str, value: &Value, check: Check) -> Result<(), Unfit> {
        if self.required && none(value) {
            return Err(Unfit::new(self.kind.wanted()).in_field(name));
        }
        check(&self.kind, value).map_err(|unfit| {
            let inner = unfit.field.as_ref().map(|inner| format!("{name}.{inner}"));
            Unfit { field: Some(inner.unwrap_or_else(|| name.into())), ..unfit }
        })
    }
}

/// How strictly a value is looked at.
type Check = fn(&Kind, &Value) -> Result<(), Unfit>;

fn parts_fit(fields: &[Field], map: &BTreeMap<String, Value>, check: Check) -> Result<(), Unfit> {
    if map.is_empty() {
        return Ok(());
    }
    for field in fields {
        match map.get(field.name) {
            Some(value) => field.check_by(field.name, value, check)?,
            None if field.required => return Err(Unfit::new(field.kind.wanted()).in_field(field.name)),
            None => {}
        }
    }
    Ok(())
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::catalogue::{Field, optional, required};

    const LOGIN: Kind = Kind::Map(&[
        required("host", "Host", Kind::Form(Form::Host)),
        optional("port", "Port", Kind::Number(1, 65_535)),
    ]);

    fn text(text: &str) -> Value {
        text.into()
    }

    #[test]
    fn forms_are_told_apart() {
        for (form, right, wrong) in [
            (Form::Digits(2, 4), &["12", "0001"][..], &["1", "12345", "12a", "١٢"][..]),
            (Form::Time, &["00:00", "23:59"], &["24:00", "9:00", "12:60", "12.30", "+1:00"]),
            (Form::Date, &["2026-02-28"], &["2026-02-29", "2026-2-28", "28.02.2026"]),
            (Form::Ipv4, &["192.0.2.1"], &["192.0.2", "192.0.2.256"]),
            (Form::Ipv6, &["2001:db8::1", "::"], &["2001:db8", "fe80::1%eth0"]),
            (Form::Host, &["mail.office.example", "192.0.2.1", "::1"], &["a b", "-a", "a..b", "host:25"]),
            (Form::Mail, &["desk@office.example"], &["desk", "@office", "desk@", "de sk@office"]),
            (
                Form::Language,
                &["en", "th", "zh-hans", "pt-BR", "x-own"],
                &["e", "no tag", "de-", "1a", "en-a", "x-"],
            ),
        ] {
            let kind = Kind::Form(form);
            assert_eq!(kind.check(&text("")), Ok(()));
            for word in right {
                assert_eq!(kind.check(&text(word)), Ok(()), "{form:?} {word}");
            }
            for word in wrong {
                assert_eq!(kind.check(&text(word)), Err(Unfit::new(form.wanted())), "{form:?} {word}");
            }
        }
    }

    #[test]
    fn what_belongs_together_is_read_and_checked_as_one() {
        let value = LOGIN.parse("host=mail.example, port=25").unwrap();
        assert_eq!(value.get("port"), Some(&Value::Int(25)));
        let wrong = LOGIN.parse("host=mail.example, port=0").unwrap_err();
        assert_eq!(wrong.to_string(), "`port`: write a whole number from 1 to 65535");
        assert_eq!(LOGIN.parse("port=25").unwrap_err().field.as_deref(), Some("host"));
        assert!(LOGIN.parse("host=mail.example, colour=red").is_err());
        // A newer model's entry, and none at all.
        let newer = [("host".to_string(), text("a")), ("new".to_string(), Value::Int(7))];
        assert_eq!(LOGIN.check(&Value::Map(newer.into())), Ok(()));
        assert_eq!(LOGIN.check(&Value::Map(BTreeMap::new())), Ok(()));
    }

    #[test]
    fn lists_and_bytes_have_their_bounds() {
        const DAYS: Kind = Kind::List(&Kind::Choice(&["mon", "tue"]), 2);
        assert_eq!(DAYS.parse("mon, tue").unwrap(), Value::List(vec![text("mon"), text("tue")]));
        assert!(DAYS.parse("mon,tue,mon").is_err());
        assert!(DAYS.parse("wed").is_err());
        assert_eq!(Kind::Bytes(2).parse("0aFF").unwrap(), Value::Bytes(vec![10, 255]));
        for wrong in ["0", "0a0b0c", "0g", "+1"] {
            assert!(Kind::Bytes(2).parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_what_belongs_together_only_the_secret_is_masked() {
        const ACCOUNT: Kind = Kind::Map(&[
            required("user", "User", Kind::Text(9)),
            optional("password", "Password", Kind::Text(9)).secret(Secret::Sealed),
        ]);
        let map = |entries: &[(&str, &str)]| {
            Value::Map(entries.iter().map(|(name, value)| ((*name).to_string(), text(value))).collect())
        };
        let whole = map(&[("user", "alice"), ("password", "hidden"), ("newer", "hidden")]);
        let shown = map(&[("user", "alice"), ("password", "***"), ("newer", "***")]);
        assert_eq!(ACCOUNT.masked(Secret::Sealed, &whole), shown);
        assert_eq!(
            Kind::List(&ACCOUNT, 3).masked(Secret::Sealed, &Value::List(vec![whole.clone()])),
            Value::List(vec![shown])
        );
        assert_eq!(ACCOUNT.masked(Secret::No, &whole), whole);
        // Another form than expected shows nothing.
        assert_eq!(ACCOUNT.masked(Secret::Sealed, &text("hidden")), text("***"));
        assert_eq!(Kind::Text(9).masked(Secret::Credential, &text("")), text(""));
    }

    #[test]
    fn a_required_field_is_not_none() {
        let field: Field = required("name", "Name", Kind::Text(4));
        assert!(field.check("name", &text("")).is_err());
        assert_eq!(field.check("name", &text("Desk")), Ok(()));
        assert!(field.check("name", &text("Desks")).is_err());
        assert!(field.check("name", &text("a\nb")).is_err());
        assert_eq!(Kind::Lines(4).check(&text("a\nb")), Ok(()));
    }
}

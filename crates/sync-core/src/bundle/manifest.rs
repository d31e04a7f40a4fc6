//! What a bundle says of itself before its first record.

use super::{
    BundleError, MAJOR, MAX_NAME, MAX_NESTING, MAX_SECTIONS, MAX_WEIGHT, MINOR,
    decode::{Named, Wrong, weigh},
};
use crate::{time::Timestamp, value::Value};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// What a bundle says of itself before its first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The minor version of its format. Read and written again, it stays; the major one is [`MAJOR`].
    pub minor: u16,
    /// The product that wrote it, with its version, such as `fleet-sync 0.1.0`.
    pub product: String,
    /// When it was made, by the source's clock.
    pub made: Timestamp,
    /// When the source last heard of its server, where personalized data are in it: how old they may be.
    pub heard: Option<Timestamp>,
    /// The machine that it comes from.
    pub source: Source,
    /// The source's security policy password (rule 5).
    pub policy_password: PolicyPassword,
    /// Its sections, in their order; each item once.
    pub sections: Vec<Section>,
    /// What a later version says beside that.
    pub rest: BTreeMap<String, Value>,
}

/// The machine that a bundle comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// What people call it.
    pub name: String,
    /// Its model.
    pub model: String,
    /// Its display language (rule 4); `None` where it does not say.
    pub language: Option<String>,
    /// Its software, by name: versions, such as `firmware`.
    pub versions: BTreeMap<String, String>,
    /// What a later version says beside that.
    pub rest: BTreeMap<String, Value>,
}

/// What a bundle says of its source's security policy password. Never the password itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum PolicyPassword {
    /// Nothing.
    #[default]
    NotKnown,
    /// There is none.
    None,
    /// There is one, with this salted hash.
    Set(String),
}

/// Without the hash, which does not belong into logs.
impl fmt::Debug for PolicyPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotKnown => "NotKnown",
            Self::None => "None",
            Self::Set(_) => "Set(..)",
        })
    }
}

/// One section: an item and the sums of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The item, such as `forwarding`; 1 to [`MAX_NAME`] small letters, digits and hyphens.
    pub item: String,
    /// How many records.
    pub records: u64,
    /// How many bytes their frames have.
    pub bytes: u64,
    /// The SHA-256 of their frames.
    pub sha256: [u8; 32],
    /// What a later version says beside that.
    pub rest: BTreeMap<String, Value>,
}

impl Section {
    /// A section that is still to be counted.
    #[must_use]
    pub fn named(item: impl Into<String>) -> Self {
        Self { item: item.into(), records: 0, bytes: 0, sha256: [0; 32], rest: BTreeMap::new() }
    }
}

/// The shortest text that passes for a salted hash: so many characters have the digits of a SHA-256 alone. A password
/// that somebody put here by mistake is refused.
const SHORTEST_HASH: usize = 40;

fn is_item_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_hash(text: &str) -> bool {
    text.len() >= SHORTEST_HASH && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Why a manifest is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Form(String),
    TooLarge { what: &'static str, found: u64, most: u64 },
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Form(what) => Self::Form(what.into()),
            Wrong::Weight => overweight(MAX_WEIGHT + 1),
        }
    }
}

const fn overweight(weight: usize) -> Fault {
    let (found, most) = (weight as u64, MAX_WEIGHT as u64);
    Fault::TooLarge { what: "the weight of the values of a record or of the manifest", found, most }
}

/// Whether a payload may weigh so much.
pub(super) const fn fits(weight: usize) -> Result<(), Fault> {
    if weight > MAX_WEIGHT { Err(overweight(weight)) } else { Ok(()) }
}

fn form(what: &str) -> Fault {
    Fault::Form(what.into())
}

impl Fault {
    /// Of something that is to be written.
    pub(super) fn writing(self) -> BundleError {
        match self {
            Self::Form(what) => BundleError::Unwritable { what },
            Self::TooLarge { what, found, most } => BundleError::TooLarge { what, found, most },
        }
    }

    /// Of something that was read.
    pub(super) fn reading(self, at: u64) -> BundleError {
        match self {
            Self::Form(what) => BundleError::Malformed { at, what },
            Self::TooLarge { what, found, most } => BundleError::TooLarge { what, found, most },
        }
    }
}

impl Manifest {
    /// A manifest without sections.
    #[must_use]
    pub fn new(product: impl Into<String>, made: Timestamp, source: Source) -> Self {
        Self {
            minor: MINOR,
            product: product.into(),
            made,
            heard: None,
            source,
            policy_password: PolicyPassword::NotKnown,
            sections: Vec::new(),
            rest: BTreeMap::new(),
        }
    }

    /// Its format, as people read it.
    #[must_use]
    pub fn format(&self) -> String {
        format!("{MAJOR}.{}", self.minor)
    }

    /// The section of an item.
    #[must_use]
    pub fn section(&self, item: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.item == item)
    }

    /// How many records all sections have.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.sections.iter().fold(0, |sum, section| sum.saturating_add(section.records))
    }

    /// The rules that both directions hold it to.
    fn check(&self) -> Result<(), Fault> {
        if self.sections.len() > MAX_SECTIONS {
            let (found, most) = (self.sections.len() as u64, MAX_SECTIONS as u64);
            return Err(Fault::TooLarge { what: "the number of sections", found, most });
        }
        let mut seen = BTreeSet::new();
        for Section { item, .. } in &self.sections {
            if !is_item_name(item) {
                return Err(Fault::Form(format!("`{item:.100}` is no name of an item")));
            }
            if !seen.insert(item) {
                return Err(Fault::Form(format!("the item `{item}` has two sections")));
            }
        }
        match &self.policy_password {
            PolicyPassword::Set(hash) if !is_hash(hash) => {
                Err(form("the security policy password is not given as a salted hash"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn to_named(&self) -> Result<Named, Fault> {
        self.check()?;
        let mut sections = Vec::new();
        for section in &self.sections {
            let known = [
                ("item", section.item.as_str().into()),
                ("records", number(section.records)?),
                ("bytes", number(section.bytes)?),
                ("sha256", Value::Bytes(section.sha256.into())),
            ];
            sections.push(Value::Map(with(&section.rest, known)?));
        }
        let text = |(name, text): (&String, &String)| (name.clone(), Value::Text(text.clone()));
        let source = &self.source;
        let versions = Value::Map(source.versions.iter().map(text).collect());
        let known = [
            ("name", source.name.as_str().into()),
            ("model", source.model.as_str().into()),
            ("versions", versions),
        ];
        let language = source.language.as_deref().map(|language| ("language", language.into()));
        let source = with_names(&source.rest, known.into_iter().chain(language), &["language"])?;
        let known = [
            ("product", self.product.as_str().into()),
            ("made", self.made.0.into()),
            ("source", Value::Map(source)),
            ("sections", Value::List(sections)),
        ];
        let heard = self.heard.map(|heard| ("heard", heard.0.into()));
        let policy = match &self.policy_password {
            PolicyPassword::NotKnown => None,
            PolicyPassword::None => Some(("policy_password", false.into())),
            PolicyPassword::Set(hash) => Some(("policy_password", hash.as_str().into())),
        };
        let known = known.into_iter().chain(heard).chain(policy);
        let named = with_names(&self.rest, known, &["heard", "policy_password"])?;
        fits(1 + weigh(named.values(), MAX_NESTING)?)?;
        Ok(named)
    }

    pub(super) fn from_named(mut named: Named, minor: u16) -> Result<Self, Fault> {
        let mut source = map(&mut named, "source")?;
        let mut versions = BTreeMap::new();
        for (name, version) in map(&mut source, "versions")? {
            let Value::Text(version) = version else { return Err(form("a version is no text")) };
            versions.insert(name, version);
        }
        let source = Source {
            name: text(&mut source, "name")?,
            model: text(&mut source, "model")?,
            language: optional(&mut source, "language", text)?,
            versions,
            rest: source,
        };
        let Some(Value::List(list)) = named.remove("sections") else {
            return Err(form("the manifest has no list `sections`"));
        };
        let mut sections = Vec::with_capacity(list.len().min(MAX_SECTIONS + 1));
        for section in list {
            let Value::Map(mut section) = section else { return Err(form("a section is no map")) };
            sections.push(Section {
                item: text(&mut section, "item")?,
                records: sum(&mut section, "records")?,
                bytes: sum(&mut section, "bytes")?,
                sha256: match section.remove("sha256") {
                    Some(Value::Bytes(bytes)) => {
                        bytes.try_into().map_err(|_| form("a SHA-256 has 32 bytes"))?
                    }
                    _ => return Err(form("a section has no `sha256`")),
                },
                rest: section,
            });
        }
        let manifest = Self {
            minor,
            product: text(&mut named, "product")?,
            made: Timestamp(int(&mut named, "made")?),
            heard: optional(&mut named, "heard", int)?.map(Timestamp),
            source,
            policy_password: match named.remove("policy_password") {
                None => PolicyPassword::NotKnown,
                Some(Value::Bool(false)) => PolicyPassword::None,
                Some(Value::Text(hash)) => PolicyPassword::Set(hash),
                Some(_) => return Err(form("`policy_password` is neither a salted hash nor no")),
            },
            sections,
            rest: named,
        };
        manifest.check()?;
        Ok(manifest)
    }
}

fn number(number: u64) -> Result<Value, Fault> {
    i64::try_from(number).map(Value::Int).map_err(|_| form("a number is too large"))
}

/// What a later version says, and what this one does.
fn with<'a>(rest: &Named, known: impl IntoIterator<Item = (&'a str, Value)>) -> Result<Named, Fault> {
    with_names(rest, known, &[])
}

/// The same; `absent` are names that this version knows and may leave out.
fn with_names<'a>(
    rest: &Named,
    known: impl IntoIterator<Item = (&'a str, Value)>,
    absent: &[&str],
) -> Result<Named, Fault> {
    let mut named = rest.clone();
    let taken = |name: &str| Fault::Form(format!("`rest` has `{name}`, which has a meaning of its own"));
    if let Some(name) = absent.iter().find(|name| rest.contains_key(**name)) {
        return Err(taken(name));
    }
    for (name, value) in known {
        if named.insert(name.to_string(), value).is_some() {
            return Err(taken(name));
        }
    }
    Ok(named)
}

fn missing(name: &str, what: &str) -> Fault {
    Fault::Form(format!("`{name}` is missing or no {what}"))
}

pub(super) fn text(named: &mut Named, name: &str) -> Result<String, Fault> {
    match named.remove(name) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(missing(name, "text")),
    }
}

fn int(named: &mut Named, name: &str) -> Result<i64, Fault> {
    named.remove(name).and_then(|value| value.as_int()).ok_or_else(|| missing(name, "whole number"))
}

fn sum(named: &mut Named, name: &str) -> Result<u64, Fault> {
    u64::try_from(int(named, name)?).map_err(|_| missing(name, "number from 0"))
}

pub(super) fn map(named: &mut Named, name: &str) -> Result<Named, Fault> {
    match named.remove(name) {
        Some(Value::Map(map)) => Ok(map),
        _ => Err(missing(name, "map")),
    }
}

fn optional<T>(
    named: &mut Named,
    name: &str,
    read: fn(&mut Named, &str) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    named.contains_key(name).then(|| read(named, name)).transpose()
}

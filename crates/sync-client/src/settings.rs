//! Personal settings, as people read and change them. What there is, the catalogue says
//! ([`sync_core::catalogue`]); a person who set nothing has the default.

use crate::{
    draw::now,
    error::{Error, Result},
    machine::Machine,
    password,
    store::{Store, own_place},
};
use serde::Serialize;
use std::collections::BTreeMap;
use sync_core::{
    address::TYPE_FIELD,
    catalogue::{Kind, SETTING_TYPE, Secret, Setting, Unfit, users::PASSWORD_HASH},
    change::{Author, Operation},
    id::RecordId,
    item::Item,
    record::FieldName,
    sharing::SharingScope,
    space::SpaceName,
    value::Value,
};

/// One setting, as it stands for one person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingView {
    /// Its name.
    pub setting: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What holds on this machine.
    pub value: Value,
    /// The value of a person who set nothing.
    pub default: Value,
    /// Whether the person set it.
    pub set: bool,
    /// Whether it follows the person.
    pub synchronizes: bool,
    /// How it is shared, for this person at this machine; a setting of the machine itself is device-specific.
    pub scope: SharingScope,
    /// A value that was set and that this machine can't use: the default holds here, and the value stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<Value>,
    /// What the catalogue says of it.
    #[serde(skip)]
    pub(crate) entry: &'static Setting,
}

impl SettingView {
    /// A setting, as it stands with what was stored.
    pub(crate) fn of(setting: &'static Setting, scope: SharingScope, stored: Option<Value>) -> Self {
        let effective = setting.effective(stored);
        Self {
            setting: setting.name,
            title: setting.title,
            set: effective.set,
            value: effective.value,
            default: setting.default_value(),
            synchronizes: scope == SharingScope::Shared,
            scope,
            unusable: effective.unusable,
            entry: setting,
        }
    }

    /// The same without what is secret.
    #[must_use]
    pub fn masked(self) -> Self {
        let Setting { kind, secret, .. } = self.entry;
        let value = kind.masked(*secret, &self.value);
        let unusable = self.unusable.as_ref().map(|value| kind.masked(*secret, value));
        Self { value, unusable, ..self }
    }
}

impl Machine {
    /// The named person, or whoever is logged in.
    ///
    /// # Errors
    /// [`Error::NobodyLoggedIn`].
    pub fn person(&self, named: Option<&str>) -> Result<String> {
        match named {
            Some(user) => Ok(user.to_string()),
            None => self.store().user().map(str::to_string).ok_or(Error::NobodyLoggedIn),
        }
    }

    /// Who writes, and when: whoever is logged in, or the person that is named.
    #[must_use]
    pub fn author(&self, named: Option<&str>) -> Author {
        let person = named.map(str::to_string).or_else(|| self.store().user().map(str::to_string));
        Author { person, time: now(), import: None }
    }

    /// All settings of a person.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`], or what the disk says.
    pub fn settings(&self, user: &str) -> Result<Vec<SettingView>> {
        let settings = self.catalogue.settings(Item::PersonalSettings);
        settings.map(|setting| self.setting(setting.name, user)).collect()
    }

    /// One setting of a person.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], [`Error::NotEnrolled`], or what the disk says.
    pub fn setting(&self, name: &str, user: &str) -> Result<SettingView> {
        let setting = self.personal(name)?;
        let store = self.store();
        let (scope, space, record) = place(&store, setting, user)?;
        let view = store.shown_record(&space, record)?;
        let stored = view.as_ref().and_then(|record| record.get("value")).cloned();
        Ok(SettingView::of(setting, scope, stored))
    }

    /// Changes a setting, or with `None` leaves it to the default again.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], [`Error::SettingValue`], [`Error::NotAMember`], or what the disk says.
    pub fn set(&self, name: &str, text: Option<&str>, user: &str) -> Result<SettingView> {
        let setting = self.personal(name)?;
        let value = text.map(|text| read(&setting.kind, setting.secret, name, text)).transpose()?;
        self.set_value(setting, value, user)?;
        self.setting(name, user)
    }

    /// Writes a person's setting.
    pub(crate) fn set_value(&self, setting: &Setting, value: Option<Value>, user: &str) -> Result<()> {
        let author = self.author(Some(user));
        // Held from here on: a change of scope must not come between the place and what is written there.
        let mut store = self.store();
        let (scope, space, record) = place(&store, setting, user)?;
        // On the machine several people's settings lie together, and an id can't be read backwards.
        let owner = (scope == SharingScope::DeviceSpecific).then_some(("user", user));
        write(&mut store, setting, value, (&space, record), owner, author)?;
        drop(store);
        if space.synchronizes() {
            self.changed();
        }
        Ok(())
    }

    /// Writes a setting that is no person's.
    pub(crate) fn write_setting(
        &self,
        setting: &Setting,
        value: Option<Value>,
        (space, record): (SpaceName, RecordId),
    ) -> Result<()> {
        let author = self.author(None);
        write(&mut self.store(), setting, value, (&space, record), None, author)?;
        if space.synchronizes() {
            self.changed();
        }
        Ok(())
    }

    fn personal(&self, name: &str) -> Result<&'static Setting> {
        let setting = self.catalogue.find(Item::PersonalSettings, name);
        setting.ok_or_else(|| Error::UnknownSetting(name.to_string()))
    }
}

/// Writes a setting; whatever says which it is comes along where it is missing.
pub(crate) fn write(
    store: &mut Store,
    setting: &Setting,
    value: Option<Value>,
    (space, record): (&SpaceName, RecordId),
    owner: Option<(&str, &str)>,
    author: Author,
) -> Result<()> {
    let mut edit: BTreeMap<FieldName, Option<Value>> = [("value".to_string(), value)].into();
    let view = store.view(space, record)?;
    for (field, word) in [(TYPE_FIELD, SETTING_TYPE), ("name", setting.name)].into_iter().chain(owner) {
        if view.as_ref().and_then(|record| record.get(field)).is_none() {
            edit.insert(field.to_string(), Some(word.into()));
        }
    }
    store.edit(space, record, Operation::Edit(edit), author)
}

/// Where a person's setting lies: with their other data, or, where it does not follow them, on this machine alone.
pub(crate) fn place(
    store: &Store,
    setting: &Setting,
    user: &str,
) -> Result<(SharingScope, SpaceName, RecordId)> {
    if setting.synchronizes() {
        let realm = store.identity().realm.as_deref().ok_or(Error::NotEnrolled)?;
        let space = SpaceName::user(realm, user);
        let scope = store.scope(setting, &space)?;
        if scope == SharingScope::Shared {
            return Ok((scope, space, setting.record()));
        }
    }
    let (space, record) = own_place(user, setting.name);
    Ok((SharingScope::DeviceSpecific, space, record))
}

/// Reads a value as people write it: lists and maps as JSON too; of a password that is kept as its hash, the password. What is secret is not in the error.
///
/// # Errors
/// [`Error::SettingValue`].
pub(crate) fn read(kind: &Kind, secret: Secret, what: &str, text: &str) -> Result<Value> {
    if *kind == PASSWORD_HASH && !text.starts_with('{') && !text.starts_with("scheme=") {
        return password::hash(text);
    }
    let structured =
        matches!(kind, Kind::Map(_) | Kind::List(..)) && text.trim_start().starts_with(['{', '[']);
    let read = if structured {
        // Its own words would quote what was written.
        let value = serde_json::from_str::<Value>(text)
            .map_err(|error| Unfit::new(format!("JSON (line {}, column {})", error.line(), error.column())));
        value.map(|value| kind.with_bytes(value)).and_then(|value| kind.check(&value).map(|()| value))
    } else {
        kind.parse(text)
    };
    read.map_err(|unfit| Error::SettingValue {
        setting: unfit
            .field
            .map_or_else(|| what.to_string(), |field| format!("{what}.{}", said_name(&field))),
        value: said(kind, secret, text),
        wanted: unfit.wanted,
    })
}

/// What an error says of a value that was written: how long it is, where it is a secret, binary, long, or looks like a key,
/// so that no key reaches a screen or a log because it was given in the wrong place.
pub(crate) fn said(kind: &Kind, secret: Secret, text: &str) -> String {
    let length = text.chars().count();
    if secret != Secret::No || keeps_a_secret(kind) {
        format!("a secret of {length} characters")
    } else if kind.has_bytes() && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        format!("a value of {} bytes", length.div_ceil(2))
    } else if kind.has_bytes() || tells_too_much(text) {
        format!("a value of {length} characters")
    } else {
        format!("`{text}`")
    }
}

/// The same of what stands in the place of a name.
pub(crate) fn said_name(name: &str) -> String {
    if tells_too_much(name) { format!("a name of {} characters", name.chars().count()) } else { name.into() }
}

fn keeps_a_secret(kind: &Kind) -> bool {
    match kind {
        Kind::Map(parts) => parts.iter().any(|part| part.secret != Secret::No || keeps_a_secret(&part.kind)),
        Kind::List(kind, _) => keeps_a_secret(kind),
        _ => false,
    }
}

/// The same of a whole question: what looks like a key is no longer in it.
pub(crate) fn without_keys(said: &str, words: &[String]) -> String {
    let keys = words.iter().filter(|word| tells_too_much(word));
    keys.fold(said.to_string(), |said, key| {
        let instead = format!("(a value of {} characters)", key.chars().count());
        let mut said = said.replace(key.as_str(), &instead);
        // A long one is shown in lines.
        for line in key.lines().filter(|line| line.len() > 16) {
            said = said.replace(line, "(hidden)");
        }
        said
    })
}

/// Whether a text is too long to be quoted, or looks like a key: PEM, or so many digits or letters of Base64 in a row.
fn tells_too_much(text: &str) -> bool {
    const LONG: usize = 200;
    const RUN: usize = 32;
    let coded = |c: char| c.is_ascii_alphanumeric() || "+/_-=".contains(c);
    let key = |run: &str| run.len() >= RUN && run.bytes().any(|byte| byte.is_ascii_digit());
    text.len() > LONG || text.contains("-----") || text.split(|c| !coded(c)).any(key)
}

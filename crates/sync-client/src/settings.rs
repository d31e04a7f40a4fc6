//! Personal settings, as people read and change them. What there is, the catalogue says
//! ([`sync_core::catalogue`]); a person who set nothing has the default.

use crate::{
    draw::now,
    error::{Error, Result},
    machine::Machine,
    store::{Store, own_place},
};
use serde::Serialize;
use std::collections::BTreeMap;
use sync_core::{
    address::TYPE_FIELD,
    catalogue::{self, SETTING_TYPE, SETTINGS, Setting, Sharing},
    change::{Author, Operation},
    id::RecordId,
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
    /// How it is shared, for this person at this machine.
    pub scope: SharingScope,
    /// A value that was set and that this machine can't use: the default holds here, and the value stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<Value>,
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
        SETTINGS.iter().map(|setting| self.setting(setting.name, user)).collect()
    }

    /// One setting of a person.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], [`Error::NotEnrolled`], or what the disk says.
    pub fn setting(&self, name: &str, user: &str) -> Result<SettingView> {
        let setting = catalogue::find(name).ok_or_else(|| Error::UnknownSetting(name.to_string()))?;
        let (scope, view) = {
            let store = self.store();
            let (scope, space, record) = place(&store, setting, user)?;
            (scope, store.view(&space, record)?)
        };
        let stored = view.as_ref().and_then(|record| record.get("value")).cloned();
        let (usable, unusable) = match stored {
            Some(value) if setting.check(&value).is_ok() => (Some(value), None),
            other => (None, other),
        };
        Ok(SettingView {
            setting: setting.name,
            title: setting.title,
            set: usable.is_some() || unusable.is_some(),
            value: usable.unwrap_or_else(|| setting.default_value()),
            default: setting.default_value(),
            synchronizes: scope == SharingScope::Shared,
            scope,
            unusable,
        })
    }

    /// Changes a setting, or with `None` leaves it to the default again.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], [`Error::SettingValue`], [`Error::NotAMember`], or what the disk says.
    pub fn set(&self, name: &str, text: Option<&str>, user: &str) -> Result<SettingView> {
        let setting = catalogue::find(name).ok_or_else(|| Error::UnknownSetting(name.to_string()))?;
        let value = text.map(|text| {
            setting.parse(text).map_err(|unfit| Error::SettingValue {
                setting: name.to_string(),
                value: text.to_string(),
                wanted: unfit.0,
            })
        });
        let value = value.transpose()?;
        let mut edit: BTreeMap<FieldName, Option<Value>> = [("value".to_string(), value)].into();
        let author = self.author(Some(user));
        {
            // Held from here on: a change of scope must not come between the place and what is written there.
            let mut store = self.store();
            let (_, space, record) = place(&store, setting, user)?;
            let view = store.view(&space, record)?;
            for (field, word) in [(TYPE_FIELD, SETTING_TYPE), ("name", setting.name)] {
                if view.as_ref().and_then(|record| record.get(field)).is_none() {
                    edit.insert(field.to_string(), Some(word.into()));
                }
            }
            store.edit(&space, record, Operation::Edit(edit), author)?;
        }
        self.changed();
        self.setting(name, user)
    }
}

/// Where a person's setting lies: with their other data, or, where it does not follow them, on this machine alone.
pub(crate) fn place(
    store: &Store,
    setting: &Setting,
    user: &str,
) -> Result<(SharingScope, SpaceName, RecordId)> {
    if setting.sharing != Sharing::Device {
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

//! Personal settings, as people read and change them. What there is, the catalogue says
//! ([`sync_core::catalogue`]); a person who set nothing has the default.

use crate::{
    draw::now,
    error::{Error, Result},
    machine::Machine,
};
use serde::Serialize;
use std::collections::BTreeMap;
use sync_core::{
    address::TYPE_FIELD,
    catalogue::{self, SETTING_TYPE, SETTINGS, Setting},
    change::{Author, Operation},
    id::RecordId,
    record::FieldName,
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
        let (space, record) = self.place(setting, user)?;
        let view = self.store().view(&space, record)?;
        let stored = view.as_ref().and_then(|record| record.get("value")).cloned();
        let effective = setting.effective(stored);
        Ok(SettingView {
            setting: setting.name,
            title: setting.title,
            set: effective.set,
            value: effective.value,
            default: setting.default_value(),
            synchronizes: setting.synchronizes(),
            unusable: effective.unusable,
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
                wanted: unfit.wanted,
            })
        });
        let value = value.transpose()?;
        let (space, record) = self.place(setting, user)?;
        let mut edit: BTreeMap<FieldName, Option<Value>> = [("value".to_string(), value)].into();
        let author = self.author(Some(user));
        {
            let mut store = self.store();
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

    /// Where a person's setting lies: with their other data, or, where it does not follow them, on this machine alone.
    fn place(&self, setting: &Setting, user: &str) -> Result<(SpaceName, RecordId)> {
        if setting.synchronizes() {
            return Ok((SpaceName::user(&self.realm()?, user), setting.record()));
        }
        Ok((SpaceName::local("settings"), setting.record_of(user)))
    }
}

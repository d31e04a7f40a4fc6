//! What people read: settings, addresses, what was superseded and set aside.

use super::Output;
use crate::{
    addresses::{ListOf, shown},
    error::Result,
    kept::snapshot_row_json,
    machine::Machine,
    settings::SettingView,
};
use sync_core::record::Lost;

impl Machine {
    pub(super) fn answer_get(&self, setting: Option<&str>, user: Option<&str>) -> Result<Output> {
        let user = self.person(user)?;
        let views = match setting {
            Some(setting) => {
                let view = self.setting(setting, &user)?.masked();
                let text = view.value.to_string();
                return Ok(Output::new(serde_json::to_value(view).unwrap_or_default(), text));
            }
            None => self.settings(&user)?.into_iter().map(SettingView::masked).collect::<Vec<_>>(),
        };
        let text = views.iter().map(setting_line).collect::<Vec<_>>().join("\n");
        Ok(Output::new(serde_json::to_value(views).unwrap_or_default(), text))
    }

    pub(super) fn answer_addresses(&self, list: &ListOf) -> Result<Output> {
        let entries = self.addresses(list)?;
        let lines = entries.iter().map(|(id, fields)| {
            let word = |name: &str| fields.get(name).map(ToString::to_string).unwrap_or_default();
            let leads_to = ["mail", "fax", "folder"].map(word).concat();
            format!("{id}  {:<24} {leads_to}", word("name"))
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        Ok(Output::new(entries.iter().map(|(id, fields)| shown(*id, fields)).collect(), text))
    }

    pub(super) fn answer_superseded(&self) -> Result<Output> {
        let rows = self.store().superseded()?;
        let json = rows.iter().map(|row| self.superseded_json(row)).collect::<Result<Vec<_>>>()?;
        let lines = rows.iter().zip(&json).map(|(row, json)| {
            let what = match &row.lost.what {
                Lost::Field(field, _) => {
                    format!("{field} = {} (stands: {})", json["value"], json["stands"])
                }
                Lost::Deletion => "a deletion".to_string(),
            };
            format!("{:>4}  {}  {}  {what}", row.id, row.space, json["name"].as_str().unwrap_or_default())
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        Ok(Output::new(json.into(), text))
    }

    pub(super) fn answer_snapshots(&self) -> Result<Output> {
        let rows = self.store().snapshots()?;
        let line = |row: &crate::store::SnapshotRow| {
            format!("{}  {}  {:<12} {}  {} records", row.id, row.time, row.reason, row.space, row.records)
        };
        let text = rows.iter().map(line).collect::<Vec<_>>().join("\n");
        Ok(Output::new(rows.iter().map(snapshot_row_json).collect(), text))
    }
}

pub(crate) fn setting_line(view: &SettingView) -> String {
    let note = if view.unusable.is_some() {
        " (what was set can't be used on this machine)"
    } else if view.set {
        ""
    } else {
        " (default)"
    };
    let own = if view.synchronizes { "" } else { " (of this device)" };
    format!("{:<30} {}{note}{own}", view.setting, view.value)
}

//! Records and items, as people and scripts see them.

use crate::command::Output;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use sync_core::{
    catalogue::{self, Catalogue, Field, Fields, content, keys, type_of},
    certificate,
    id::RecordId,
    item::Item,
    value::Value,
};

/// A record for scripts: what is secret as `***`; what a certificate says; which references lead nowhere.
pub(super) fn shown(id: RecordId, fields: &Fields, there: &BTreeSet<RecordId>, with_secrets: bool) -> Json {
    let missing: Vec<RecordId> =
        catalogue::references(fields).into_iter().filter(|id| !there.contains(id)).collect();
    let shown = if with_secrets { fields.clone() } else { catalogue::masked(fields) };
    let mut json = json!({"record": id, "type": type_of(fields), "fields": shown});
    if !missing.is_empty() {
        json["missing"] = json!(missing);
    }
    if let Some(seen) = seen(fields) {
        json["seen"] = seen;
    }
    json
}

fn seen(fields: &Fields) -> Option<Json> {
    let bytes = |value: Option<&Value>| match value {
        Some(Value::Bytes(bytes)) => Some(bytes.clone()),
        _ => None,
    };
    let json = match type_of(fields)? {
        kind if kind == keys::KEY.name => serde_json::to_value(
            certificate::certificate(&bytes(fields.get("pair")?.get("certificate"))?).ok()?,
        ),
        kind if kind == keys::CERTIFICATE.name => {
            serde_json::to_value(certificate::certificate(&bytes(fields.get("der"))?).ok()?)
        }
        kind if kind == keys::REVOCATION_LIST.name => {
            serde_json::to_value(certificate::revocation_list(&bytes(fields.get("der"))?).ok()?)
        }
        _ => return None,
    };
    json.ok()
}

pub(super) fn record_line(id: RecordId, fields: &Fields) -> String {
    let kind = type_of(fields).unwrap_or_default();
    let known = catalogue::record_type(kind);
    let names = known.map_or(&[][..], |known| known.identity);
    let short = |name: &&str| match catalogue::masked(fields).get(*name) {
        Some(Value::Bytes(bytes)) => Some(format!("{} bytes", bytes.len())),
        value => value.map(ToString::to_string),
    };
    let name = fields.get("name").filter(|_| !names.contains(&"name")).map(ToString::to_string);
    let words: Vec<String> = names.iter().filter_map(short).chain(name).collect();
    format!("{id}  {kind:<18} {}", words.join("  "))
}

/// What an item is made of.
pub(super) fn describe(known_settings: &Catalogue, item: Item) -> Output {
    let mut lines = Vec::new();
    let settings = known_settings.settings(item).map(|setting| {
        lines.push(format!("{:<34} {}: {}", setting.name, setting.title, setting.wanted()));
        json!({
            "setting": setting.name,
            "title": setting.title,
            "wanted": setting.wanted(),
            "default": setting.default_value(),
            "synchronizes": setting.synchronizes(),
        })
    });
    let settings: Vec<Json> = settings.collect();
    let mut types = Vec::new();
    for known in content(item).iter().flat_map(|part| part.types) {
        if types.iter().any(|other: &Json| other["type"] == known.name) {
            continue;
        }
        lines.push(format!("{} ({}), told apart by {}", known.name, known.title, known.identity.join(", ")));
        let fields = known.fields.iter().map(|field: &Field| {
            let required = if field.required { " (required)" } else { "" };
            let wanted = field.writable().wanted();
            lines.push(format!("  {:<32} {}{required}: {wanted}", field.name, field.title));
            json!({
                "field": field.name,
                "title": field.title,
                "wanted": wanted,
                "required": field.required,
                "secret": field.secret > catalogue::Secret::No,
            })
        });
        let fields: Vec<Json> = fields.collect();
        types.push(json!({
            "type": known.name, "title": known.title, "identity": known.identity, "fields": fields,
        }));
    }
    Output::new(json!({"item": item, "settings": settings, "types": types}), lines.join("\n"))
}

//! The formats that are known, and what each can hold.

use super::report::Style;
use core::fmt::Write as _;
use serde_json::json;
use sync_core::files::Format;

pub(super) fn formats(style: Style) -> String {
    if style == Style::Json {
        let all: Vec<_> = Format::all()
            .map(|format| {
                let holds = format.holds();
                json!({
                    "format": format.name(),
                    "title": format.title(),
                    "extensions": format.extensions(),
                    "kinds": holds.slots.iter().map(|(slot, _)| *slot).collect::<Vec<_>>(),
                    "fields": holds.fields.iter().map(|(field, _)| field.name()).collect::<Vec<_>>(),
                    "origin": format.origin(),
                })
            })
            .collect();
        return json!(all).to_string();
    }
    let width = Format::all().map(|format| format.name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for format in Format::all() {
        let kinds: Vec<&str> = format.holds().slots.iter().map(|(slot, _)| slot.words()).collect();
        let _ = writeln!(text, "{:width$}  {}: {}", format.name(), format.title(), kinds.join(", "));
    }
    text.push_str("What each can hold, and where such a file comes from, is in docs/formats.md.\n");
    text
}

//! Files that a spreadsheet saved again: `;` or a tab stands between the cells, and pads the `#` lines.

use super::cells::push_cell;
use alloc::string::String;

/// What may stand where a comma should.
const OTHERS: [char; 2] = [';', '\t'];

/// What stands between the names of a column line that is none with commas.
pub(in crate::files) fn other_separator(column_line: &str) -> Option<char> {
    let is_kind = |name: &str| name.trim().trim_matches('"').eq_ignore_ascii_case("objectclass");
    OTHERS.into_iter().find(|one| column_line.contains(*one) && column_line.split(*one).any(is_kind))
}

/// The text with commas between its cells, parted before the column line. What was quoted stays so, and what needs quotes
/// now gets them.
pub(in crate::files) fn with_commas(text: &str, separator: char) -> (String, String) {
    let mut head = String::new();
    let mut rest = text;
    while let Some(line) = rest.split_inclusive('\n').next() {
        let bare = line.trim_end_matches(['\r', '\n']);
        let said = bare.trim_end_matches([separator, ' ']);
        if !said.is_empty() && !said.trim_start_matches('"').starts_with('#') {
            break;
        }
        match said.strip_prefix('"').and_then(|said| said.strip_suffix('"')) {
            Some(quoted) => head.push_str(&quoted.replace("\"\"", "\"")),
            None => head.push_str(said),
        }
        head.push_str(&line[bare.len()..]);
        rest = &rest[line.len()..];
    }
    (head, rows(rest, separator))
}

fn rows(mut rest: &str, separator: char) -> String {
    let ends = [separator, '\r', '\n'];
    let mut out = String::with_capacity(rest.len());
    let mut row_begins = true;
    while !rest.is_empty() {
        let raw = if row_begins && rest.starts_with('#') {
            rest.find(['\r', '\n']).unwrap_or(rest.len())
        } else if rest.starts_with('"') {
            let closed = quoted(rest);
            closed + rest[closed..].find(ends).unwrap_or(rest.len() - closed)
        } else {
            let length = rest.find(ends).unwrap_or(rest.len());
            push_cell(&mut out, &rest[..length], false);
            rest = &rest[length..];
            0
        };
        out.push_str(&rest[..raw]);
        rest = &rest[raw..];
        let Some(end) = rest.chars().next() else { break };
        out.push(if end == separator { ',' } else { end });
        row_begins = end != separator;
        rest = &rest[end.len_utf8()..];
    }
    out
}

/// How long the quoted cell is with which a text begins; all of it where the quote never ends.
fn quoted(text: &str) -> usize {
    let mut at = 1;
    loop {
        let Some(next) = text[at..].find('"') else { return text.len() };
        at += next + 1;
        if !text[at..].starts_with('"') {
            return at;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_keep_what_they_say() {
        let text = "# CharSet: UTF-8;;\r\n\"# SubAddressBookName: A, B\";;\r\n;;\r\nobjectclass;cn;x\r\n\
            email;Doe, Jane;\"a;b\"\r\n# a; remark\r\nemail;\"5\"\" disk\";\r\n";
        let (head, rows) = with_commas(text, ';');
        assert_eq!(head, "# CharSet: UTF-8\r\n# SubAddressBookName: A, B\r\n\r\n");
        assert_eq!(
            rows,
            "objectclass,cn,x\r\nemail,\"Doe, Jane\",\"a;b\"\r\n# a; remark\r\nemail,\"5\"\" disk\",\r\n"
        );
        assert_eq!(other_separator("\"cn\";\"objectclass\""), Some(';'));
        assert_eq!(other_separator("cn\tObjectClass"), Some('\t'));
        assert_eq!(other_separator("cn;mail"), None);
    }

    proptest! {
        #[test]
        fn an_independent_reader_reads_the_same(
            table in prop::collection::vec(prop::collection::vec("[a\",;\r\n é]{1,5}", 3), 1..4),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).map_err(|error| TestCaseError::fail(alloc::format!("{error}")))?;
            }
            let text = String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default();
            let text = rows(&text, ';');
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let back: Result<Vec<Vec<String>>, _> =
                reader.records().map(|row| row.map(|row| row.iter().map(String::from).collect())).collect();
            prop_assert_eq!(back.ok(), Some(table));
        }

        #[test]
        fn any_text_is_read(text in "[a\";#\r\n\t ]{0,30}") {
            let _ = with_commas(&text, ';');
        }
    }
}

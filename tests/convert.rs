//! `sync-client convert` and `inspect`, as whoever has address books uses them: no machine, no server.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::programs::{Printed, Program, Programs};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

const CORPORA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpora");

fn client() -> Program {
    Programs::built().unwrap().client
}

fn run(args: &[&str]) -> Printed {
    client().run(args).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn corpus(file: &str) -> String {
    format!("{CORPORA}/{file}")
}

/// The formats that the product names.
fn formats() -> Vec<(String, String)> {
    let printed = run(&["convert", "--list-formats", "--report", "json"]);
    assert_eq!(printed.status, 0);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    let all = printed.json.as_array().unwrap();
    all.iter().map(|one| (text(&one["format"]), text(&one["extensions"][0]))).collect()
}

#[test]
fn every_file_is_inspected_and_converted_to_every_format_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let formats = formats();
    let counts = fs::read_to_string(corpus("counts.txt")).unwrap();
    let files = counts.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in files {
        let mut words = line.split_whitespace();
        let (file, format) = (corpus(words.next().unwrap()), words.next().unwrap());
        let inspected = run(&["--json", "inspect", &file]);
        assert_eq!(inspected.status, 0, "{file}: {}", inspected.said);
        assert_eq!(inspected.json["read"]["format"], format, "{file}");
        for word in words {
            let (kind, count) = word.split_once('=').unwrap();
            let found = inspected.json["read"]["by_kind"].get(kind.to_lowercase());
            assert_eq!(found.map(ToString::to_string), Some(count.to_string()), "{file}: {kind}");
        }
        for (to, ending) in &formats {
            let out = folder.path().join(format!("out.{ending}"));
            let printed = run(&["--json", "convert", &file, path(&out), "--to", to]);
            let report = &printed.json;
            assert!(printed.status == 0 || printed.status == 1, "{file} to {to}: {report}");
            assert_eq!(report["losses"] == 0, printed.status == 0, "{file} to {to}: {report}");
            let number = |value: &serde_json::Value| value.as_u64().unwrap();
            assert_eq!(
                number(&report["read"]["entries"]),
                number(&report["written"]["entries"]) + number(&report["written"]["kept_out"]),
                "{file} to {to}"
            );
            assert!(out.exists());
        }
    }
}

#[test]
fn untouched_files_come_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let counts = fs::read_to_string(corpus("counts.txt")).unwrap();
    for line in counts.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (file, format) = (corpus(words.next().unwrap()), words.next().unwrap());
        let out = folder.path().join("out");
        let printed = run(&["convert", &file, path(&out), "--to", format]);
        assert!(printed.status <= 1, "{file}: {}", printed.said);
        assert!(fs::read(&out).unwrap() == fs::read(&file).unwrap(), "{file}");
    }
}

#[test]
fn nothing_is_written_where_nothing_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("book.csv");
    let junk = folder.path().join("junk.bin");
    fs::write(&junk, [0_u8, 159, 146, 150, 0, 0, 1]).unwrap();
    for (args, code) in [
        (vec!["convert", path(&junk), path(&out)], None),
        (vec!["convert", "no-such-file.csv", path(&out)], Some("file")),
        (
            vec!["convert", &corpus("canon/abook-0x0003.csv"), path(&out), "--strict", "--to", "toshiba-csv"],
            Some("would_lose"),
        ),
    ] {
        let args: Vec<&str> = ["--json"].into_iter().chain(args).collect();
        let printed = run(&args);
        assert_eq!(printed.status, 2, "{args:?}");
        assert_eq!(printed.json["outcome"], "not_written", "{args:?}");
        if let Some(code) = code {
            assert_eq!(printed.json["error"]["code"], code, "{args:?}");
        }
        assert!(!out.exists(), "{args:?}");
    }
    // A plan writes nothing either.
    let printed = run(&["convert", &corpus("canon/abook-0x0003.csv"), path(&out), "--plan"]);
    assert_eq!(printed.status, 0);
    assert!(!out.exists());
}

#[test]
fn standard_streams_are_files_too() {
    let mut child = client()
        .command(&["convert", "-", "-", "--to", "canon-csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = fs::read(corpus("toshiba/topaccess-6col.csv")).unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("# Canon AddressBook CSV version"), "{text}");
    assert!(text.contains("user01@example.com"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("of 7 entries"));
}

#[test]
fn a_folder_goes_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir(&from).unwrap();
    for file in ["canon/abook-0x0003.csv", "toshiba/topaccess-6col.csv"] {
        fs::copy(corpus(file), from.join(PathBuf::from(file).file_name().unwrap())).unwrap();
    }
    fs::write(from.join("readme.bin"), [0_u8, 1, 2, 255]).unwrap();
    let printed = run(&["--json", "convert", path(&from), path(&to), "--to", "canon-csv"]);
    assert_eq!(printed.status, 1, "one of them could not be read: {}", printed.json);
    assert_eq!(printed.json["files"].as_array().unwrap().len(), 3);
    assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
}

#[test]
fn secrets_are_in_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // The file's passwords; the second is a user's, which may be shown.
    for (to, _) in formats() {
        let printed = run(&[
            "convert",
            &corpus("canon/abook-0x0002-list.csv"),
            path(&out),
            "--to",
            &to,
            "--report",
            "json",
        ]);
        let said = format!("{}{}", printed.json, printed.said);
        assert!(!said.contains("not-"), "{to}: {said}");
    }
}

#[test]
fn duplicates_are_merged_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("book.csv"), folder.path().join("out.csv"));
    let text = "objectclass,cn,cnread,mailaddress,indxid,member,\r\n\
        email,\"Desk\",,\"desk@office.example\",201,,\r\n\
        email,\"Desk\",\"Front\",\"DESK@office.example\",202,,\r\n\
        email,\"Gate\",,\"gate@office.example\",203,,\r\n\
        groupofids,\"All\",,,204,\"202,203\",\r\n";
    fs::write(&file, text).unwrap();
    let planned = run(&["--json", "inspect", "--duplicates", path(&file)]);
    assert_eq!(planned.json["duplicates"][0]["keeps"], 2);
    assert_eq!(planned.json["duplicates"][0]["number"], 202, "the number that would go is named");
    let note = &planned.json["notes"][0];
    assert_eq!((&note["code"], &note["line"]), (&"duplicate_entry".into(), &3.into()), "{note}");
    let printed = run(&["--json", "convert", path(&file), path(&out), "--merge-duplicates"]);
    assert_eq!(printed.status, 0, "{}", printed.json);
    assert_eq!(printed.json["merged"].as_array().unwrap().len(), 1);
    assert!(printed.json["notes"].to_string().contains("its number 202 goes with it"), "{}", printed.json);
    let written = fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 4, "{written}");
    assert_eq!(lines[1], "email,\"Desk\",\"Front\",\"desk@office.example\",201,,");
    assert_eq!(lines[2], "email,\"Gate\",,\"gate@office.example\",203,,", "an untouched row is as it was");
    assert!(lines[3].contains("\"201,203\""), "{written}");
}

#[test]
fn a_wrong_row_is_a_loss_and_strict_refuses_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("book.csv"), folder.path().join("out.abk"));
    let text = "objectclass,cn,mailaddress,indxid\r\n\
        email,Smith, Bob,b@example.com,201\r\nemail,Ann,a@example.com,202\r\n";
    fs::write(&file, text).unwrap();
    let printed = run(&["--json", "convert", path(&file), path(&out)]);
    assert_eq!((printed.status, &printed.json["losses"]), (1, &1.into()), "{}", printed.json);
    assert_eq!(printed.json["read"]["kept_out"], 1);
    fs::remove_file(&out).unwrap();
    let printed = run(&["--json", "convert", "--strict", path(&file), path(&out)]);
    assert_eq!(printed.status, 2);
    assert!(!out.exists() && printed.json.get("written").is_none(), "{}", printed.json);
    // In the same format it stays where it stands: nothing is lost. Asked strictly, a wrong row is one all the same.
    let same = folder.path().join("same.csv");
    assert_eq!(run(&["convert", path(&file), path(&same)]).status, 0);
    assert_eq!(fs::read_to_string(&same).unwrap(), text);
    assert_eq!(run(&["convert", "--strict", path(&file), path(&same)]).status, 2);
    // The only copy is not written over.
    let printed = run(&["--json", "convert", path(&file), path(&file), "--to", "xerox-csv"]);
    assert_eq!((printed.status, &printed.json["error"]["code"]), (2, &"same_file".into()));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_mapping_is_begun_changed_and_used_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mapping, out) =
        (folder.path().join("staff.csv"), folder.path().join("staff.toml"), folder.path().join("out.csv"));
    fs::write(&file, "Kolonne 1;Kolonne 2;Kolonne 3\r\nAnn;a@example.com;5550100\r\n").unwrap();
    assert_eq!(run(&["convert", path(&file), path(&out), "--to", "canon-csv"]).status, 2);
    assert_eq!(run(&["convert", path(&file), "--save-mapping", path(&mapping)]).status, 0);
    let means = "separator = \";\"\n\n[[column]]\nheading = \"Kolonne 1\"\nmeans = \"name\"\n\n[[column]]\n\
        heading = \"Kolonne 2\"\nmeans = \"e-mail\"\n\n[[column]]\nheading = \"Kolonne 3\"\nmeans = \"fax\"\n";
    fs::write(&mapping, means).unwrap();
    let printed =
        run(&["convert", path(&file), path(&out), "--mapping", path(&mapping), "--to", "canon-csv"]);
    assert!(printed.status <= 1, "{}", printed.said);
    let written = fs::read_to_string(&out).unwrap();
    assert!(written.contains("a@example.com") && written.contains("5550100"), "{written}");
    // What is of another format needs none to be read: it says the columns of what is written.
    let back = folder.path().join("back.csv");
    let args = ["convert", path(&out), path(&back), "--mapping", path(&mapping), "--to", "csv"];
    assert!(run(&args).status <= 1);
    assert!(fs::read_to_string(&back).unwrap().contains("Kolonne 1;Kolonne 2;Kolonne 3"));
}

#[test]
fn what_a_folder_has_beside_files_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(from.join("within")).unwrap();
    fs::copy(corpus("toshiba/topaccess-6col.csv"), from.join("a.csv")).unwrap();
    let printed = run(&["--json", "convert", path(&from), path(&to), "--to", "canon-csv"]);
    let codes: Vec<_> =
        printed.json["files"].as_array().unwrap().iter().map(|one| &one["error"]["code"]).collect();
    assert_eq!((printed.status, codes[1]), (1, &"not_a_file".into()), "{}", printed.json);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let printed = run(&["--json", "convert", path(&empty), path(&to), "--to", "canon-csv"]);
    assert_eq!(printed.json["files"][0]["error"]["code"], "nothing_to_convert");
}

//! The demonstration, as a stranger runs it; and that its table can fail.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

fn demo(args: &[&str]) -> (Output, String) {
    let this = std::env::current_exe().unwrap();
    let folder = this.ancestors().find(|folder| folder.ends_with("deps")).and_then(Path::parent).unwrap();
    let program = folder.join("examples").join("fleet");
    assert!(program.exists(), "first build it: cargo build --example fleet");
    let output = Command::new(program).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// One after the other: they share port 8443.
#[test]
fn the_demonstration_holds_and_can_fail() {
    let (output, text) = demo(&[]);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(", 0 failed") && !text.contains("FAILS"), "{text}");

    let (output, text) = demo(&["--falsify", "machine 2 has the setting"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("FAILS").count(), 1, "{text}");

    // With another file the other names appear; and port 8443 is taken.
    let taken = TcpListener::bind("127.0.0.1:8443");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.csv");
    let row = |owner: &str, name: &str, n: u32| {
        format!("email,\"{name}\",\"{name}@other.example\",smtp,{n},{owner},\r\n")
    };
    let columns = "objectclass,cn,mailaddress,protocol,indxid,loginusername,usergroupname,\r\n";
    let text = ["# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n", columns].concat()
        + &row("\"carol\",", "Carols own", 201)
        + &row(",\"workshop\"", "Lathe", 202)
        + &row(",\"workshop\"", "Drill", 203);
    std::fs::write(&file, text).unwrap();
    let (output, text) = demo(&[file.to_str().unwrap()]);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for name in ["carol", "workshop", "Carols own", "Lathe"] {
        assert!(text.contains(name), "{name} is missing: {text}");
    }
    assert!(!text.contains("alice"), "{text}");
    if taken.is_ok() {
        assert!(text.contains("Port 8443 is taken"), "{text}");
    }
    drop(taken);

    // Of a file without any owner, all rows go where the options say.
    let text = "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
                objectclass,cn,mailaddress,protocol,indxid,\r\n\
                email,\"Night watch\",\"night@other.example\",smtp,201,\r\n\
                email,\"Day watch\",\"day@other.example\",smtp,202,\r\n";
    std::fs::write(&file, text).unwrap();
    let (output, text) = demo(&[file.to_str().unwrap()]);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("Night watch") && text.contains("Day watch"), "{text}");
    assert!(text.contains(", 0 failed") && !text.contains("FAILS"), "{text}");

    std::fs::write(&file, "this is no address book").unwrap();
    let (output, _) = demo(&[file.to_str().unwrap()]);
    assert!(!output.status.success());
}

//! Where a folder of an SMB server is: formats part server, share and path in different ways, and mean the same place.

use alloc::{format, string::String};

const SLASHES: [char; 2] = ['\\', '/'];

/// The place as one path, such as `\\\\server\\share\\path`. Without a server it is the path as it stands.
pub(super) fn whole_path(host: &str, path: &str) -> String {
    let server = marked(host).unwrap_or(host.trim()).trim_matches(SLASHES);
    let rest = path.trim_start_matches(SLASHES);
    match (server.is_empty(), rest.is_empty()) {
        (true, _) => path.into(),
        (false, true) => format!("\\\\{server}"),
        (false, false) => format!("\\\\{server}\\{rest}"),
    }
}

/// The server of a path such as `\\\\server\\share\\path`, and what is left; no server where the path is none of these.
pub(super) fn server_and_path(whole: &str) -> (&str, &str) {
    match marked(whole) {
        Some(bare) => bare.split_once(SLASHES).unwrap_or((bare, "")),
        None => ("", whole),
    }
}

/// As `server_and_path`, with the share beside its server, as `\\\\server\\share`; `None` where there is no server.
pub(super) fn share_and_path(whole: &str) -> Option<(String, &str)> {
    let (server, rest) = server_and_path(whole);
    let (share, path) = rest.split_once(SLASHES).unwrap_or((rest, ""));
    (!server.is_empty()).then(|| (whole_path(server, share), path))
}

/// What follows the mark that a server's name comes next.
fn marked(text: &str) -> Option<&str> {
    let start = |mark: &str| text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    let mark = ["smb://", "\\\\", "//"].into_iter().find(|mark| start(mark))?;
    let bare = text[mark.len()..].trim_start_matches(SLASHES);
    (!bare.is_empty()).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn server_and_path_make_the_whole_however_they_are_parted() {
        for (host, path) in [
            (r"\\files\scans", r"inbox\front"),
            ("files", r"\scans\inbox\front"),
            (r"\\files", r"scans\inbox\front"),
            ("smb://files/", r"scans\inbox\front"),
        ] {
            assert_eq!(whole_path(host, path), r"\\files\scans\inbox\front", "{host} {path}");
        }
        assert_eq!(server_and_path(r"\\files\scans\inbox"), ("files", r"scans\inbox"));
        assert_eq!(server_and_path("//files"), ("files", ""));
        assert_eq!(share_and_path(r"\\files\scans\in\a"), Some((r"\\files\scans".into(), r"in\a")));
        assert_eq!(share_and_path("//files"), Some((r"\\files".into(), "")));
        assert_eq!(share_and_path(r"scans\in"), None);
        assert_eq!(server_and_path(r"C:\scans"), ("", r"C:\scans"));
        assert_eq!(whole_path("", r"C:\scans"), r"C:\scans");
    }

    proptest! {
        #[test]
        fn what_is_parted_comes_together(text in r"[a\\/:éms]{0,12}") {
            let (host, path) = server_and_path(&text);
            let whole = whole_path(host, path);
            let rest = if host.is_empty() { path } else { path.trim_start_matches(SLASHES) };
            prop_assert_eq!(server_and_path(&whole), (host, rest));
        }
    }
}

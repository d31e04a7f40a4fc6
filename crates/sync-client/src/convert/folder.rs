//! A folder of address books into a folder.

use super::{ConvertArgs, Refused, format_of_name, one, report::Report};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};
use sync_core::files::Format;

/// Converts each file of a folder, in the order of their names, into a file of the same name with the ending of the new
/// format. Folders within are left alone.
pub(super) fn convert(args: &ConvertArgs, input: &Path, output: &Path) -> Result<Vec<Report>, Box<Report>> {
    let failed = |code: &'static str, message: String, remedy: &str| {
        let refused = Refused { code, message, remedy: remedy.into() };
        Box::new(Report::of(input, output).refused(refused))
    };
    let Some(to) = args.to.or_else(|| format_of_name(output).ok().filter(|_| output.extension().is_some()))
    else {
        return Err(failed(
            "format_not_told",
            "a folder does not tell which format is to be written".into(),
            "name it with --to; --list-formats shows them all",
        ));
    };
    if output.as_os_str() == "-" || output.is_file() {
        let message = format!("{} is a folder, so what is written must be one too", input.display());
        return Err(failed("not_a_folder", message, "name a folder to write into"));
    }
    let unreadable = |error: io::Error| {
        failed("file", format!("{}: {error}", input.display()), "name a folder that may be read")
    };
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(input).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() { files.push(path) } else { others.push(path) }
    }
    files.sort();
    others.sort();
    if files.is_empty() && others.is_empty() {
        let message = format!("{} is empty", input.display());
        return Err(failed("nothing_to_convert", message, "name a folder with address books in it"));
    }
    if !args.plan {
        fs::create_dir_all(output).map_err(|error| {
            failed(
                "file",
                format!("{}: {error}", output.display()),
                "name a folder that may be made and written",
            )
        })?;
    }
    let args = ConvertArgs { to: Some(to), ..args.clone() };
    let mut taken = BTreeSet::new();
    let mut reports: Vec<Report> =
        files.iter().map(|file| one(&args, file, &name_for(file, output, to, &mut taken))).collect();
    // Nothing is passed over silently.
    reports.extend(others.iter().map(|path| {
        Report::of(path, output).refused(Refused {
            code: "not_a_file",
            message: format!("{} is no file", path.display()),
            remedy: "convert a folder within by itself".into(),
        })
    }));
    Ok(reports)
}

/// The name of what a file becomes: no two are the same.
fn name_for(file: &Path, output: &Path, to: Format, taken: &mut BTreeSet<PathBuf>) -> PathBuf {
    let ending = to.extensions().first().copied().unwrap_or("txt");
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let whole = file.file_name().unwrap_or_default().to_string_lossy();
    let names = [format!("{stem}.{ending}"), format!("{whole}.{ending}")];
    let mut all = names.into_iter().chain((2..).map(|number| format!("{whole}-{number}.{ending}")));
    loop {
        let name = output.join(all.next().unwrap_or_default());
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

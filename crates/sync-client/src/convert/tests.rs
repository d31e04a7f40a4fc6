use super::*;

#[test]
fn a_name_tells_its_format() {
    for (name, format) in [
        ("book.csv", Format::CanonCsv),
        ("toshiba-book.csv", Format::ToshibaCsv),
        ("out/Toshiba.CSV", Format::ToshibaCsv),
    ] {
        assert_eq!(format_of_name(Path::new(name)), Ok(format), "{name}");
    }
    assert_eq!(format_of_name(Path::new("book.odt")).unwrap_err().code, "format_not_told");
}

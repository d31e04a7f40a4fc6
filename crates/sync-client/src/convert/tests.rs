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
    let told = format_of_name(Path::new("book.odt")).map_err(|refused| refused.code);
    assert_eq!(told, Err("format_not_told"));
}

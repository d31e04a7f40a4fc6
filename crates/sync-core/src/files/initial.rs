//! The letter under which machines file a name.

/// The first letter of a name as one of A to Z; `None` where it begins otherwise, as Japanese names do.
pub(super) fn initial(name: &str) -> Option<char> {
    let first = name.trim_start().chars().next()?;
    let plain = match first.to_uppercase().next()? {
        'À'..='Æ' | 'Ā' | 'Ă' | 'Ą' => 'A',
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => 'C',
        'Ð' | 'Ď' | 'Đ' => 'D',
        'È'..='Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => 'E',
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => 'G',
        'Ì'..='Ï' | 'Ī' | 'Į' | 'İ' => 'I',
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ł' => 'L',
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' => 'N',
        'Ò'..='Ö' | 'Ø' | 'Ō' | 'Ŏ' | 'Ő' | 'Œ' => 'O',
        'Ŕ' | 'Ř' => 'R',
        'Ś' | 'Ş' | 'Š' | 'Ș' => 'S',
        'Ţ' | 'Ť' | 'Ț' => 'T',
        'Ù'..='Ü' | 'Ū' | 'Ů' | 'Ű' | 'Ų' => 'U',
        'Ý' | 'Ÿ' => 'Y',
        'Ź' | 'Ż' | 'Ž' => 'Z',
        other => other,
    };
    plain.is_ascii_uppercase().then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_with_marks_are_filed_under_the_letter() {
        for (name, letter) in [
            ("jane", Some('J')),
            (" Özil", Some('O')),
            ("éva", Some('E')),
            ("Żaneta", Some('Z')),
            ("総務部", None),
            ("3rd floor", None),
            ("", None),
        ] {
            assert_eq!(initial(name), letter, "{name}");
        }
    }
}

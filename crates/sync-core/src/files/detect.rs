//! What encoding bytes look like that are not UTF-8 and have no mark: each encoding is tried, and what it makes of the
//! bytes is weighed by how often languages that are written in it have such letters.

use super::{charset::Charset, text::Encoding};
use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// How many bytes are weighed: those of the lines that are not ASCII.
const SAMPLE: usize = 16 << 10;

/// A language: the pages in which it is written, its letters beyond ASCII with how often each comes, and what else
/// tells it: endings of addresses, and letters that stand together.
struct Language {
    pages: &'static [&'static str],
    letters: &'static str,
    signs: &'static [&'static str],
}

const WEST: &[&str] = &["windows-1252"];
const MIDDLE: &[&str] = &["windows-1250", "iso-8859-2"];

/// Letters are in the order of how often they come.
const LANGUAGES: &[Language] = &[
    Language { pages: WEST, letters: "üäößé", signs: &[".de", ".at", ".ch", "sch", "gmbh", "str."] },
    Language {
        pages: WEST, letters: "éèàêçôâîûëïùœæÿü", signs: &[".fr", ".be", "eau", "rue", "sarl"]
    },
    Language { pages: WEST, letters: "óíáéñúü¿¡ç", signs: &[".es", ".mx", "ez", "calle", "ción"] },
    Language { pages: WEST, letters: "àèòùéìî", signs: &[".it", "zz", "cc", "via ", "ini"] },
    Language { pages: WEST, letters: "ãçéáóíõêâúôà", signs: &[".pt", ".br", "rua ", "lh", "nh"] },
    Language { pages: WEST, letters: "øåæéöä", signs: &[".dk", ".no", "sen"] },
    Language { pages: WEST, letters: "äåöé", signs: &[".se", ".fi", "sson", "nen"] },
    Language { pages: WEST, letters: "éëïóüèö", signs: &[".nl", "ij", "van "] },
    Language {
        pages: MIDDLE,
        letters: "łąęóżśćńź",
        signs: &[".pl", "wicz", "ski", "rz", "cz", "szcz", "ul.", "sław"],
    },
    Language {
        pages: MIDDLE, letters: "áéöóőíüúű", signs: &[".hu", "sz", "gy", "cs", "ny", "zs", "kft"]
    },
    Language { pages: MIDDLE, letters: "íáěéščžřýůúňťďó", signs: &[".cz", "s.r.o", "ová"] },
    Language { pages: MIDDLE, letters: "áíčéšýžúľťôňďäĺŕ", signs: &[".sk", "s.r.o", "ová"] },
    Language { pages: MIDDLE, letters: "čšžćđ", signs: &[".hr", ".si", ".rs", ".ba", "d.o.o"] },
    Language { pages: MIDDLE, letters: "ăîşţâșț", signs: &[".ro", "escu", "s.r.l"] },
    Language { pages: &["windows-1254"], letters: "ıüşçöğâ", signs: &[".tr", "oğlu", "a.ş"] },
    Language {
        pages: &["windows-1257"], letters: "āėīšžąčęėįņļēūķģ", signs: &[".lt", ".lv", ".ee"]
    },
    Language {
        pages: &["windows-1251", "koi8-r"],
        letters: "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїє",
        signs: &[".ru", ".ua", ".bg"],
    },
    Language {
        pages: &["windows-1253"],
        letters: "αοιετσνηυρπκμλςωόίάγέήδώθβχύφξζψ",
        signs: &[".gr", ".cy"],
    },
];

/// What text costs under an assumption, the less the better.
type Cost = f32;

const CONTROL: Cost = 12.0;
const FOREIGN: Cost = 9.0;
const SIGN: Cost = -1.5;

/// What the bytes look like. Where nothing fits, windows-1252, in which any bytes are text.
pub(super) fn guess(bytes: &[u8]) -> Encoding {
    if let Some(found) = utf16(bytes) {
        return found;
    }
    let encoding = |name| Charset::named(name).map(|charset| Encoding::of_charset(charset, false));
    let reads = |one: &Encoding| one.decode(bytes).is_some();
    if let Some(page) = declared(bytes).filter(reads) {
        return page;
    }
    let sample = sample(bytes);
    let mut costs: Vec<(Cost, &str)> = Vec::new();
    let mut texts: BTreeMap<&str, Option<Vec<char>>> = BTreeMap::new();
    for language in LANGUAGES {
        for (place, page) in language.pages.iter().enumerate() {
            let text = texts.entry(page).or_insert_with(|| decoded(page, &sample));
            if let Some(text) = text {
                // The first page of a language is the one that spreadsheets write.
                let rare =
                    if *page == "windows-1257" { 3.0 } else { 0.0 } + if place > 0 { 0.5 } else { 0.0 };
                costs.push((weigh(text, language) + rare, page));
            }
        }
    }
    for page in ["shift_jis", "euc-jp"] {
        // EUC-JP is rare, and words in Cyrillic letters look like its kanji, not like its kana.
        let kana = |text: &[char]| text.iter().any(|one| matches!(one, '\u{3040}'..='\u{30ff}'));
        let rare = |text: &[char]| match (page, kana(text)) {
            ("shift_jis", _) => 0.0,
            (_, true) => 4.0,
            (_, false) => 12.0,
        };
        costs.extend(decoded(page, &sample).map(|text| (weigh_japanese(&text) + rare(&text), page)));
    }
    costs.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let found = costs.iter().filter_map(|(_, page)| encoding(page)).find(reads);
    found.or_else(|| encoding("windows-1252")).unwrap_or(Encoding::UTF_8)
}

/// The lines that are not ASCII.
fn sample(bytes: &[u8]) -> Vec<u8> {
    let mut sample = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.is_ascii()) {
        let room = SAMPLE - sample.len();
        if line.len() > room {
            // A line that is cut may end within a character.
            let end = line[..room].iter().rposition(u8::is_ascii_punctuation).map_or(0, |at| at + 1);
            sample.extend_from_slice(&line[..end]);
            break;
        }
        sample.extend_from_slice(line);
    }
    sample
}

fn decoded(page: &str, sample: &[u8]) -> Option<Vec<char>> {
    let text = Charset::named(page)?.decode(sample)?;
    Some(text.chars().collect())
}

fn lower(one: char) -> char {
    // `İ` has two characters in lower case.
    if one == 'İ' { 'ı' } else { one.to_lowercase().next().unwrap_or(one) }
}

fn weigh(text: &[char], language: &Language) -> Cost {
    let count = language.letters.chars().count() as Cost;
    let known: BTreeMap<char, Cost> = language
        .letters
        .chars()
        .zip(1_u16..)
        .map(|(one, place)| {
            // The letter at place n comes about 1/n as often as the first.
            (one, 1.0 + Cost::from(place).ln() * 0.9 + count.ln() * 0.3)
        })
        .collect();
    let is_letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|one| one.is_alphabetic());
    let is_ascii_letter =
        |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(char::is_ascii_alphabetic);
    let mut cost = 0.0;
    for (at, one) in text.iter().enumerate().filter(|(_, one)| !one.is_ascii()) {
        let (before, after) = (at.checked_sub(1), Some(at + 1));
        let lone = one.is_alphabetic() && !latin(*one) && (is_ascii_letter(before) || is_ascii_letter(after));
        // A capital after a small letter is no name's.
        let odd_capital =
            one.is_uppercase() && before.and_then(|at| text.get(at)).is_some_and(|one| one.is_lowercase());
        cost += match known.get(&lower(*one)) {
            Some(cost) => *cost,
            None if one.is_control() => CONTROL,
            None if one.is_alphabetic() => FOREIGN,
            None if is_letter(before) && is_letter(after) && *one != '’' => FOREIGN,
            None if matches!(
                one,
                '–' | '—'
                    | '’'
                    | '‘'
                    | '“'
                    | '”'
                    | '„'
                    | '…'
                    | '€'
                    | '°'
                    | '§'
                    | '«'
                    | '»'
                    | '\u{a0}'
                    | '®'
                    | '·'
            ) =>
            {
                3.0
            }
            None => 6.0,
        };
        let next = text.get(at + 1).filter(|next| next.is_alphabetic()).map(|next| lower(*next));
        cost += context(lower(*one), next);
        cost += if lone { 3.0 } else { 0.0 } + if odd_capital { 2.0 } else { 0.0 };
    }
    let lowered: String = text.iter().copied().map(lower).collect();
    for sign in language.signs {
        let found = lowered.matches(sign).take(3).count();
        cost += SIGN * found as Cost * if sign.starts_with('.') { 2.0 } else { 0.5 };
    }
    cost
}

/// What a letter costs more before another (`None`: at the end of a word) than it does in general: the same byte is `ñ`
/// before a vowel and `ń` before a consonant.
fn context(one: char, next: Option<char>) -> Cost {
    let vowel = next.is_some_and(|next| "aeiouyáéíóúàèìòùäöüąęã".contains(next));
    let consonant = next.is_some() && !vowel;
    match one {
        'ñ' if !vowel => 4.0,
        'ń' if vowel => 4.0,
        'õ' if next != Some('e') => 3.0,
        'ő' if next == Some('e') => 3.0,
        'è' if vowel => 3.0,
        'č' if consonant && !next.is_some_and(|next| "kntc".contains(next)) => 2.0,
        'ø' if vowel && next != Some('y') => 3.0,
        'ř' if next.is_some_and(|next| "rnldmgv".contains(next)) => 2.0,
        _ => 0.0,
    }
}

fn latin(one: char) -> bool {
    u32::from(one) < 0x250
}

/// Wide letters stand together, and half-width ones do; the kanji of the first level are the usual ones.
fn weigh_japanese(text: &[char]) -> Cost {
    let sjis = Charset::named("shift_jis");
    let half = |one: &char| matches!(one, '\u{ff61}'..='\u{ff9f}');
    let wide = |one: &char| !one.is_ascii() && !half(one);
    let like = |at: Option<usize>, is: &dyn Fn(&char) -> bool| at.and_then(|at| text.get(at)).is_some_and(is);
    let mut cost = 0.0;
    for (at, one) in text.iter().enumerate().filter(|(_, one)| !one.is_ascii()) {
        let near = |is: &dyn Fn(&char) -> bool| like(at.checked_sub(1), is) || like(Some(at + 1), is);
        let by_letters = near(&|one| one.is_ascii_alphabetic());
        cost += match one {
            '\u{3040}'..='\u{30ff}' => 2.0,
            '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}' => 2.5,
            '\u{4e00}'..='\u{9fff}' => {
                let mut room = [0; 4];
                let text: &str = one.encode_utf8(&mut room);
                let first = sjis.and_then(|sjis| sjis.encode(text).and_then(|bytes| bytes.first().copied()));
                if first.is_some_and(|byte| (0x88..=0x97).contains(&byte)) { 3.0 } else { 6.0 }
            }
            one if half(one) => 3.5 + if near(&half) { 0.0 } else { 5.0 },
            '\u{2000}'..='\u{25ff}' | '\u{391}'..='\u{451}' => 4.0,
            one if one.is_control() => CONTROL,
            _ => FOREIGN,
        };
        if wide(one) && by_letters && !near(&wide) {
            cost += 5.0;
        }
    }
    let lowered: String = text.iter().collect();
    cost + SIGN * 2.0 * lowered.matches(".jp").take(3).count() as Cost
}

/// UTF-16 without a mark: its ASCII characters, line ends at least, have a zero byte.
fn utf16(bytes: &[u8]) -> Option<Encoding> {
    if !bytes.contains(&0) || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let mut encoding = if odd >= even { Encoding::UTF_16LE } else { Encoding::UTF_16BE };
    encoding.mark = false;
    let text = encoding.decode(bytes)?;
    let is_odd = |one: &char| {
        (one.is_control() && !matches!(one, '\t' | '\r' | '\n'))
            || matches!(one, '\u{e000}'..='\u{f8ff}' | '\u{fffe}')
    };
    (text.chars().filter(is_odd).count() * 50 <= text.chars().count()).then_some(encoding)
}

/// The encoding that a `# CharSet:` line or an XML declaration names.
pub(super) fn declared(bytes: &[u8]) -> Option<Encoding> {
    if let Some(page) = of_cards(bytes) {
        return Some(page);
    }
    let front = String::from_utf8_lossy(&bytes[..bytes.len().min(1_024)]).to_ascii_lowercase();
    let after =
        ["charset:", "encoding=\""].iter().find_map(|word| front.split_once(word).map(|(_, rest)| rest))?;
    let name = after.trim_start().split(['\r', '\n', '"', ',']).next()?;
    Encoding::named(name.trim()).filter(|one| !one.is_utf8())
}

/// How many bytes of cards are looked at for what they say.
const CARDS: usize = 64 << 10;

/// What vCards say of one of their values, which holds for those too that say nothing.
pub(super) fn of_cards(bytes: &[u8]) -> Option<Encoding> {
    let front = &bytes[..bytes.len().min(CARDS)];
    if !front.trim_ascii_start().get(..11).is_some_and(|begin| begin.eq_ignore_ascii_case(b"BEGIN:VCARD")) {
        return None;
    }
    let front = String::from_utf8_lossy(front).to_ascii_lowercase();
    let named =
        |rest: &str| Encoding::named(rest.split([';', ':', ',', '\r', '\n']).next()?.trim_matches('"'));
    front.split(";charset=").skip(1).filter_map(named).find(|one| !one.is_utf8())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn encoded(text: &str, name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoding = Encoding::named(name).unwrap();
        encoding.encode(text, &mut bytes, |one| panic!("{name} lacks {one}"));
        bytes
    }

    const SHORT: &[(&str, &[&str])] = &[
        (
            "windows-1252",
            &[
                "Jörn;Müster",
                "Käthe Großmann",
                "Straße",
                "MÜLLER;GÖTZ",
                "René",
                "Prénom;Nom\r\nÉlodie;Lefèvre",
                "Hélène Bouvier",
                "François",
                "Benoît Noël",
                "Muñoz;Íñigo",
                "José Pérez",
                "Agnès",
                "Genève",
                "Simões",
                "Peña",
                "Niccolò",
                "Société Générale – Paris",
                "João Conceição",
                "Søren Ødegård",
                "Åsa Sjöström",
                "Preis 5 €;Müller",
                "L’Hôtel",
            ],
        ),
        (
            "windows-1250",
            &[
                "Wałęsa",
                "Poznań",
                "Gdańsk",
                "Ondřej",
                "Kateřina",
                "Jenő",
                "Łukasz;Żółć",
                "Grażyna Dąbrowska;ul. Święta",
                "imię;nazwisko\r\nMałgorzata;Jabłońska",
                "Szűcs;Győr",
                "Erdős Pál",
                "Kőszegi Erzsébet;koszegi@example.hu",
                "Jiří Dvořák;Plzeň",
                "Černý;Růžena",
            ],
        ),
        (
            "shift_jis",
            &[
                "氏名,メール",
                "山田太郎",
                "総務部,営業部",
                "ﾔﾏﾀﾞ ﾀﾛｳ",
                "株式会社テスト",
                "名前,住所\r\n佐藤,東京都港区",
                "name,mail\r\nTaro 山田,taro@example.co.jp",
                "表示名,ソート",
            ],
        ),
        ("euc-jp", &["氏名,メール\n山田太郎,営業部"]),
        ("windows-1251", &["Иванов Пётр", "Имя;Телефон\r\nОльга;5550100"]),
        ("windows-1253", &["Παπαδόπουλος Γιώργος"]),
        ("windows-1254", &["Işık Çağlar;Özgüroğlu"]),
        ("utf-16le", &["name\r\n", "氏名\t電話\r\n山田\t5550100\r\n", "Łódź\r\n", "Müller;Straße\r\n"]),
        ("utf-16be", &["name\r\n", "氏名\t電話\r\n山田\t5550100\r\n", "Łódź;Żary\r\n"]),
    ];

    #[test]
    fn short_and_long_texts_of_many_languages_are_known() {
        let mut wrong = Vec::new();
        for (name, texts) in SHORT {
            let wanted = Encoding::named(name).unwrap().name();
            let long = texts.join("\r\n").repeat(40) + "\r\n";
            // A long head of ASCII says nothing of the encoding.
            let late = alloc::format!("{}{}\r\n", "Name;E-mail;Fax\r\n".repeat(3_000), texts.join("\r\n"));
            for text in texts.iter().map(|text| String::from(*text)).chain([long, late]) {
                let found = guess(&encoded(&text, name)).name();
                if found != wanted {
                    wrong.push((text.chars().take(60).collect::<String>(), wanted, found));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

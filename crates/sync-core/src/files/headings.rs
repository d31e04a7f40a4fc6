//! The usual names of columns in English, German, French, Spanish, Italian, Japanese, Dutch, Polish and Portuguese, and
//! what they mean.

use super::{
    csv_mapping::{MappedColumn, Meaning, PLACES},
    field::{Field, Slot},
};
use alloc::{format, string::String, vec::Vec};

/// A meaning without the number of the destination.
type Sense = (Option<Slot>, Field);

const fn of(field: Field) -> Sense {
    (None, field)
}

const fn at(slot: Slot, field: Field) -> Sense {
    (Some(slot), field)
}

/// What means what. The first of each is how new files name it. Compared by letters and digits alone, without regard to
/// case. A salutation (`Anrede`, `Civilité`) is not here, since no button should begin with it. A number in a name counts destinations (`E-mail 2`, `E-Mail 2: Adresse`).
#[rustfmt::skip]
const HEADINGS: &[(Sense, &[&str])] = &[
    (of(Field::Name), &[
        "Name", "Full name", "Display name", "Contact name", "Contact", "Friendly name", "Destination name",
        "Recipient", "Recipient name", "Entry name", "File as",
        "Anzeigename", "Angezeigter Name", "Vollständiger Name", "Bezeichnung", "Kontakt", "Kontaktname", "Empfänger",
        "Zielname", "Vor- und Nachname",
        "Nom", "Nom complet", "Nom affiché", "Nom d'affichage", "Nom à afficher", "Destinataire", "Nom du contact",
        "Nom et prénom", "Prénom et nom",
        "Nombre", "Nombre completo", "Nombre para mostrar", "Contacto", "Destinatario", "Nombre del contacto",
        "Nombre y apellidos", "Nombre y apellido", "Apellidos y nombre", "Apellido y nombre", "Apellidos, nombre",
        "Nombres y apellidos", "Apellidos y nombres", "Nom prénom", "Prénom nom", "Nom & prénom", "Noms et prénoms",
        "Name, Vorname", "Vorname, Name", "Nachname, Vorname", "Vorname Nachname", "Name und Vorname", "Vorname und Name",
        "Nachname und Vorname", "Vorname und Nachname", "Familienname, Vorname", "Last name, first name",
        "First name, last name", "First and last name", "First name and last name", "Surname, first name", "Surname, name",
        "Nome", "Nome completo", "Nome visualizzato", "Contatto", "Nominativo", "Nome e cognome",
        "Cognome e nome", "Nome cognome", "Cognome nome", "Cognome, nome",
        "Imię i nazwisko", "Nazwisko i imię", "Nazwa", "Naam", "Volledige naam", "Weergavenaam", "Voor- en achternaam",
        "Nome e sobrenome", "Nome e apelido", "Nome de exibição",
        "氏名", "名前", "お名前", "宛先名", "表示名", "登録名", "宛名", "名称", "宛先", "担当者",
        "担当者名", "氏名(漢字)", "送信先名", "相手先名",
    ]),
    (of(Field::Reading), &[
        "Reading", "Phonetic name", "Yomi name", "Furigana", "Kana", "Lesung", "Aussprache", "Nom phonétique",
        "Lecture", "Nombre fonético", "Nome fonetico", "Pronuncia",
        "フリガナ", "ふりがな", "ヨミ", "よみ", "読み", "読み仮名", "読みがな", "カナ", "ﾌﾘｶﾞﾅ", "カナ名", "名前(カナ)", "お名前(フリガナ)", "氏名(フリガナ)", "氏名(ふりがな)", "氏名カナ", "氏名(カナ)", "表示名(ヨミ)",
    ]),
    (of(Field::ReadingLanguage), &["Reading language"]),
    (of(Field::ShortName), &["Short name", "Button name", "One-touch name", "Kurzname", "Tastenname", "Nom abrégé",
        "Nom court", "Nombre corto", "Nome breve", "略称", "ボタン名"]),
    (of(Field::Given), &[
        "First name", "Given name", "Forename", "Firstname", "Vorname", "Prénom", "Nombre de pila", "Primer nombre",
        "Nome di battesimo", "Imię", "Voornaam", "Primeiro nome", "Nome próprio", "名", "名前(名)", "名（名前）",
    ]),
    (of(Field::Middle), &["Middle name", "Additional name", "Second name", "Zweiter Vorname", "Weitere Vornamen",
        "Deuxième prénom", "Segundo nombre", "Secondo nome", "ミドルネーム"]),
    (of(Field::Family), &[
        "Last name", "Family name", "Surname", "Lastname", "Nachname", "Familienname", "Zuname",
        "Nom de famille", "Apellido", "Apellidos", "Primer apellido", "Cognome", "Nazwisko", "Achternaam",
        "Familienaam", "Sobrenome", "Apelido", "Último nome", "姓", "苗字", "名字",
    ]),
    (of(Field::Prefix), &["Name prefix", "Honorific prefix", "Namenspräfix", "Namenstitel", "Akademischer Titel"]),
    (of(Field::Suffix), &["Name suffix", "Suffix", "Namenssuffix", "Namenszusatz", "Suffixe", "Sufijo", "Suffisso"]),
    (of(Field::Nickname), &["Nickname", "Spitzname", "Surnom", "Apodo", "Alias", "Soprannome", "ニックネーム", "愛称"]),
    (of(Field::GivenReading), &["First name reading", "Phonetic first name", "Given name yomi",
        "Vorname (phonetisch)", "Prénom phonétique", "Nombre de pila fonético", "名(フリガナ)", "名フリガナ", "メイ", "名(ヨミ)", "名カナ"]),
    (of(Field::FamilyReading), &["Last name reading", "Phonetic last name", "Family name yomi",
        "Nachname (phonetisch)", "Nom de famille phonétique", "Apellido fonético", "Cognome fonetico",
        "姓(フリガナ)", "姓フリガナ", "セイ", "姓(ヨミ)", "姓カナ"]),
    (of(Field::Organization), &[
        "Organization", "Organisation", "Company", "Company name", "Organization name", "Firma", "Unternehmen",
        "Firmenname", "Société", "Entreprise", "Empresa", "Organización", "Compañía", "Azienda", "Società", "Ditta",
        "Organizzazione", "Bedrijf", "Bedrijfsnaam",
        "Organisatie", "Organização", "Przedsiębiorstwo", "Organizacja", "会社", "社名", "貴社名", "団体名", "会社名", "組織", "組織名", "勤務先", "法人名",
    ]),
    (of(Field::Department), &[
        "Department", "Division", "Abteilung", "Bereich", "Service", "Département", "Departamento", "Sección",
        "Reparto", "Ufficio", "Dipartimento", "Afdeling", "Dział", "Setor", "部署", "部課", "課名", "部署名", "部門", "所属", "部課名",
    ]),
    (of(Field::Title), &[
        "Job title", "Position", "Title", "Occupation", "Berufsbezeichnung", "Funktion", "Stellenbezeichnung",
        "Fonction", "Poste", "Titre", "Cargo", "Puesto", "Posizione", "Qualifica", "Mansione", "Functie", "Stanowisko", "Cargo/função", "役職", "役職名", "肩書き", "肩書",
    ]),
    (of(Field::Phone), &[
        "Telephone", "Phone", "Tel", "Phone number", "Telephone number", "Business phone", "Work phone",
        "Office phone", "Telefon", "Tel.-Nr.", "Telefonnummer", "Telefon geschäftlich", "Telefon dienstlich", "Telefon Büro", "Rufnummer", "Téléphone", "Tél", "Numéro de téléphone",
        "Téléphone professionnel", "Téléphone (bureau)", "Teléfono", "Teléfono del trabajo", "Teléfono trabajo",
        "Número de teléfono", "Telefono", "Telefono ufficio", "Numero di telefono", "Telefoon", "Telefoonnummer",
        "Telefone", "Numer telefonu", "電話", "電話番号(会社)", "ＴＥＬ", "電話番号", "TEL番号", "会社電話",
    ]),
    (of(Field::Mobile), &[
        "Mobile", "Mobile phone", "Mobile number", "Cell", "Cell phone", "Cellphone", "Handy", "Mobiltelefon", "Mobil",
        "Handynummer", "Mobilnummer", "Portable", "Tél. mobile", "Téléphone mobile", "Téléphone portable", "Móvil",
        "Teléfono móvil", "Celular", "Cellulare", "Telefono cellulare", "Mobiel", "Mobiele telefoon", "Telemóvel",
        "Telefon komórkowy", "Komórka", "携帯", "携帯電話", "携帯番号", "携帯電話番号",
    ]),
    (of(Field::Note), &["Note", "Notes", "Comment", "Comments", "Remarks", "Notiz", "Notizen", "Bemerkung",
        "Bemerkungen", "Anmerkung", "Anmerkungen", "Kommentar", "Remarque", "Remarques", "Commentaire", "Commentaires",
        "Nota", "Notas", "Observaciones", "Comentarios", "Annotazioni", "Commenti", "Opmerkingen", "Notities", "Uwagi", "Observações", "メモ", "備考"]),
    (of(Field::PhoneLabel), &["Telephone label"]),
    (at(Slot::Mail, Field::Label), &["E-mail label"]),
    (at(Slot::Fax, Field::Label), &["Fax label"]),
    (of(Field::List), &["List", "Address list", "Liste", "Adressliste", "Lista", "宛先表"]),
    (of(Field::Number), &["Number", "No.", "Nr.", "Nummer", "Registration no.", "Speed dial", "Speed dial number", "Kurzwahl",
        "Kurzwahlnummer", "Numéro", "N°", "Número", "Numero", "Numer", "番号", "宛先表番号", "ワンタッチ番号", "登録番号", "短縮番号", "宛先番号"]),
    (at(Slot::Mail, Field::Mail), &[
        "E-mail", "Mail", "E-mail address", "Mail address", "Primary email", "Business email", "Work email",
        "E-mail value", "Email to",
        "E-Mail-Adresse", "Mailadresse", "E-Mail geschäftlich", "E-Mail dienstlich", "E-Mail (Arbeit)",
        "Primäre E-Mail-Adresse", "Elektronische Post",
        "Adresse e-mail", "Adresse mail", "Adresse électronique", "Adresse de messagerie", "Courriel",
        "Adresse courriel", "Mél", "E-mail professionnel", "Messagerie",
        "Correo", "Correo electrónico", "Dirección de correo electrónico", "Dirección de correo", "Dirección e-mail",
        "Direccion email", "Indirizzo e-mail", "Indirizzo mail", "Posta elettronica", "Indirizzo di posta elettronica",
        "Indirizzo posta elettronica", "Indirizzo email",
        "E-mailadres", "Mailadres", "Adres e-mail", "Adres mailowy", "Poczta elektroniczna", "Correio eletrônico",
        "Correio eletrónico", "Endereço de e-mail", "Endereço de correio eletrônico", "Endereço eletrônico",
        "メール", "メールアドレス", "電子メール", "電子メールアドレス", "Eメール", "Eメールアドレス", "E-mailアドレス", "ﾒｰﾙｱﾄﾞﾚｽ",
        "メールアドレス(会社)", "Mailアドレス", "電子メール アドレス", "送信先メールアドレス",
    ]),
    (at(Slot::Mail, Field::Mail), &["E-mail 2", "Secondary email", "Second email", "Zweite E-Mail-Adresse",
        "Zusätzliche E-Mail-Adresse", "Adresse électronique secondaire", "Correo electrónico secundario",
        "Email secondaria"]),
    (at(Slot::Fax, Field::FaxNumber), &[
        "Fax", "Fax number", "Fax no.", "Facsimile", "Telefax", "Business fax", "Work fax", "Office fax", "Fax-Nr.",
        "Faxnummer", "Fax geschäftlich", "Fax dienstlich", "Telefaxnummer", "Télécopie", "Télécopieur",
        "Numéro de fax", "Numéro de télécopie", "Télécopie (bureau)", "Fax professionnel", "Número de fax",
        "Fax del trabajo", "Fax trabajo", "Telefax trabajo", "Numero fax", "Numero di fax", "Fax ufficio", "Faks", "Numer faksu", "Nr faksu",
        "Faxnr.", "Fax werk", "Número do fax",
        "ファクス", "ファックス", "FAX番号", "ファクス番号", "ファックス番号", "ファクシミリ", "会社FAX", "FAX番号(会社)",
        "ファクシミリ番号", "ﾌｧｯｸｽ番号", "ﾌｧｯｸｽ", "Fax電話番号", "FAX No.",
    ]),
    (at(Slot::Fax, Field::FaxNumber), &["Fax 2", "Home fax", "Fax privat", "Télécopie (domicile)", "Fax particular",
        "Fax abitazione", "自宅FAX"]),
    (at(Slot::Fax, Field::FaxNumber), &["Fax 3", "Other fax", "Weiteres Fax", "Télécopie (autre)", "Otro fax", "Altro fax"]),
    (at(Slot::Fax, Field::FaxProtocol), &["Fax protocol"]),
    (at(Slot::Fax, Field::FaxEcm), &["Fax ECM", "ECM"]),
    (at(Slot::Fax, Field::FaxSpeed), &["Fax speed", "Fax start speed"]),
    (at(Slot::Fax, Field::FaxLineType), &["Fax line type"]),
    (at(Slot::Fax, Field::FaxLine), &["Fax line"]),
    (at(Slot::Fax, Field::FaxSubAddress), &["Fax sub-address", "Fax subaddress", "Fax SUB"]),
    (at(Slot::Ifax, Field::Mail), &["I-fax", "I-fax address", "Internet fax", "Internet fax address", "InternetFaxAddress", "Internet-Fax-Adresse",
        "Fax Internet", "インターネットファクス", "IFAXアドレス"]),
    (at(Slot::IpFax, Field::FaxUri), &["IP fax", "IP fax URI", "IP fax address", "IP-Fax-Adresse", "IPファクス"]),
    (at(Slot::Smb, Field::FolderHost), &["SMB server", "SMB host", "SMB host name", "Folder server", "Folder server name", "File server",
        "SMB-Server", "SMB-Hostname", "Serveur SMB", "Hôte SMB", "Servidor SMB", "Server SMB", "SMBサーバー", "SMBホスト名"]),
    (at(Slot::Smb, Field::FolderPort), &["SMB port", "Folder port", "SMB-Port", "Port SMB", "Puerto SMB", "Porta SMB", "SMBポート"]),
    (at(Slot::Smb, Field::FolderPath), &["SMB path", "SMB folder", "SMB folder path", "Folder", "Folder path", "Network folder", "Scan folder", "Path",
        "SMB-Pfad", "SMB-Ordner", "Ordner", "Ordnerpfad", "Netzwerkordner", "Scanordner", "Freigabe", "Pfad",
        "Chemin SMB", "Dossier", "Chemin du dossier", "Dossier réseau", "Dossier SMB", "Chemin", "Ruta SMB", "Carpeta", "Ruta de la carpeta",
        "Carpeta SMB", "Carpeta de red", "Percorso SMB", "Cartella", "Percorso cartella", "Cartella SMB", "Cartella di rete",
        "SMBパス", "SMBフォルダー", "フォルダー", "フォルダ", "フォルダーパス", "共有フォルダー"]),
    (at(Slot::Smb, Field::LoginUser), &["SMB user", "SMB user name", "SMB login", "SMB login name", "Folder user name", "SMB-Benutzer", "SMB-Benutzername",
        "Utilisateur SMB", "Usuario SMB", "Utente SMB", "SMBユーザー名", "SMBユーザー"]),
    (at(Slot::Smb, Field::LoginPassword), &["SMB password", "Folder password", "SMB login password", "SMB-Kennwort", "SMB-Passwort", "Mot de passe SMB",
        "Contraseña SMB", "Password SMB", "SMBパスワード"]),
    (at(Slot::Ftp, Field::FolderHost), &["FTP server", "FTP host", "FTP host name", "FTP-Server", "Serveur FTP", "Servidor FTP", "Server FTP", "FTPサーバー", "FTPホスト名"]),
    (at(Slot::Ftp, Field::FolderPort), &["FTP port", "FTP-Port", "Port FTP", "Puerto FTP", "Porta FTP", "FTPポート"]),
    (at(Slot::Ftp, Field::FolderPath), &["FTP path", "FTP folder", "FTP directory", "FTP-Pfad", "FTP-Ordner", "FTP-Verzeichnis", "Chemin FTP", "Dossier FTP",
        "Ruta FTP", "Carpeta FTP", "Percorso FTP", "Cartella FTP", "FTPパス", "FTPフォルダー"]),
    (at(Slot::Ftp, Field::LoginUser), &["FTP user", "FTP user name", "FTP login", "FTP-Benutzer", "FTP-Benutzername", "Utilisateur FTP", "Usuario FTP", "Utente FTP", "FTPユーザー名"]),
    (at(Slot::Ftp, Field::LoginPassword), &["FTP password", "FTP-Kennwort", "FTP-Passwort", "Mot de passe FTP", "Contraseña FTP", "Password FTP", "FTPパスワード"]),
    (at(Slot::WebDav, Field::FolderHost), &["WebDAV server", "WebDAV host", "WebDAV URL", "WebDAV-Server", "Serveur WebDAV", "Servidor WebDAV", "Server WebDAV", "WebDAVサーバー"]),
    (at(Slot::WebDav, Field::FolderPort), &["WebDAV port"]),
    (at(Slot::WebDav, Field::FolderPath), &["WebDAV path", "WebDAV folder", "WebDAV-Pfad", "Chemin WebDAV", "Ruta WebDAV", "Percorso WebDAV", "WebDAVパス"]),
    (at(Slot::WebDav, Field::LoginUser), &["WebDAV user", "WebDAV user name", "WebDAV-Benutzer", "Utilisateur WebDAV", "Usuario WebDAV", "Utente WebDAV"]),
    (at(Slot::WebDav, Field::LoginPassword), &["WebDAV password", "WebDAV-Kennwort", "Mot de passe WebDAV", "Contraseña WebDAV", "Password WebDAV"]),
    (of(Field::AccessCode), &["Access number", "Access code", "Zugangsnummer", "Zugangscode", "Code d'accès", "Código de acceso", "Codice di accesso"]),
];

/// What each kind is called in the names that new files give to columns which the table doesn't have.
const KINDS: [(Slot, &str); 7] = [
    (Slot::Mail, "Mail"),
    (Slot::Fax, "Fax"),
    (Slot::Ifax, "I-fax"),
    (Slot::IpFax, "IP fax"),
    (Slot::Smb, "SMB"),
    (Slot::Ftp, "FTP"),
    (Slot::WebDav, "WebDAV"),
];

/// The letters and digits of a name, in lower case.
fn squash(heading: &str) -> String {
    // Japanese files have wide letters and digits too.
    let narrow = |one: char| match one {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(one) - 0xfee0).unwrap_or(one),
        _ => one,
    };
    heading.chars().map(narrow).filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The name without its number, and the number.
fn numbered(squashed: &str) -> Option<(String, usize)> {
    let digits: String = squashed.chars().filter(char::is_ascii_digit).collect();
    let number = digits.parse::<usize>().ok().filter(|number| (1..=PLACES).contains(number))?;
    Some((squashed.replace(&*digits, ""), number - 1))
}

/// All names, by what is compared of them.
fn known() -> alloc::collections::BTreeMap<String, (Sense, usize)> {
    let mut known = alloc::collections::BTreeMap::new();
    for (sense, names) in HEADINGS {
        let place = numbered(&squash(names[0])).map_or(0, |(_, place)| place);
        for name in *names {
            known.entry(squash(name)).or_insert((*sense, place));
        }
    }
    for (slot, word) in KINDS {
        for field in super::columns::OF_KIND {
            known.entry(squash(&format!("{word} {}", field.words()))).or_insert((at(slot, *field), 0));
        }
    }
    known
}

/// What the names of a file's columns mean.
pub(super) fn meanings(names: &[String]) -> Vec<MappedColumn> {
    let known = known();
    let squashed: Vec<String> = names.iter().map(|name| squash(name)).collect();
    let mut found: Vec<Option<(Sense, usize)>> = squashed
        .iter()
        .map(|name| {
            let exact = known.get(name).copied();
            exact.or_else(|| {
                let (base, place) = numbered(name)?;
                // A second telephone is no other destination.
                let (sense, first) = known.get(&base).copied()?;
                (sense.0.is_some() && first == 0).then_some((sense, place))
            })
        })
        .collect();
    // Some words are the whole name alone, and a part of it beside the other part.
    let has = |found: &[Option<(Sense, usize)>], field: Field| {
        found.iter().any(|one| one.is_some_and(|(sense, _)| sense == of(field)))
    };
    let (given, family) = (has(&found, Field::Given), has(&found, Field::Family));
    for (name, means) in squashed.iter().zip(&mut found) {
        match &**name {
            "name" | "nom" | "naam" if given && !family => *means = Some((of(Field::Family), 0)),
            "nome" | "nombre" if family && !given => *means = Some((of(Field::Given), 0)),
            _ => {}
        }
    }
    // Of several columns of one meaning, destinations count on, and what is shared is the first's.
    let mut used: Vec<(Sense, usize)> = Vec::new();
    names
        .iter()
        .zip(found)
        .map(|(name, means)| {
            let means = means.and_then(|(sense, place)| {
                let last = if sense.0.is_some() { PLACES } else { 1 };
                let free = (place..last).find(|place| !used.contains(&(sense, *place)))?;
                used.push((sense, free));
                Some(Meaning::Field { slot: sense.0, field: sense.1, place: free })
            });
            MappedColumn { heading: name.trim().into(), means: means.unwrap_or(Meaning::Keep) }
        })
        .collect()
}

/// How new files name a column.
pub(super) fn heading(slot: Option<Slot>, field: Field, place: usize) -> String {
    let listed =
        HEADINGS.iter().find(|(sense, _)| *sense == (slot, field)).map(|(_, names)| String::from(names[0]));
    let word = || KINDS.iter().find(|(one, _)| Some(*one) == slot).map_or("", |(_, word)| word);
    let name = listed.unwrap_or_else(|| format!("{} {}", word(), field.words()));
    if place == 0 { name } else { format!("{name} {}", place + 1) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn means(names: &str) -> String {
        let names: Vec<String> = names.split(';').map(String::from).collect();
        meanings(&names).iter().map(|column| column.means.to_string()).collect::<Vec<_>>().join(";")
    }

    #[test]
    fn usual_names_are_known_in_nine_languages() {
        for (names, wanted) in [
            ("Name;E-mail Address;FAX NUMBER", "name;e-mail;fax"),
            (" vorname ;Nachname;e-mail;Telefax", "first-name;last-name;e-mail;fax"),
            ("Prénom;Nom;Adresse e-mail;Télécopie", "first-name;last-name;e-mail;fax"),
            ("Nombre;Apellidos;Correo electrónico;Fax", "first-name;last-name;e-mail;fax"),
            ("Nome;Cognome;Indirizzo e-mail;Numero di fax", "first-name;last-name;e-mail;fax"),
            ("氏名;フリガナ;メールアドレス;FAX番号", "name;reading;e-mail;fax"),
            ("姓;名;会社名;電話番号", "last-name;first-name;organization;telephone"),
            ("Nom;Courriel", "name;e-mail"),
            ("Cognome e nome;Posta elettronica", "name;e-mail"),
            ("Nome e cognome;Email", "name;e-mail"),
            ("Nom et prénom;Courriel", "name;e-mail"),
            ("Name, Vorname;E-Mail", "name;e-mail"),
            ("Apellidos y nombre;Correo", "name;e-mail"),
            (
                "宛先名;お名前(フリガナ);電子メールアドレス;ＦＡＸ番号;ＴＥＬ",
                "name;reading;e-mail;fax;telephone",
            ),
            ("ﾌﾘｶﾞﾅ;ﾒｰﾙｱﾄﾞﾚｽ;担当者名;社名;部署名", "reading;e-mail;name;organization;department"),
            ("Imię;Nazwisko;Adres e-mail;Faks", "first-name;last-name;e-mail;fax"),
            ("Imię i nazwisko;Numer faksu", "name;fax"),
            ("Voornaam;Achternaam;E-mailadres;Faxnummer", "first-name;last-name;e-mail;fax"),
            ("Voornaam;Naam;Mail", "first-name;last-name;e-mail"),
            ("Nome;Sobrenome;Endereço de e-mail;Telefone", "first-name;last-name;e-mail;telephone"),
            // Fujitsu's list.
            (
                "User Name;Group Name;Distribution List Name;First Name;Last Name;E-mail Address",
                "keep;keep;keep;first-name;last-name;e-mail",
            ),
            ("Name;Vorname;Mail", "last-name;first-name;e-mail"),
            ("E-Mail;E-Mail 2;E-Mail 3: Adresse;Fax privat", "e-mail;e-mail 2;e-mail 3;fax 2"),
            ("Fax;Fax;Notes;Notes", "fax;fax 2;note;keep"),
            ("Hobby;Telefon 2;", "keep;keep;keep"),
            ("SMB server;SMB-Pfad;FTP path;I-fax", "folder-host;folder-path;ftp folder-path;ifax e-mail"),
        ] {
            assert_eq!(means(names), wanted, "{names}");
        }
    }

    #[test]
    fn what_new_files_call_a_column_means_it() {
        for field in Field::ALL {
            let slots: Vec<Option<Slot>> = if super::super::columns::OF_KIND.contains(field) {
                KINDS.iter().map(|(slot, _)| Some(*slot)).collect()
            } else {
                alloc::vec![None]
            };
            for slot in slots {
                for place in 0..if slot.is_some() { PLACES } else { 1 } {
                    let name = heading(slot, *field, place);
                    let wanted = Meaning::Field { slot, field: *field, place };
                    assert_eq!(meanings(core::slice::from_ref(&name))[0].means, wanted, "{name}");
                }
            }
        }
    }
}

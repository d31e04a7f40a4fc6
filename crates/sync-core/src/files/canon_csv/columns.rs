//! The columns of a Canon address book, and what each means for an address.

use crate::{
    address::{Address, AddressKind, Fax, Folder, Login, Member, ONE_TOUCH_LIST, Password, Secret},
    files::Owner,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::array;

/// What a column means.
enum Field {
    Kind,
    Name,
    Reading,
    ReadingLanguage,
    ShortName,
    List,
    Number,
    OneTouch,
    Mail,
    Fax(fn(&mut Fax) -> &mut String),
    Host,
    Path,
    Protocol,
    UserName,
    Password,
    Members,
    AccessCode,
    LoginUser,
    LoginDomain,
    UserGroup,
    PersonalId,
    /// Not understood: kept as it is.
    Kept,
}

/// One column of the format.
pub(in crate::files) struct Column {
    /// Its name, in lower case.
    pub(in crate::files) name: &'static str,
    /// Whether its cells are text, which the format quotes.
    pub(in crate::files) quoted: bool,
    field: Field,
}

const fn text(name: &'static str, field: Field) -> Column {
    Column { name, quoted: true, field }
}

const fn word(name: &'static str, field: Field) -> Column {
    Column { name, quoted: false, field }
}

/// All columns of version 0x0003 in their order, and last the `dn` of one-touch lists.
pub(in crate::files) const COLUMNS: [Column; 51] = [
    word("objectclass", Field::Kind),
    text("cn", Field::Name),
    text("cnread", Field::Reading),
    text("cnshort", Field::ShortName),
    word("subdbid", Field::List),
    text("mailaddress", Field::Mail),
    text("dialdata", Field::Fax(|fax| &mut fax.number)),
    text("uri", Field::Fax(|fax| &mut fax.uri)),
    text("url", Field::Host),
    text("path", Field::Path),
    word("protocol", Field::Protocol),
    text("username", Field::UserName),
    text("pwd", Field::Password),
    text("member", Field::Members),
    word("indxid", Field::Number),
    word("enablepartial", Field::Kept),
    text("sub", Field::Fax(|fax| &mut fax.sub_address)),
    word("faxprotocol", Field::Fax(|fax| &mut fax.protocol)),
    word("ecm", Field::Fax(|fax| &mut fax.ecm)),
    word("txstartspeed", Field::Fax(|fax| &mut fax.speed)),
    word("commode", Field::Fax(|fax| &mut fax.line_type)),
    word("lineselect", Field::Fax(|fax| &mut fax.line)),
    word("uricommode", Field::Fax(|fax| &mut fax.uri_mode)),
    word("uriflag", Field::Fax(|fax| &mut fax.uri_flag)),
    word("pwdinputflag", Field::Kept),
    word("ifaxmode", Field::Kept),
    text("transsvcstr1", Field::Kept),
    text("transsvcstr2", Field::Kept),
    word("ifaxdirectmode", Field::Kept),
    word("documenttype", Field::Kept),
    word("bwpapersize", Field::Kept),
    word("bwcompressiontype", Field::Kept),
    word("bwpixeltype", Field::Kept),
    word("bwbitsperpixel", Field::Kept),
    word("bwresolution", Field::Kept),
    word("clpapersize", Field::Kept),
    word("clcompressiontype", Field::Kept),
    word("clpixeltype", Field::Kept),
    word("clbitsperpixel", Field::Kept),
    word("clresolution", Field::Kept),
    word("accesscode", Field::AccessCode),
    word("uuid", Field::Kept),
    text("cnreadlang", Field::ReadingLanguage),
    word("enablesfp", Field::Kept),
    word("memberobjectuuid", Field::Kept),
    text("loginusername", Field::LoginUser),
    text("logindomainname", Field::LoginDomain),
    text("usergroupname", Field::UserGroup),
    text("personalid", Field::PersonalId),
    // Only in version 0x0003.
    word("folderidflag", Field::Kept),
    // Only in files with one-touch buttons, where it stands first.
    word("dn", Field::OneTouch),
];

/// Where `objectclass` is in [`COLUMNS`].
pub(in crate::files) const OBJECTCLASS: usize = 0;
/// Where `dn` is in [`COLUMNS`].
pub(in crate::files) const DN: usize = COLUMNS.len() - 1;

/// Where a column is in [`COLUMNS`].
pub(in crate::files) fn column_of(name: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.name == name)
}

/// The cells of one row by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) struct Cells {
    /// By place in [`COLUMNS`].
    pub(in crate::files) known: [String; COLUMNS.len()],
    /// Columns that the table doesn't have, by name.
    pub(in crate::files) extra: BTreeMap<String, String>,
}

impl Default for Cells {
    fn default() -> Self {
        Self { known: array::from_fn(|_| String::new()), extra: BTreeMap::new() }
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}

fn kind_of(objectclass: &str) -> AddressKind {
    match &*objectclass.trim().to_ascii_lowercase() {
        "email" => AddressKind::Email,
        "g3fax" => AddressKind::Fax,
        "ifax" => AddressKind::Ifax,
        "ipfax" => AddressKind::IpFax,
        "remotefilesystem" => AddressKind::Folder,
        // Manuals print `groupfids`.
        "groupofids" | "groupfids" => AddressKind::Group,
        other => AddressKind::named(other),
    }
}

fn objectclass_of(kind: &AddressKind) -> &str {
    match kind {
        AddressKind::Email => "email",
        AddressKind::Fax => "g3fax",
        AddressKind::Ifax => "ifax",
        AddressKind::IpFax => "ipfax",
        AddressKind::Folder => "remotefilesystem",
        AddressKind::Group => "groupofids",
        AddressKind::Other(name) => name,
    }
}

/// What a row means; what can't be said in an address's own fields is not in it yet, see [`keep`]. Passwords are
/// encrypted by `scheme`, if there is one.
pub(in crate::files) fn interpret(cells: &Cells, scheme: Option<&str>) -> (Owner, Address) {
    let mut address = Address::default();
    let mut fax = Fax::default();
    let mut folder = Folder::default();
    let mut login = Login::default();
    let (mut one_touch, mut protocol) = (None, String::new());
    let (mut user, mut domain, mut group, mut personal_id) = ("", None, "", None);
    for (column, cell) in COLUMNS.iter().zip(&cells.known) {
        match column.field {
            Field::Kind => address.kind = kind_of(cell),
            Field::Name => address.name.clone_from(cell),
            Field::Reading => address.reading.clone_from(cell),
            Field::ReadingLanguage => address.reading_language.clone_from(cell),
            Field::ShortName => address.short_name.clone_from(cell),
            Field::List => address.list = cell.trim().parse().ok(),
            Field::Number => address.number = cell.trim().parse().ok(),
            Field::OneTouch => one_touch = cell.trim().parse().ok(),
            Field::Mail => address.mail.clone_from(cell),
            Field::Fax(part) => part(&mut fax).clone_from(cell),
            Field::Host => folder.host.clone_from(cell),
            Field::Path => folder.path.clone_from(cell),
            Field::Protocol => protocol = cell.trim().to_ascii_lowercase(),
            Field::UserName => login.username.clone_from(cell),
            Field::Password if cell.is_empty() => {}
            Field::Password => {
                let text = Secret(cell.clone());
                login.password = Some(match scheme {
                    Some(scheme) => Password::Encrypted { scheme: scheme.to_string(), text },
                    None => Password::Plain(text),
                });
            }
            Field::Members => address.set_members(members_of(cell)),
            Field::AccessCode if cell == "0" => {}
            Field::AccessCode => address.access_code = Secret(cell.clone()),
            Field::LoginUser => user = cell,
            Field::LoginDomain => domain = some_text(cell),
            Field::UserGroup => group = cell,
            Field::PersonalId => personal_id = some_text(cell),
            Field::Kept => {}
        }
    }
    address.number = address.number.or(one_touch);
    if address.kind == AddressKind::Folder {
        folder.protocol = protocol;
    }
    address.fax = (!fax.is_empty()).then_some(fax);
    address.folder = (!folder.is_empty()).then_some(folder);
    address.login = (login != Login::default()).then_some(login);
    let owner = if !group.is_empty() {
        Owner::group(group)
    } else if user.is_empty() && domain.is_none() && personal_id.is_none() {
        Owner::None
    } else {
        Owner::Person { user: user.to_string(), domain, personal_id }
    };
    (owner, address)
}

fn members_of(cell: &str) -> impl Iterator<Item = Member> {
    cell.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| match name.parse() {
        Ok(number) => Member::Number(number),
        Err(_) => Member::Box(name.to_string()),
    })
}

/// The cells that say what an address's own fields say, in the format's usual words.
pub(in crate::files) fn usual(owner: &Owner, address: &Address) -> Cells {
    let mut cells = Cells::default();
    let mut fax = address.fax.clone().unwrap_or_default();
    let number = |number: Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
    let login = address.login.as_ref();
    let folder = address.folder.as_ref();
    for (column, cell) in COLUMNS.iter().zip(&mut cells.known) {
        *cell = match column.field {
            Field::Kind => objectclass_of(&address.kind).to_string(),
            Field::Name => address.name.clone(),
            Field::Reading => address.reading.clone(),
            Field::ReadingLanguage => address.reading_language.clone(),
            Field::ShortName => address.short_name.clone(),
            Field::List => number(address.list),
            Field::Number => number(address.number),
            Field::OneTouch if address.list == Some(ONE_TOUCH_LIST) => number(address.number),
            Field::OneTouch | Field::Kept => String::new(),
            Field::Mail => address.mail.clone(),
            Field::Fax(part) => core::mem::take(part(&mut fax)),
            Field::Host => folder.map(|f| f.host.clone()).unwrap_or_default(),
            Field::Path => folder.map(|f| f.path.clone()).unwrap_or_default(),
            Field::Protocol => match address.kind {
                AddressKind::Email | AddressKind::Ifax => "smtp".to_string(),
                AddressKind::Fax => "t30".to_string(),
                AddressKind::Folder => folder.map(|f| f.protocol.clone()).unwrap_or_default(),
                _ => String::new(),
            },
            Field::UserName => login.map(|l| l.username.clone()).unwrap_or_default(),
            Field::Password => match login.and_then(|l| l.password.as_ref()) {
                Some(Password::Plain(text) | Password::Encrypted { text, .. }) => text.0.clone(),
                None => String::new(),
            },
            Field::Members => address
                .members_in_order()
                .filter_map(|member| match member {
                    Member::Record(_) => None,
                    Member::Number(number) => Some(number.to_string()),
                    Member::Box(name) => Some(name.clone()),
                })
                .collect::<Vec<_>>()
                .join(","),
            Field::AccessCode if address.access_code.0.is_empty() => "0".to_string(),
            Field::AccessCode => address.access_code.0.clone(),
            Field::LoginUser | Field::LoginDomain | Field::PersonalId => match owner {
                Owner::Person { user, domain, personal_id } => match column.field {
                    Field::LoginUser => user.clone(),
                    Field::LoginDomain => domain.clone().unwrap_or_default(),
                    _ => personal_id.clone().unwrap_or_default(),
                },
                _ => String::new(),
            },
            Field::UserGroup => match owner {
                Owner::Group { name } => name.clone(),
                _ => String::new(),
            },
        };
    }
    cells
}

/// Keeps in the address what the cells say otherwise than [`usual`] would, so that [`render`] gives them back. Only
/// columns for which `present` holds are looked at: one that the file lacks says nothing.
pub(in crate::files) fn keep(
    owner: &Owner,
    address: &mut Address,
    cells: &Cells,
    present: impl Fn(usize) -> bool,
) {
    let usual = usual(owner, address);
    for (place, column) in COLUMNS.iter().enumerate().filter(|(i, _)| present(*i)) {
        let cell = &cells.known[place];
        // A space knows its person by name alone, so the entry carries the rest.
        let of_person = matches!(column.field, Field::LoginDomain | Field::PersonalId)
            && matches!(owner, Owner::Person { .. })
            && !cell.is_empty();
        // An entry without a list would be given one.
        let no_list = matches!(column.field, Field::List) && cell.is_empty();
        if of_person || no_list || *cell != usual.known[place] {
            address.kept.insert(column.name.to_string(), cell.clone());
        }
    }
    for (name, cell) in cells.extra.iter().filter(|(_, cell)| !cell.is_empty()) {
        address.kept.insert(name.clone(), cell.clone());
    }
}

/// The cells of a row. Where the address keeps a column's own spelling, that stands as long as it still means the
/// same; an edit of the field makes it void.
pub(in crate::files) fn render(owner: &Owner, address: &Address) -> Cells {
    let mut cells = usual(owner, address);
    let of_person = |column: &Column| {
        matches!(column.field, Field::LoginDomain | Field::PersonalId)
            && matches!(owner, Owner::Person { .. })
    };
    for (column, cell) in COLUMNS.iter().zip(&mut cells.known) {
        if of_person(column)
            && cell.is_empty()
            && let Some(text) = address.kept.get(column.name)
        {
            cell.clone_from(text);
        }
    }
    let meaning = interpret(&cells, None);
    for (name, text) in &address.kept {
        let Some(place) = column_of(name) else {
            cells.extra.insert(name.clone(), text.clone());
            continue;
        };
        let column = &COLUMNS[place];
        if of_person(column) {
            continue;
        }
        let usual = core::mem::replace(&mut cells.known[place], text.clone());
        if !matches!(column.field, Field::Kept) && interpret(&cells, None) != meaning {
            cells.known[place] = usual;
        }
    }
    cells
}

/// The columns that the format gives no name of its own in [`COLUMNS`] but that an address keeps.
pub(in crate::files) fn extra_columns<'a>(addresses: impl Iterator<Item = &'a Address>) -> Vec<String> {
    let mut names: Vec<String> = addresses
        .flat_map(|address| address.kept.keys())
        .filter(|name| column_of(name).is_none())
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The scheme of passwords that a file with this crypto version holds.
pub(in crate::files) fn scheme(crypto_version: &str) -> String {
    format!("canon:{crypto_version}")
}

//! 100,000 entries converted from one format into another, from bytes to bytes, beside the csv crate that reads the same
//! file and writes its cells again. And the most memory that `sync-client convert` takes for them, in a process of its own.
//! `cargo bench --bench convert`

use harness::{
    measure::{Contender, in_turn, most_memory, report},
    programs::Failure,
};
use std::{fmt::Write as _, fs, hint::black_box, process::Command, time::Instant};
use sync_core::files::{Format, ReadOptions, WriteOptions, convert, read};

/// Entries of the file.
const ENTRIES: usize = 100_000;
const ROUNDS: usize = 5;
/// What the memory must stay under, in bytes.
const MOST: u64 = 512_000_000;

/// A list of e-mail addresses, fax numbers and folders, as a machine exports it.
fn canon() -> Vec<u8> {
    let mut text = String::from(
        "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n# SubAddressBookName: \r\n# DB Version: 0x010b\r\n\r\n\
         objectclass,cn,cnread,subdbid,mailaddress,dialdata,url,path,protocol,username,indxid,\r\n",
    );
    for n in 0..ENTRIES {
        let number = n + 201;
        let _ = match n % 10 {
            0 => write!(text, "g3fax,\"Fax {n:06}\",\"Fax\",1,,\"0555{n:06}\",,,t30,,{number},\r\n"),
            1 => write!(
                text,
                "remotefilesystem,\"Scans {n:06}\",\"Scans\",1,,,\"files{}.example.com\",\"in/{n:06}\",smb,\"scan\",{number},\r\n",
                n % 50
            ),
            _ => write!(
                text,
                "email,\"Person {n:06}\",\"person {n:06}\",1,\"person.{n:06}@branch.example\",,,,smtp,,{number},\r\n"
            ),
        };
    }
    text.into_bytes()
}

fn csv_again(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::with_capacity(bytes.len()));
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        writer.write_byte_record(&record)?;
    }
    writer.into_inner().map_err(|error| error.to_string().into())
}

fn peak_of(to: &str, file: &str) -> Result<(), Failure> {
    let bytes = fs::read(file)?;
    let begun = Instant::now();
    let book = read(&bytes, &ReadOptions::default())?;
    drop(bytes);
    let written = convert(&book, Format::named(to).ok_or("no such format")?, &WriteOptions::default())?;
    println!(
        "{} {:.2} {}",
        most_memory("self").ok_or("no VmHWM")?,
        begun.elapsed().as_secs_f64(),
        written.written
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let ["--peak", to, file] = &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return peak_of(to, file);
    }
    let bytes = canon();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("book.csv");
    fs::write(&file, &bytes)?;
    println!(
        "{ENTRIES} entries, {} bytes of Canon CSV, converted to each format in a process of its own",
        bytes.len()
    );
    for to in Format::all() {
        let child = Command::new(std::env::current_exe()?)
            .args(["--peak".as_ref(), to.name().as_ref(), file.as_os_str()])
            .output()?;
        let said = String::from_utf8_lossy(&child.stdout).trim().to_string();
        let words: Vec<&str> = said.split(' ').collect();
        let [most, seconds, written] = words[..] else {
            return Err(format!("{to}: {said} {}", String::from_utf8_lossy(&child.stderr)).into());
        };
        let most: u64 = most.parse()?;
        let verdict = if most < MOST { "under" } else { "OVER" };
        println!(
            "  {:<22} {seconds:>6} s, {written:>6} written, {:>6.1} MB, {verdict} {} MB",
            to.name(),
            most as f64 / 1e6,
            MOST / 1_000_000
        );
    }
    let round = |to: Format| {
        let bytes = &bytes;
        move || {
            let begun = Instant::now();
            let book = read(bytes, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
            let written =
                convert(&book, to, &WriteOptions::default()).unwrap_or_else(|error| panic!("{error}"));
            black_box(written);
            ENTRIES as f64 / begun.elapsed().as_secs_f64()
        }
    };
    let mut contenders = vec![Contender {
        name: "the csv crate, read and written again",
        round: Box::new(|| {
            let begun = Instant::now();
            black_box(csv_again(&bytes).unwrap_or_else(|error| panic!("{error}")));
            ENTRIES as f64 / begun.elapsed().as_secs_f64()
        }),
    }];
    for to in Format::all() {
        contenders.push(Contender { name: to.name(), round: Box::new(round(to)) });
    }
    report("Entries converted from Canon CSV", "entries/s", &in_turn(ROUNDS, contenders));
    Ok(())
}

//! Files of the format `konica-minolta-abbr`, from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleet_sync_fuzz::files("konica-minolta-abbr", bytes));

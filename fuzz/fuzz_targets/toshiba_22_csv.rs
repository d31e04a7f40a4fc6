//! Files of the format `toshiba-22-csv`, from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleet_sync_fuzz::files("toshiba-22-csv", bytes));

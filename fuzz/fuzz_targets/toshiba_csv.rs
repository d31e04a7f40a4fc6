//! Files of the format `toshiba-csv`, from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleet_sync_fuzz::files("toshiba-csv", bytes));

//! Files of the format `xerox-csv`, from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleet_sync_fuzz::files("xerox-csv", bytes));

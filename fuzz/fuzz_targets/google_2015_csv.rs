//! Files of the format `google-2015-csv`, from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleet_sync_fuzz::files("google-2015-csv", bytes));

//! Files of the format `kyocera-xml`, from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleet_sync_fuzz::files("kyocera-xml", bytes));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sv0_fuzz::glob::check(data));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sv0_fuzz::condition::check(data));

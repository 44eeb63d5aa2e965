#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pinfold_fuzz::set_cookies::run(data));

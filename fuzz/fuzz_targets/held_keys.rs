#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pinfold_fuzz::held_keys::run(data));

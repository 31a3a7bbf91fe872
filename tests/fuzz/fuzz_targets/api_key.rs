//! An API key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::api_key::ApiKey;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = ApiKey::parse(text) {
        assert_eq!(key.secret_text(), text);
        assert!(ApiKey::is_id(key.id()));
    }
});

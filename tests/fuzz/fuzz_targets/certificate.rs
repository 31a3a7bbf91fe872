//! A client certificate, as PEM and as DER.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::auth::certificate::{Leaf, der_of_pem, serial_number};

fuzz_target!(|bytes: &[u8]| {
    let der = std::str::from_utf8(bytes).ok().and_then(|text| der_of_pem(text).ok());
    if let Ok(leaf) = Leaf::read(der.as_deref().unwrap_or(bytes)) {
        // Rules write it the same way.
        assert_eq!(serial_number(&leaf.serial).as_deref(), Some(leaf.serial.as_str()));
    }
});

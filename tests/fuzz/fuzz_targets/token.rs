//! A bearer token, twice: as an `Authorization` field byte for byte, and as header, payload and signature on a line each,
//! which are encoded first, so that what is changed at random is JSON and not base64url.
#![no_main]

use std::cell::RefCell;

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use tollgate_fuzz::{World, encode, field, good_field, key_set};

thread_local! {
    static WORLD: RefCell<World> = RefCell::new({
        let mut world = World::new(key_set().to_string().into());
        assert!(world.lets_in(good_field()), "nothing is shown where nobody gets in");
        world
    });
    static GOOD: HeaderValue = good_field();
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(field) = HeaderValue::from_bytes(bytes) {
        present(field);
    }
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    if let (Some(header), Some(payload), Some(signature)) = (lines.next(), lines.next(), lines.next()) {
        present(field(&format!(
            "{}.{}.{}",
            encode(header),
            encode(payload),
            encode(signature)
        )));
    }
});

/// Only the one good token gets in, in its one spelling; the scheme in front of it has several.
fn present(field: HeaderValue) {
    let text = field.as_bytes().to_vec();
    if WORLD.with_borrow_mut(|world| world.lets_in(field)) {
        let token = |field: &[u8]| field.rsplit(|byte| *byte == b' ').next().map(<[u8]>::to_vec);
        assert_eq!(token(&text), GOOD.with(|good| token(good.as_bytes())), "forged");
    }
}

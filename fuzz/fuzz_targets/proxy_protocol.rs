//! Any bytes: the header is read to an end within them, what is written of it reads the same, and no
//! beginning of a header is called malformed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy::proxy_protocol::{Parsed, Version, parse, write};

fuzz_target!(|bytes: &[u8]| {
    let Ok(Parsed::Whole(len, addresses)) = parse(bytes) else {
        return;
    };
    assert!(len <= bytes.len());
    for n in 0..len {
        assert!(matches!(parse(&bytes[..n]), Ok(Parsed::Partial(more)) if n + more <= len));
    }
    for version in [Version::V1, Version::V2] {
        let again = write(version, addresses);
        assert_eq!(parse(&again), Ok(Parsed::Whole(again.len(), addresses)));
    }
});

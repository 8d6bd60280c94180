//! Any bytes as the beginning of TLS: the server name that is found does not depend on how the bytes
//! arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy::tls::server::{Hello, HelloReader};

/// What was found in bytes that arrive in pieces of `piece`.
fn found(bytes: &[u8], piece: usize) -> Option<Option<String>> {
    let mut reader = HelloReader::new();
    for part in bytes.chunks(piece) {
        match reader.push(part, false) {
            Hello::Partial => {}
            Hello::Foreign { sni } => return Some(sni),
            Hello::Mesh(_) | Hello::Broken => return None,
        }
    }
    None
}

fuzz_target!(|bytes: &[u8]| {
    let whole = found(bytes, bytes.len().max(1));
    assert_eq!(whole, found(bytes, 1 + bytes.len() / 3));
});

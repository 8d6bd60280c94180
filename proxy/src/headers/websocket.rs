//! The handshake of WebSocket between the two versions of HTTP. HTTP/1.1 proves it with a key and
//! its digest (RFC 6455 §4); HTTP/2 has neither (RFC 8441 §5), so that whoever translates has to
//! give what the other side asks for.

use engine::head::RequestHead;
use http::header::{HeaderValue, SEC_WEBSOCKET_KEY};

/// What every server hashes behind the key (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes of a key that are hashed: an honest one has 24.
const KEY_BYTES_MAX: usize = 64;

/// Whether the token of an upgrade is WebSocket's.
pub(crate) fn is_websocket(upgrade: Option<&str>) -> bool {
    upgrade.is_some_and(|token| token.eq_ignore_ascii_case("websocket"))
}

/// Gives a handshake the key that HTTP/1.1 asks for when it came without one, from an extended
/// CONNECT. `entropy` are 16 random bytes; the key is no secret.
pub fn ensure_websocket_key(head: &mut RequestHead, entropy: [u8; 16]) {
    if is_websocket(head.upgrade.as_deref())
        && !head.headers.contains_key(SEC_WEBSOCKET_KEY)
        && let Ok(key) = HeaderValue::try_from(base64(&entropy))
    {
        head.headers.insert(SEC_WEBSOCKET_KEY, key);
    }
}

/// What the server answers to the key of a request (RFC 6455 §4.2.2); none for a request without.
pub(crate) fn accept(head: &RequestHead) -> Option<HeaderValue> {
    let key = head.headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    if !is_websocket(head.upgrade.as_deref()) || key.len() > KEY_BYTES_MAX {
        return None;
    }
    let digest = sha1(&[super::trim(key), GUID].concat());
    HeaderValue::try_from(base64(&digest)).ok()
}

/// FIPS 180-4 §6.1. It protects nothing here: it shows that the server has read the request.
fn sha1(message: &[u8]) -> [u8; 20] {
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - message.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let bits = (message.len() as u64) * 8;
    let end = padded.len();
    padded[end - 8..].copy_from_slice(&bits.to_be_bytes());
    let mut state = [
        0x6745_2301_u32,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    for block in padded.chunks_exact(64) {
        let round = sha1_block(state, block);
        for (sum, part) in state.iter_mut().zip(round) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut digest = [0; 20];
    for (out, word) in digest.chunks_exact_mut(4).zip(state) {
        out.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn sha1_block([mut a, mut b, mut c, mut d, mut e]: [u32; 5], block: &[u8]) -> [u32; 5] {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, b| word << 8 | u32::from(*b));
    }
    for t in 16..80 {
        words[t] = (words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16]).rotate_left(1);
    }
    for (t, word) in words.into_iter().enumerate() {
        let (f, k) = match t {
            0..20 => ((b & c) | (!b & d), 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e);
        (e, d, c, b) = (d, c, b.rotate_left(30), a);
        a = next.wrapping_add(k).wrapping_add(word);
    }
    [a, b, c, d, e]
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let get = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = get(0) << 16 | get(1) << 8 | get(2);
        for i in 0..4 {
            out.push(match i <= three.len() {
                true => char::from(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]),
                false => '=',
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn head(key: &'static str) -> RequestHead {
        let mut head = RequestHead::new(Method::GET, None, "/".parse().unwrap());
        head.upgrade = Some("WebSocket".to_owned());
        if !key.is_empty() {
            head.headers
                .insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static(key));
        }
        head
    }

    #[test]
    fn a_websocket_without_a_key_gets_one() {
        let mut plain = RequestHead::new(Method::GET, None, "/".parse().unwrap());
        ensure_websocket_key(&mut plain, [0; 16]);
        assert!(plain.headers.is_empty(), "no upgrade, no key");
        let mut head = head("");
        // The nonce of RFC 6455 §1.3, and the answer to it.
        ensure_websocket_key(&mut head, *b"the sample nonce");
        assert_eq!(head.headers[SEC_WEBSOCKET_KEY], "dGhlIHNhbXBsZSBub25jZQ==");
        ensure_websocket_key(&mut head, [0; 16]);
        assert_eq!(head.headers[SEC_WEBSOCKET_KEY], "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept(&head).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_a_websocket_with_a_key_is_accepted() {
        assert!(accept(&head("")).is_none());
        let mut other = head("dGhlIHNhbXBsZSBub25jZQ==");
        other.upgrade = Some("other".to_owned());
        assert!(accept(&other).is_none());
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        let check = |message: &[u8], expected: &str| {
            let shown: String = sha1(message).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(shown, expected, "{} bytes", message.len());
        };
        check(b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check(b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
        // Around the end of a block, where the length goes into the next one.
        check(&[b'a'; 55], "c1c8bbdc22796e28c0e15163d20899b65621d65a");
        check(&[b'a'; 56], "c2db330f6083854c99d4b5bfb6e8f29f201be699");
        check(&[b'a'; 64], "0098ba824b5c16427bd7a1122a5a442a25ec644d");
    }

    #[test]
    fn base64_pads_what_is_no_multiple_of_three() {
        for (bytes, expected) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
    }
}

use proptest::prelude::*;

use super::*;

fn addresses(source: &str, destination: &str) -> Option<Addresses> {
    Some(Addresses {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    })
}

#[test]
fn version_1_is_read_as_the_document_has_it() {
    let check = |text: &str, expected: Result<Option<Addresses>, BadHeader>| {
        let found = parse(text.as_bytes()).map(|parsed| match parsed {
            Parsed::Whole(len, addresses) => {
                assert_eq!(len, text.find('\n').unwrap() + 1);
                addresses
            }
            Parsed::Partial(_) => panic!("{text:?} is whole"),
        });
        assert_eq!(found, expected, "{text:?}");
    };
    check(
        "PROXY TCP4 192.0.2.1 10.0.0.7 51234 443\r\nGET /",
        Ok(addresses("192.0.2.1:51234", "10.0.0.7:443")),
    );
    check(
        "PROXY TCP6 2001:db8::1 fd00::7 1 65535\r\n",
        Ok(addresses("[2001:db8::1]:1", "[fd00::7]:65535")),
    );
    check("PROXY UNKNOWN\r\n", Ok(None));
    check("PROXY UNKNOWN ffff::1 what ever 1\r\n", Ok(None));
    let bad = Err(BadHeader::Malformed);
    check("PROXY TCP4 192.0.2.1 10.0.0.7 51234 443\n", bad);
    check("PROXY TCP4 192.0.2.1 10.0.0.7 51234\r\n", bad);
    check("PROXY TCP4 192.0.2.1 10.0.0.7 51234 443 9\r\n", bad);
    check("PROXY TCP4 192.0.2.1  10.0.0.7 51234 443\r\n", bad);
    check("PROXY TCP4 192.0.2.1 10.0.0.7 51234 65536\r\n", bad);
    check("PROXY TCP4 192.0.2.1 10.0.0.7 051234 443\r\n", bad);
    check("PROXY TCP4 192.0.2.1 10.0.0.7 +5 443\r\n", bad);
    check("PROXY TCP4 2001:db8::1 fd00::7 1 2\r\n", bad);
    check("PROXY TCP6 192.0.2.1 10.0.0.7 1 2\r\n", bad);
    check("PROXY UDP4 192.0.2.1 10.0.0.7 1 2\r\n", bad);
    check("PROXY \r\n", bad);
}

#[test]
fn what_cannot_become_a_header_is_refused_at_once() {
    let check = |bytes: &[u8], expected| assert_eq!(parse(bytes), expected, "{bytes:?}");
    check(b"", Ok(Parsed::Partial(1)));
    check(b"PRO", Ok(Parsed::Partial(1)));
    check(b"GET / HTTP/1.1\r\n", Err(BadHeader::NoHeader));
    check(b"PRI * HTTP/2.0\r\n", Err(BadHeader::NoHeader));
    check(b"\x16\x03\x01", Err(BadHeader::NoHeader));
    check(b"\r\n\r\n\0\r\nQ", Ok(Parsed::Partial(8)));
    let long = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
    check(&long, Err(BadHeader::TooLong));
}

#[test]
fn version_2_is_read_with_what_follows_its_addresses() {
    let mut header = write(Version::V2, addresses("192.0.2.1:51234", "10.0.0.7:443"));
    assert_eq!(header.len(), 28);
    // A TLV of four bytes.
    header[15] += 4;
    header.extend_from_slice(&[0x04, 0, 1, b'x']);
    let whole = Parsed::Whole(32, addresses("192.0.2.1:51234", "10.0.0.7:443"));
    assert_eq!(parse(&header), Ok(whole));
    let mut local = header.clone();
    local[12] = LOCAL;
    assert_eq!(parse(&local), Ok(Parsed::Whole(32, None)));
    let mut udp = header.clone();
    udp[13] = 0x12;
    assert_eq!(parse(&udp), Ok(Parsed::Whole(32, None)));
    let check = |at: usize, byte: u8, expected| {
        let mut bad = header.clone();
        bad[at] = byte;
        assert_eq!(parse(&bad), Err(expected));
    };
    check(12, 0x11, BadHeader::Malformed);
    check(12, 0x22, BadHeader::Malformed);
    check(14, 0x80, BadHeader::TooLong);
    // Shorter than the addresses it promises.
    header[15] = 11;
    assert_eq!(parse(&header), Err(BadHeader::Malformed));
}

#[tokio::test]
async fn nothing_behind_the_header_is_read() {
    for version in [Version::V1, Version::V2] {
        let of = addresses("[2001:db8::1]:5", "[fd00::7]:443");
        let mut bytes = write(version, of);
        bytes.extend_from_slice(b"GET / HTTP/1.1\r\n");
        let mut io = &bytes[..];
        assert_eq!(read(&mut io).await.unwrap(), of);
        assert_eq!(io, b"GET / HTTP/1.1\r\n");
    }
    let mut cut = &b"PROXY TCP4 192"[..];
    let error = read(&mut cut).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

fn any_address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(from in any_address(), to in any_address(), second: bool) {
        let of = Addresses { source: from, destination: to };
        let version = if second { Version::V2 } else { Version::V1 };
        let bytes = write(version, Some(of));
        prop_assert!(second || bytes.len() <= V1_BYTES_MAX);
        let (source, destination) = one_family(of);
        let read = Some(Addresses { source, destination });
        prop_assert_eq!(parse(&bytes), Ok(Parsed::Whole(bytes.len(), read)));
        for n in 0..bytes.len() {
            let partial = matches!(parse(&bytes[..n]), Ok(Parsed::Partial(more)) if n + more <= bytes.len());
            prop_assert!(partial);
        }
    }

    #[test]
    fn any_bytes_have_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Parsed::Whole(len, _)) = parse(&bytes) {
            prop_assert!(len <= bytes.len());
        }
    }
}

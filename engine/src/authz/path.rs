//! The normal form of a path, in the eyes of the most obliging application.
//!
//! `/public/../admin`, `//admin`, `/%61dmin`, `/x/..;/admin` and `\admin` are `/admin` for one
//! server or another, and something else for a proxy that compares bytes: the usual way around path
//! rules (Envoy has `normalize_path` and `path_with_escaped_slashes_action` for it). The request
//! itself is never changed here; the rules look at both forms.

/// The normal form; none when the path is in it already.
///
/// Escapes of visible ASCII are decoded once, `\` becomes `/`, what follows `;` in a segment is
/// cut, slashes are merged, `.` and `..` resolved (RFC 3986 §5.2.4, §6.2.2). A path that is no path
/// (`*`) stays.
pub fn normal(path: &str) -> Option<String> {
    let suspicious = |(i, byte): (usize, u8)| match byte {
        b'%' | b'\\' | b';' => true,
        b'.' => path[..i].ends_with('/'),
        b'/' => path[..i].ends_with('/'),
        _ => false,
    };
    if !path.starts_with('/') || !path.bytes().enumerate().any(suspicious) {
        return None;
    }
    let decoded = decode(path).replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    let mut open = false;
    for segment in decoded.split('/').skip(1) {
        let name = segment.split(';').next().unwrap_or_default();
        open = matches!(name, "" | "." | "..");
        match name {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let mut normal = String::with_capacity(decoded.len());
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if open || segments.is_empty() {
        normal.push('/');
    }
    (normal != path).then_some(normal)
}

/// Decodes escapes of visible ASCII. Others stay: their text is no part of a rule.
fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let at = bytes.len() - after.len();
        let digits = bytes.get(at..at + 2).and_then(|two| {
            let digit = |b: u8| char::from(b).to_digit(16);
            u8::try_from(digit(two[0])? * 16 + digit(two[1])?).ok()
        });
        match digits {
            Some(byte @ 0x20..=0x7e) => {
                decoded.push(char::from(byte));
                rest = &after[2..];
            }
            _ => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ways_around_a_rule_have_its_form() {
        let check = |path: &str, expected: &str| {
            let normal = normal(path);
            assert_eq!(normal.as_deref().unwrap_or(path), expected, "{path}");
        };
        for admin in [
            "/admin",
            "//admin",
            "/./admin",
            "/public/../admin",
            "/../admin",
            "/%61dmin",
            "/%2e%2e/admin",
            "/%2Fadmin",
            "/x/..;/admin",
            "/admin;jsessionid=1",
            "/public\\..\\admin",
            "/public%5c..%5Cadmin",
        ] {
            check(admin, "/admin");
        }
        check("/", "/");
        check("/a/", "/a/");
        check("/a//", "/a/");
        check("/a/..", "/");
        check("/a/.b", "/a/.b");
        check("/100%", "/100%");
        check("/%zz%4", "/%zz%4");
        check("/%c3%bc", "/%c3%bc");
        check("*", "*");
        // Decoded once: whoever decodes twice is beyond help.
        check("/%2561dmin", "/%61dmin");
    }

    proptest! {
        #[test]
        fn a_normal_form_has_no_dots_and_no_double_slashes(path in "/[ab/.;%25eE\\\\]{0,16}") {
            let normal = normal(&path).unwrap_or(path);
            prop_assert!(normal.starts_with('/'));
            prop_assert!(!normal.contains("//") && !normal.contains('\\'), "{}", normal);
            prop_assert!(normal.split('/').all(|s| s != "." && s != ".."), "{}", normal);
        }
    }
}

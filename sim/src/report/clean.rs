//! Names from manifests are hostile: they may hold control characters, markup, and characters that
//! turn the reading direction of a terminal or page.

/// The text with every character that is not plainly visible replaced by its escape, so that a name
/// cannot move a cursor, start a new line, reorder what is shown, or hide itself.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The text with what has a meaning in HTML and XML replaced, for element content and for attribute
/// values in either kind of quotes.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Control characters, bidirectional overrides (CVE-2021-42574), zero-width and other invisible
/// ones, and what XML 1.0 cannot hold.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}'                  // soft hyphen
            | '\u{061C}'                // Arabic letter mark
            | '\u{200B}'..='\u{200F}'   // zero width, direction marks
            | '\u{2028}'..='\u{202E}'   // line and paragraph separators, embeddings, overrides
            | '\u{2060}'..='\u{206F}'   // word joiner, isolates, deprecated format characters
            | '\u{FEFF}'                // byte order mark
            | '\u{FFF9}'..='\u{FFFB}'   // annotations
            | '\u{FFFE}' | '\u{FFFF}'
            | '\u{E0000}'..='\u{E007F}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor_or_turn_the_line() {
        for hostile in [
            "\u{1b}[2J",
            "a\nb",
            "a\rb",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{7f}",
            "\u{9b}31m",
            "\0",
        ] {
            let seen = visible(hostile);
            assert!(!seen.chars().any(is_hidden), "{seen:?}");
            assert!(
                seen.contains("\\u{"),
                "{hostile:?} vanished without a trace"
            );
        }
        assert_eq!(visible("shop/wöb-0 → 東"), "shop/wöb-0 → 東");
    }

    #[test]
    fn markup_has_no_meaning_left() {
        let seen = markup("<script>alert('x')</script>&\"");
        assert_eq!(
            seen,
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"
        );
    }
}

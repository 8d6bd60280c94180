//! Lines that fit the terminal.

/// `text` in lines of at most `width` columns, the first after `first`, the others after `rest`.
/// Words longer than a line are cut, so that no line is ever too long.
pub(crate) fn fold(first: &str, rest: &str, text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        let mut word = word;
        loop {
            let used = columns(&line) + usize::from(!empty);
            // An indent as wide as the terminal still gets one character a line.
            let room = width.saturating_sub(used).max(usize::from(empty));
            if columns(word) <= room && (empty || used <= width) {
                if !empty {
                    line.push(' ');
                }
                line.push_str(word);
                empty = false;
                break;
            }
            if empty {
                let cut = word
                    .char_indices()
                    .nth(room)
                    .map_or(word.len(), |(at, _)| at);
                line.push_str(&word[..cut]);
                word = &word[cut..];
            }
            lines.push(core::mem::replace(&mut line, rest.to_owned()));
            empty = true;
        }
    }
    lines.push(line);
    lines
}

/// Columns a text takes, counting a character as one: names of Kubernetes objects are ASCII, and a
/// wider title only bends a table.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_go_to_the_next_line_and_long_ones_are_cut() {
        assert_eq!(
            fold("- ", "  ", "one two three", 9),
            ["- one two", "  three"]
        );
        assert_eq!(fold("", "", "abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(fold("  ", "  ", "", 9), ["  "]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_no_character_is_lost(
            text in "[a-zä ]{0,80}", width in 5..30_usize,
        ) {
            let lines = fold("> ", "  ", &text, width);
            for line in &lines {
                prop_assert!(columns(line) <= width, "{line:?}");
            }
            let bare = |s: &str| s.replace([' ', '>'], "");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}

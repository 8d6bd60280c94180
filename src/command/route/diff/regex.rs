//! A text that a regular expression matches, for the expressions that routes have: literals,
//! classes, groups, alternatives, repetitions.
//!
//! It need not understand everything: whoever asks checks the text against the expression itself.

/// The longest example; repetitions of repetitions would grow without it.
const LENGTH_MAX: usize = 512;
/// Groups within groups that are followed.
const DEPTH_MAX: usize = 32;

/// Some text, or none when the expression has something unknown.
pub(super) fn example(pattern: &str) -> Option<String> {
    let mut parser = Parser {
        rest: pattern,
        depth: 0,
    };
    let text = parser.alternatives()?;
    (parser.rest.is_empty() && text.len() <= LENGTH_MAX).then_some(text)
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

// === impl Parser ===

impl Parser<'_> {
    /// The first alternative counts; the others are only read.
    fn alternatives(&mut self) -> Option<String> {
        let first = self.sequence()?;
        while self.eat('|') {
            self.sequence()?;
        }
        Some(first)
    }

    fn sequence(&mut self) -> Option<String> {
        let mut out = String::new();
        while let Some(c) = self.rest.chars().next() {
            if c == '|' || c == ')' {
                break;
            }
            let atom = self.atom()?;
            let times = self.times()?;
            if out.len() + atom.len() * times > LENGTH_MAX {
                return None;
            }
            out.push_str(&atom.repeat(times));
        }
        Some(out)
    }

    fn atom(&mut self) -> Option<String> {
        let c = self.next()?;
        match c {
            '^' | '$' => Some(String::new()),
            '.' => Some("x".into()),
            '[' => self.class().map(String::from),
            '(' => {
                if self.depth == DEPTH_MAX {
                    return None;
                }
                self.depth += 1;
                if self.rest.starts_with('?') {
                    // `(?:…)` and `(?P<name>…)`, not flags and not look-around.
                    let body = self.rest.strip_prefix("?:").or_else(|| {
                        let named = self.rest.strip_prefix("?P<");
                        let named = named.or_else(|| self.rest.strip_prefix("?<"))?;
                        named.split_once('>').map(|(_, body)| body)
                    })?;
                    self.rest = body;
                }
                let text = self.alternatives()?;
                self.depth -= 1;
                self.eat(')').then_some(text)
            }
            '\\' => self.escape().map(String::from),
            '*' | '+' | '?' | '{' => None,
            c => Some(c.into()),
        }
    }

    /// How often the smallest repetition that is not nothing is: `*` and `?` once, so that what is
    /// optional is there.
    fn times(&mut self) -> Option<usize> {
        let times = match self.rest.chars().next() {
            Some('*' | '+' | '?') => {
                self.next();
                1
            }
            Some('{') => {
                let (bounds, rest) = self.rest[1..].split_once('}')?;
                self.rest = rest;
                let least = bounds.split(',').next()?;
                least.trim().parse::<usize>().ok()?.max(1)
            }
            _ => return Some(1),
        };
        // Lazy repetitions match the same texts.
        self.eat('?');
        Some(times)
    }

    fn escape(&mut self) -> Option<char> {
        match self.next()? {
            'd' => Some('1'),
            'w' => Some('w'),
            's' => Some(' '),
            'D' | 'S' => Some('x'),
            'W' => Some('-'),
            c if c.is_ascii_alphanumeric() => None,
            c => Some(c),
        }
    }

    /// A character of a class; of an excluding one the first that is not in it.
    fn class(&mut self) -> Option<char> {
        let excludes = self.eat('^');
        let mut ranges: Vec<(char, char)> = Vec::new();
        loop {
            let c = match self.next()? {
                ']' if !ranges.is_empty() => break,
                '[' => return None,
                '\\' => self.escape()?,
                c => c,
            };
            let to = match self.rest.strip_prefix('-') {
                Some(rest) if !rest.starts_with(']') => {
                    self.rest = rest;
                    self.next()?
                }
                _ => c,
            };
            ranges.push((c, to));
        }
        if !excludes {
            return ranges.first().map(|(from, _)| *from);
        }
        let inside = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
        ('a'..='z')
            .chain('0'..='9')
            .chain(['-', '_'])
            .find(|c| !inside(*c))
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use engine::snapshot::Pattern;

    use super::example;

    #[test]
    fn examples_match_their_expressions() {
        for pattern in [
            "/v[0-9]+",
            "/v[0-9]+/.*",
            "/(cart|basket)/[^/]+",
            "^/api/v1(/.*)?$",
            r"/\d{4}-\d{2}",
            "(?:a|b)c?",
            r"/files/[\w.-]+\.(jpg|png)",
            "a{2,5}?",
            "Mozilla/.*Chrome.*",
            "[]a]",
            "(?P<user>[a-z]+)@x",
        ] {
            let text = example(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(
                Pattern::new(pattern).unwrap().matches(&text),
                "{pattern}: {text}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_has_no_example() {
        for pattern in [
            "(?i)a",
            r"\p{L}",
            "[[:alpha:]]",
            "(",
            "((a{9}){9}){9}{9}",
            r"\bx",
        ] {
            assert_eq!(example(pattern), None, "{pattern}");
        }
    }
}

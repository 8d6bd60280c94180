//! The walk over what stands between two contents: blanks, comments, indicators, anchors, tags.

use core::ops::Range;

/// A place in a document behind the last content that was seen. Every search begins there and ends
/// before the next content, so all of them together pass each byte a bounded number of times.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

// === impl Cursor ===

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Moves behind content that ends at `end`.
    pub(super) fn advance(&mut self, end: usize) {
        self.at = self.at.max(end).min(self.text.len());
    }

    /// The dash of the next item of a block sequence.
    pub(super) fn find_dash(&self) -> Option<usize> {
        let at = self.skip(self.at, |byte| matches!(byte, b':' | b'?' | b','));
        (self.text.as_bytes().get(at) == Some(&b'-')).then_some(at)
    }

    /// Moves behind the dash of the next item.
    pub(super) fn pass_dash(&mut self) {
        if let Some(at) = self.find_dash() {
            self.at = at + 1;
        }
    }

    /// The bytes of the next anchor and tag, as far as they are there; moves behind them.
    pub(super) fn properties(
        &mut self,
        anchor: bool,
        tag: bool,
    ) -> (Option<Range<usize>>, Option<Range<usize>>) {
        let (mut found_anchor, mut found_tag) = (None, None);
        while (anchor && found_anchor.is_none()) || (tag && found_tag.is_none()) {
            let start = self.skip(self.at, is_indicator);
            let end = self.token_end(start);
            match self.text.as_bytes().get(start) {
                Some(b'&') if anchor && found_anchor.is_none() => found_anchor = Some(start..end),
                Some(b'!') if tag && found_tag.is_none() => found_tag = Some(start..end),
                _ => break,
            }
            self.at = end;
        }
        (found_anchor, found_tag)
    }

    /// Where the next block scalar's `|` or `>` stands.
    pub(super) fn block_indicator(&self) -> Option<usize> {
        let at = self.skip(self.at, is_indicator);
        matches!(self.text.as_bytes().get(at), Some(b'|' | b'>')).then_some(at)
    }

    /// Where a block scalar ends whose indicator is at `start` and which the parser saw end at
    /// `end`: the parser also takes the next line's indentation, and blank lines that the header
    /// does not keep.
    pub(super) fn block_end(&self, start: usize, end: usize) -> usize {
        let end = end.min(self.text.len());
        let Some(block) = self.text.get(start..end) else {
            return end;
        };
        let header = lines(block).next().unwrap_or("");
        let header = header.trim_end_matches(['\n', '\r']);
        let indicator = header.split_once(" #").map_or(header, |(before, _)| before);
        let keep = indicator.contains('+');
        let mut kept = block.rfind(['\n', '\r']).map_or(block.len(), |at| at + 1);
        if !block[kept..].trim_matches([' ', '\t']).is_empty() {
            kept = block.len();
        }
        if !keep {
            kept = content_end(&block[..kept], header.len());
        }
        start + kept
    }

    /// Passes blanks, comments and the single characters that `also` names.
    fn skip(&self, mut at: usize, also: impl Fn(u8) -> bool) -> usize {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => {
                    let rest = &bytes[at..];
                    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    at += end.unwrap_or(rest.len());
                }
                byte if also(*byte) => at += 1,
                _ => break,
            }
        }
        at
    }

    /// The end of an anchor or tag that starts at `start`.
    fn token_end(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or("");
        if rest.starts_with("!<") {
            return start + rest.find('>').map_or(rest.len(), |at| at + 1);
        }
        let stops = [' ', '\t', '\n', '\r', ',', '[', ']', '{', '}'];
        start + rest.find(stops).unwrap_or(rest.len())
    }
}

/// The lines of `text`, each with its line break; a lone carriage return is one, too.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let at = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let length = match &rest.as_bytes()[at..] {
            [] => 0,
            [b'\r', b'\n', ..] => 2,
            _ => 1,
        };
        let (line, behind) = rest.split_at(at + length);
        rest = behind;
        (!line.is_empty()).then_some(line)
    })
}

/// Where the last line of a block scalar ends that is content: lines of blanks that are shorter
/// than the indentation are not. The header is `header` bytes long.
fn content_end(block: &str, header: usize) -> usize {
    let body = || lines(block).skip(1);
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let written = |line: &&str| !line.trim().is_empty();
    let indent = body()
        .filter(written)
        .map(spaces)
        .min()
        .unwrap_or(usize::MAX);
    let mut at = lines(block).next().map_or(0, str::len).max(header);
    let mut end = at;
    for line in body() {
        at += line.len();
        let blank = line.trim_matches([' ', '\n', '\r']).is_empty() && spaces(line) <= indent;
        if !blank {
            end = at;
        }
    }
    end
}

/// Indicators that may stand between the last content and the next.
fn is_indicator(byte: u8) -> bool {
    matches!(byte, b':' | b'?' | b',' | b'-')
}

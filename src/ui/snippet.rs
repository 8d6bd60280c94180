//! A finding as a compiler would show it: the message, the lines of source, the remedy.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use model::diagnostic::{Diagnostic, Level as Severity};

/// Bytes of source shown around a finding at most: a minified JSON file is one line.
const CONTEXT_BYTES_MAX: usize = 4096;

/// Renders `d`, ending in a newline.
pub(crate) fn render(d: &Diagnostic, colored: bool, width: usize) -> String {
    let level = match d.level {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut title = level.primary_title(d.message.as_str());
    if let Some(code) = d.code {
        title = title.id(code.id());
    }
    let excerpt = d
        .source
        .as_ref()
        .map(|s| Excerpt::around(s.text(), d.span.range()));
    let group = match (&d.source, &excerpt) {
        (Some(source), Some(excerpt)) => {
            let mut annotation = AnnotationKind::Primary.span(excerpt.span.clone());
            if let Some(label) = &d.label {
                annotation = annotation.label(label.as_str());
            }
            title.element(
                Snippet::source(excerpt.text)
                    .line_start(excerpt.line)
                    .path(source.name())
                    .annotation(annotation),
            )
        }
        _ => annotate_snippets::Group::with_title(title),
    };
    let group = match &d.help {
        Some(help) if d.source.is_some() => group.element(Level::HELP.message(help.as_str())),
        _ => group,
    };
    let renderer = if colored {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(width);
    let mut text = format!("{}\n", renderer.render(&[group]));
    // Beside no source a remedy needs no margin.
    if let (None, Some(help)) = (&d.source, &d.help) {
        text.push_str(&format!("hint: {help}\n"));
    }
    text
}

/// The lines of a source around a span, so that a 20 MB file is not scanned by the renderer.
struct Excerpt<'a> {
    text: &'a str,
    /// Line number of the first line of `text`, from 1.
    line: usize,
    /// The span within `text`.
    span: std::ops::Range<usize>,
}

impl<'a> Excerpt<'a> {
    fn around(text: &'a str, span: std::ops::Range<usize>) -> Self {
        let start = floor(text, span.start.min(text.len()));
        let end = floor(text, span.end.clamp(start, text.len()));
        // A finding about a whole object points at its first line.
        let end = text[start..end].find('\n').map_or(end, |n| start + n);
        let lower = floor(text, start.saturating_sub(CONTEXT_BYTES_MAX));
        let upper = floor(text, (end + CONTEXT_BYTES_MAX).min(text.len()));
        let from = text[lower..start]
            .rfind('\n')
            .map_or(lower, |n| lower + n + 1);
        let to = text[end..upper].find('\n').map_or(upper, |n| end + n);
        let line = 1 + text[..from].bytes().filter(|b| *b == b'\n').count();
        Self {
            text: &text[from..to],
            line,
            span: start - from..end - from,
        }
    }
}

/// The nearest character boundary at or below `at`.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_the_line_of_the_span() {
        let e = Excerpt::around("a: 1\nbé: 2\nc: 3\n", 5..8);
        assert_eq!((e.text, e.line, e.span), ("bé: 2", 2, 0..3));
    }

    #[test]
    fn an_excerpt_never_leaves_the_text() {
        for (start, end) in [(0, 0), (100, 200), (6, 7), (7, 6)] {
            let e = Excerpt::around("aé\nbéc", start..end);
            assert!(e.span.end <= e.text.len());
        }
    }
}

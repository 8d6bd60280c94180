//! Fills `{{name}}` in a template, in one pass: what is filled in is never looked at again, so that
//! a value that holds braces stays text.

/// The template with each `{{name}}` replaced by the value of that name. A name that has no value
/// is an error of this program and shows as an empty string, which the golden test would notice.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, tail)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        let value = values.iter().find(|(known, _)| *known == name);
        out.push_str(value.map_or("", |(_, value)| value));
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_text() {
        let seen = fill("a {{x}} {{y}}{{z}} {{", &[("x", "{{y}}"), ("y", "1")]);
        assert_eq!(seen, "a {{y}} 1 {{");
    }
}

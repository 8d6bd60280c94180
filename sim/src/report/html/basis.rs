//! What the answer rests on: inputs by where they come from, and what is not modelled.

use core::fmt::Write as _;

use super::super::Report;
use super::super::assumed::Assumed;
use super::super::clean::markup;
use crate::record::Input;

/// Subjects named for a guess that many share; the full list has them all.
const SUBJECTS_MAX: usize = 8;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    assumed(&mut out, report);
    for (title, inputs) in [
        ("Measured", &report.inputs.measured),
        ("Given", &report.inputs.given),
    ] {
        if !inputs.is_empty() {
            let _ = writeln!(out, "<section><h2>{title}</h2>");
            all(&mut out, inputs);
            out.push_str("</section>\n");
        }
    }
    if !report.not_modelled.is_empty() {
        out.push_str("<section><h2>Not modelled</h2><ul>\n");
        for item in &report.not_modelled {
            let _ = writeln!(
                out,
                "<li><strong>{}</strong>: {}</li>",
                markup(&item.what),
                markup(&item.means)
            );
        }
        out.push_str("</ul></section>");
    }
    out
}

fn assumed(out: &mut String, report: &Report) {
    let inputs = &report.inputs.assumed;
    if inputs.is_empty() {
        return;
    }
    let assumed = Assumed::new(report, false);
    out.push_str(
        "<section><h2>Assumed</h2><div class=\"scroll\"><table>\n<tr><th>value</th><th>of</th>\
         <th>why</th></tr>",
    );
    for group in &assumed.groups {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            markup(&group.what()),
            markup(&group.whose(SUBJECTS_MAX)),
            markup(group.why)
        );
    }
    out.push_str("</table></div>\n");
    if let (idle @ 1.., apps) = assumed.idle {
        let _ = writeln!(
            out,
            "<p class=\"weak\">{idle} inputs of {apps} {} that nobody asked do not matter \
             here.</p>",
            if apps == 1 { "app" } else { "apps" }
        );
    }
    all(out, inputs);
    out.push_str("</section>\n");
}

fn all(out: &mut String, inputs: &[Input]) {
    let _ = writeln!(
        out,
        "<details><summary>All {} inputs</summary><div class=\"scroll\"><table>\n\
         <tr><th>of</th><th>input</th><th>value</th><th>why</th></tr>",
        inputs.len()
    );
    for input in inputs {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            markup(&input.subject),
            markup(&input.field),
            markup(&input.value),
            markup(&input.why)
        );
    }
    out.push_str("</table></div></details>\n");
}

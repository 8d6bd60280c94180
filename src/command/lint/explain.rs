//! What codes mean: one with its reasons and examples, or all in a table.

use std::io::Write;

use comfy_table::presets;
use comfy_table::{ContentArrangement, Table};
use model::check::{self, Code};

use crate::error::Error;
use crate::ui::Ui;

pub(super) fn one(ui: &mut Ui, code: Code) -> Result<(), Error> {
    let entry = check::entry(code)
        .ok_or_else(|| Error::new(format!("{code} is not in the catalogue of this build")))?;
    ui.out().write_all(entry.markdown("#").as_bytes())?;
    Ok(())
}

pub(super) fn all(ui: &mut Ui) -> Result<(), Error> {
    let mut table = Table::new();
    let width = u16::try_from(ui.width()).unwrap_or(u16::MAX);
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(["CODE", "LEVEL", "NAME", "FINDS"]);
    for entry in check::catalogue() {
        let code = entry.code;
        let row = [
            code.id(),
            super::level(code.level()),
            code.name(),
            &entry.summary,
        ];
        table.add_row(row);
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    let text: String = lines.collect();
    ui.out().write_all(text.as_bytes())?;
    Ok(())
}

//! The editor of manifests: a text, a zero byte, and bytes that choose the edits. What is not
//! refused reads as intended, and what was added can be taken away again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::document::Document;
use model::edit::{Edit, Form, Op, Patch, Place, Pointer, Segment, apply};
use model::yaml::{self, Kind, Node, Source};

use dice::Dice;

#[allow(
    dead_code,
    reason = "the tests make texts with it, the fuzzer has its own"
)]
#[path = "../../model/src/edit/tests/dice.rs"]
mod dice;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == 0);
    let (text, edits) = match end {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[][..]),
    };
    let Ok(text) = core::str::from_utf8(text) else {
        return;
    };
    dice::any_edits(text, &mut Dice::new(edits));
    dice::additions(text, &mut Dice::new(edits));
});

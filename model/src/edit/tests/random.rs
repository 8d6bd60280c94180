//! Random texts under random edits.

use proptest::prelude::*;

use super::dice::{self, Dice};
use crate::yaml::tests::{MANIFEST, mutated};

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_not_refused_reads_as_intended(
        style in prop::collection::vec(any::<u8>(), 0..120),
        edits in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let text = dice::text(&mut Dice::new(&style));
        dice::any_edits(&text, &mut Dice::new(&edits));
    }

    #[test]
    fn what_is_added_can_be_taken_away(
        style in prop::collection::vec(any::<u8>(), 0..120),
        edits in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let text = dice::text(&mut Dice::new(&style));
        dice::additions(&text, &mut Dice::new(&edits));
    }

    #[test]
    fn mutated_manifests_are_edited_or_refused(
        text in mutated(MANIFEST, 5, 40),
        edits in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        dice::any_edits(&text, &mut Dice::new(&edits));
        dice::additions(&text, &mut Dice::new(&edits));
    }
}

#[test]
fn random_texts_are_mostly_read() {
    let mut read = 0;
    for seed in 0..200_u32 {
        let bytes: Vec<u8> = (0..100_u32)
            .map(|at| {
                (seed
                    .wrapping_mul(2_654_435_761)
                    .wrapping_add(at * at * 40_503)
                    >> 7) as u8
            })
            .collect();
        let text = dice::text(&mut Dice::new(&bytes));
        read += usize::from(crate::yaml::read("t.yaml", &text).is_ok());
    }
    assert!(read > 150, "{read} of 200");
}

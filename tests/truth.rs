//! How far the simulator can be trusted: the same scenario in the simulator and with real proxies on
//! loopback, in real time, and some with a real Envoy as well.
//!
//! ```text
//!  tests/data/truth/NAME.yaml ─┬─▶ simulator ─────────────────────────────▶ Log ─┐
//!                              └─▶ load ─▶ meshctl proxy, Envoy ─▶ apps ─▶ Log ─┴─▶ rows
//!                                   └──────── twins ──────────────▶ app     what the machine costs
//! ```
//!
//! Applications of both draw their service times and errors by the same code. What a machine's
//! timers and scheduler add is measured beside each request, by a twin that goes straight to an
//! application, and taken off. A busy machine and chance are reasons to try again; a bug disagrees
//! each time.

mod app;
mod cases;
mod compare;
mod envoy;
mod load;
mod log;
mod real;
mod scenario;
mod simulated;

use compare::Row;
use log::Log;
use scenario::Truth;

/// Tries of one comparison, each with its own seed. Of a right simulator one row in four hundred is
/// beyond three standard deviations in one of them.
const TRIES: u64 = 3;

/// Compares both until they agree, and prints the table.
#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "with --nocapture it is the table of docs/trust.md"
)]
fn agree(name: &str, rows: fn(&Log, &Log) -> Vec<Row>, real: impl Fn(Truth, u64) -> Log) {
    let mut said = String::new();
    for seed in 1..=TRIES {
        let simulated = simulated::run(&Truth::read(name), seed);
        let real = real(Truth::read(name), seed);
        let rows = rows(&simulated, &real);
        let all = rows.iter().all(Row::agrees);
        for row in rows {
            let mark = if row.agrees() { ' ' } else { '✗' };
            said.push_str(&format!("{mark} {name} | {row}\n"));
        }
        if all {
            println!("{said}");
            return;
        }
        said.push_str("  tried again:\n");
    }
    panic!("simulated | real | allowed:\n{said}");
}

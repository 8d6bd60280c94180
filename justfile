# Verbs of daily work. `just` lists them.

default:
    @just --list

# Format, lints, tests: what CI runs
check:
    .ci/run

# Tests of one package
test PACKAGE="meshctl":
    cargo test -p {{PACKAGE}}

# One scenario with one seed
sim SCENARIO SEED="1":
    cargo run --release -- simulate {{SCENARIO}} --seed {{SEED}}

# Write snapshots, completions and schemas anew, after looking at the difference
bless:
    MESHCTL_BLESS=1 INSTA_UPDATE=always cargo test

# Benchmarks, with the profile that users install
bench:
    cargo bench --profile dist

# A convenience: each recipe is a command that also works by hand.

# What there is.
default:
    @just --list

# A fleet in one command: machines, conflict, refusal, procedure, crash.
demo *ARGS:
    cargo run --release --example fleet -- {{ARGS}}

# All tests, as the README has them.
test:
    bash tests/run

# What must pass before a change is merged: format, lints, documentation, no_std, tests.
ci:
    bash .ci/run

# The measurements; docs/performance.md says what they mean.
bench:
    cargo bench --bench decide
    cargo bench --bench import
    cargo bench --bench poll
    cargo bench --bench push

# The merge against written histories.
vectors FILE="tests/data/merge_vectors.json":
    cargo run --example merge_vectors -- {{FILE}}

# The documentation of the three crates.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# The property tests for longer than the test suite runs them.
soak CASES="20000":
    PROPTEST_CASES={{CASES}} cargo test --release -p sync-core --test random_histories --locked -- --nocapture
    PROPTEST_CASES={{CASES}} cargo test --release -p sync-core --lib --locked

# The core without std, as firmware links it.
no-std:
    cargo check -p sync-core --no-default-features --locked

# Licences, bans and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny --offline check licenses bans sources

# Formats everything.
fmt:
    cargo fmt --all

# A reader against arbitrary bytes (needs cargo-fuzz): the bundle's, or that of an address book format, such as ricoh_csv.
fuzz TARGET="bundle" SECONDS="120":
    mkdir -p fuzz/corpus/{{TARGET}}
    if [ {{TARGET}} = bundle ]; then cp tests/data/bundle-1.0.plain fuzz/corpus/bundle; \
        else find tests/corpora -type f -size -60k ! -name '*.md' ! -name '*.txt' -exec cp {} fuzz/corpus/{{TARGET}} \;; fi
    cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run -s none {{TARGET}} -- -max_total_time={{SECONDS}} -max_len=65536

#!/usr/bin/env bash
# Instructions per operation under each policy, counted by callgrind: the same on every run, whatever else the machine does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cargo build --release --quiet --bin policies
operations=400000
out=$(mktemp)
trap 'rm -f "$out" "$out".*' EXIT

count() { # policy, function
    valgrind --tool=callgrind --callgrind-out-file="$out" --collect-atstart=no --toggle-collect="*$2*" \
        target/release/policies "$1" 2>&1 | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

printf '%-14s %10s %14s\n' instructions hit turnover
for policy in ${POLICIES:-lfu fifo clock sieve lru mru 2q-0.25-0.5 arc s3-fifo-0.1}; do
    hit=$(count "$policy" measured_hit)
    turnover=$(count "$policy" measured_turnover)
    printf '%-14s %10d %14d\n' "$policy" $((hit / operations)) $((turnover / operations))
done

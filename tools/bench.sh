#!/usr/bin/env bash
# Speed, as ratios against a peer in the same run: the native core, then the WebAssembly that ships.
. "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"
cd "$root"

cmake --preset release >/dev/null
cmake --build --preset release --target hs -- --no-print-directory
build/release/hs bench
node tests/bench/bench.mjs

#!/usr/bin/env bash
# Speed, as ratios within one run: the products of the native program, then tests/bench/main.mjs against other programs.
. "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"
cd "$root"

cmake --preset release >/dev/null
cmake --build --preset release --target hs >/dev/null
build/release/hs bench gemm
build/release/hs bench run models/stories-2l
node tests/bench/main.mjs "$@"

#!/usr/bin/env bash
# Builds the page into site/dist: the core as WebAssembly, the scripts around it, and the size of a first visit.
. "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"
cd "$root"
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(getconf _NPROCESSORS_ONLN)}

mkdir -p build
emcmake cmake -S . -B build/wasm -DCMAKE_BUILD_TYPE=Release >build/configure.log 2>&1 || { cat build/configure.log >&2; exit 1; }
cmake --build build/wasm
(cd site && node_modules/.bin/vite build --logLevel warn)
node tools/budget.mjs site/dist

#!/usr/bin/env bash
# Speed, as ratios within one run: `hs bench` of the native program, then of the same program as WebAssembly,
# over the library that the page ships, in Node.
. "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"
cd "$root"
model=models/stories-2l

cmake --preset release >/dev/null
cmake --build --preset release --target hs >/dev/null
emcc -O3 -msimd128 -ffp-contract=off -D_POSIX_C_SOURCE=200809L -Icore core/cli/*.c build/wasm/libhs_core.a \
  -sNODERAWFS=1 -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=2GB -sSTACK_SIZE=1MB -sEXIT_RUNTIME=1 -o build/wasm/hs.js

for program in build/release/hs 'node build/wasm/hs.js'; do
  printf '\n== %s\n' "$program"
  $program bench gemm
  $program bench run "$model"
done

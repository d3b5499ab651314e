#!/usr/bin/env bash
# The figures of models/stories-2l that need its corpus, measured afresh:  tools/evidence.sh CORPUS
# CORPUS is the folder with the files that the recipe names by their sha256.
. "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"
[ -n "${1:-}" ] && [ -d "$1" ] || die "say where the corpus is: make evidence CORPUS=folder"
corpus=$(cd "$1" && pwd)
cd "$root"

cmake --preset release >/dev/null
cmake --build --preset release --target hs
CORPUS=$corpus node models/encode.mjs models/stories-2l/recipe.json build/ids
node models/evidence.mjs models/stories-2l build/ids

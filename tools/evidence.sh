#!/usr/bin/env bash
# The figures of the shipped models, measured afresh (those of the recipes need their corpus):  tools/evidence.sh CORPUS
# CORPUS is the folder with the files that the recipes name by their sha256.
. "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"
[ -n "${1:-}" ] && [ -d "$1" ] || die "say where the corpus is: make evidence CORPUS=folder"
corpus=$(cd "$1" && pwd)
cd "$root"

cmake --preset release >/dev/null
cmake --build --preset release --target hs
for model in models/*/recipe.json; do
  folder=$(dirname "$model")
  echo "== $folder"
  CORPUS=$corpus node models/encode.mjs "$model" build/ids
  node models/evidence.mjs "$folder" build/ids
done
echo "== tasks"
node models/tasks.mjs
echo "== induction"
node models/induction.mjs

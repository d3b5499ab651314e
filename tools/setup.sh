#!/usr/bin/env bash
# Sets up what a target needs and is missing:  tools/setup.sh build | test
# Each step says which Debian packages it lacks; they are installed in one go; then each step runs.
# A step that is whole answers at once, and any step may be interrupted and run again. See docs/setup.md.
. "$(dirname "${BASH_SOURCE[0]}")/setup/common.sh"

case "${1:-}" in
  build) steps=(cmake node emscripten site) ;;
  test) steps=(cmake native node emscripten site browser) ;;
  *) die "say what to set up for: tools/setup.sh build | test" ;;
esac

for step in "${steps[@]}"; do . "$root/tools/setup/$step.sh"; done

# Two makes at once would write the same files.
if have flock; then
  exec 9>"$toolchain/lock"
  flock -n 9 || { say "waiting for another set-up of this folder"; flock 9; }
fi

needed=
for step in "${steps[@]}"; do needed+=$("${step}_packages")$'\n'; done
mapfile -t packages < <(printf '%s' "$needed" | awk 'NF && !seen[$0]++')
apt_install "${packages[@]}"

for step in "${steps[@]}"; do "${step}_step"; done

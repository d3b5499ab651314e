# Shared by the set-up steps; sourced, never run.
# A step is a file with two functions: NAME_packages prints the Debian packages that it lacks, one a line,
# and NAME_step does the rest. A step that needs neither prints and does nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
toolchain=$root/.toolchain
mkdir -p "$toolchain/stamps" "$toolchain/bin"
export PATH="$toolchain/bin:$PATH"
unset MAKEFLAGS MAKELEVEL # what cmake starts is no part of the make that started us

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# PATH without our own folder: what the machine itself has.
outside_path() { printf '%s' "$PATH" | tr : '\n' | grep -vx "$toolchain/bin" | paste -sd : -; }
lacks() { have "$1" || printf '%s\n' "$2"; }

# version_ge A B: A is B or newer.
version_ge() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# A stamp holds the step's inputs as one word. It is renamed into place after the step's last write,
# so a stamp that is there and equal means a step that is whole.
stamped() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
stamp() {
  printf '%s\n' "$2" >"$1.new"
  mv "$1.new" "$1"
}
key() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

distribution() (
  ID=unknown
  [ ! -r /etc/os-release ] || . /etc/os-release
  printf '%s' "$ID"
)
codename() (
  VERSION_CODENAME=
  [ ! -r /etc/os-release ] || . /etc/os-release
  printf '%s' "$VERSION_CODENAME"
)

# The only writes outside the project: apt-get, as root or through sudo.
apt_install() {
  [ $# -gt 0 ] || return 0
  have apt-get || die "missing: $*. There is no apt-get here: put cmake, a C compiler, node >= 20.19 with npm, emcc >= 3.1.69 and, for the tests, chromium on PATH, and run this again."
  local become=()
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || die "Debian packages are missing, and neither root nor sudo is here. Ask the administrator for: apt-get install --no-install-recommends $*"
    become=(sudo)
  fi
  say "Debian packages, by apt-get: $*"
  local log=$toolchain/apt-get.log apt=("${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  # The first completes what an interrupted install left half configured; without one it does nothing.
  { "${become[@]}" dpkg --configure -a && "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null \
    || { tail -n 20 "$log" >&2; die "apt-get could not install them; its whole output is in .toolchain/apt-get.log"; }
}

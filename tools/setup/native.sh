# A C compiler with its sanitizers, and SIMDe: the native core, whose tests run the kernels that ship.

native_packages() {
  have cc || printf 'gcc\nlibc6-dev\n'
  [ -d /usr/include/simde ] || ! have apt-get || printf 'libsimde-dev\n'
}

native_step() { :; }

# The front door. Every target sets up what it lacks first (docs/setup.md).
export PATH := $(CURDIR)/.toolchain/bin:$(PATH)
# The browser of the tests; looked for when they run, since set-up may have just installed it.
export CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
.PHONY: serve test bench evidence toolchain setup build check dev clean

serve: build
	@node tools/serve.mjs site/dist $(PORT)
test: setup
	@tools/build.sh && node tools/test.mjs
bench: setup
	@tools/build.sh && tools/bench.sh
evidence: setup
	@tools/evidence.sh $(CORPUS)
build: toolchain
	@tools/build.sh
toolchain:
	@tools/setup.sh build
setup:
	@tools/setup.sh test
check: toolchain
	@node tools/check_layers.mjs && node tools/check_text.mjs && cd site && node_modules/.bin/tsc --noEmit && node_modules/.bin/tsc -p ../tests/wasm
dev: build
	@cd site && node_modules/.bin/vite
clean:
	@rm -rf build site/dist site/src/worker/*.wasm

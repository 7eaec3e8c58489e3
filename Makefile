# What people type. `tests/setup` installs what is missing; cargo does the rest.

.DEFAULT_GOAL := help
.PHONY: help demo build release deb check test clean

CARGO ?= cargo
TARGET = $(abspath $(or $(CARGO_TARGET_DIR),target))

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## serve a chat on http://127.0.0.1:8080; open it in two windows
	tests/setup build
	$(CARGO) run --release --package towpath --bin towpath -- demo

build: ## build target/release/towpath
	tests/setup build
	$(CARGO) build --release --package towpath --bin towpath

release: ## build target/optimized/release/towpath, the program as it is shipped: half an hour
	proxy/packaging/optimize

deb: ## make a Debian package of that, and say where it is
	tests/setup deb
	proxy/packaging/optimize
	CARGO_TARGET_DIR=$(TARGET)/optimized CARGO_DEB=$(TARGET)/peers/cargo-deb/bin/cargo-deb \
		proxy/packaging/build-deb --output $(TARGET)/debian/

check: ## format and lints: what to run before each commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

test: ## everything: format, lints, unit tests, and the end-to-end stories with all peers
	tests/setup all
	$(MAKE) check
	tests/run

clean: ## remove what was built
	$(CARGO) clean

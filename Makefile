# What people type. `tests/setup` installs what is missing; cargo does the rest.

.DEFAULT_GOAL := help
.PHONY: help demo build deb check test clean

CARGO ?= cargo

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## serve a chat on http://127.0.0.1:8080; open it in two windows
	tests/setup build
	$(CARGO) run --release --package towpath --bin towpath -- demo

build: ## build target/release/towpath
	tests/setup build
	$(CARGO) build --release --package towpath --bin towpath

deb: export CARGO_DEB = $(or $(CARGO_TARGET_DIR),target)/peers/cargo-deb/bin/cargo-deb
deb: ## build a Debian package, and say where it is
	tests/setup deb
	$(CARGO) build --release --locked --package towpath --bin towpath
	proxy/packaging/build-deb

check: ## format and lints: what to run before each commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

test: ## everything: format, lints, unit tests, and the end-to-end stories with all peers
	tests/setup all
	$(MAKE) check
	tests/run

clean: ## remove what was built
	$(CARGO) clean

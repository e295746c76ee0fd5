# Everything that is done often, in one place. `make help` lists it.
# `make run` and `make test` do all their own set-up on a fresh Debian or Ubuntu with a Rust toolchain.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO       ?= cargo
# For example CARGO_FLAGS=--locked, as continuous integration does.
CARGO_FLAGS ?=
DATA        ?= ./data
LISTEN      ?= 127.0.0.1:8080
SERVER      ?= http://$(LISTEN)
CADASTRE    := target/release/cadastre
EXAMPLE     := examples/aws-ip-ranges

# RocksDB is compiled from source: a C++ compiler, and libclang for its bindings.
PACKAGES := build-essential libclang-dev pkg-config curl

.PHONY: help
help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Set-up ----------------------------------------------------------------------------------------------------

.PHONY: setup
setup: ## Install the system packages that are missing (apt)
	@command -v $(CARGO) >/dev/null || { echo 'There is no Rust toolchain: install one from https://rustup.rs and start again.' >&2; exit 1; }
	@missing=(); \
	if command -v dpkg-query >/dev/null; then \
	    for package in $(PACKAGES); do \
	        dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$$package"); \
	    done; \
	else \
	    echo 'No apt here: these must be there already: $(PACKAGES)'; \
	fi; \
	if (( $${#missing[@]} )); then \
	    echo "Installing $${missing[*]}"; \
	    as_root=(); if [[ $$(id -u) != 0 ]]; then as_root=(sudo); fi; \
	    "$${as_root[@]}" apt-get update -q; \
	    "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$${missing[@]}"; \
	fi </dev/null

.PHONY: build
build: setup ## Build the release binary
	$(CARGO) build --release $(CARGO_FLAGS) -p cadastre

## Running ---------------------------------------------------------------------------------------------------

.PHONY: run
run: build ## Build and run everything in one process, records in ./data
	@echo
	@echo 'Real prefixes to look at: run "make demo" in another terminal. Ctrl-C ends the server.'
	@echo
	@exec $(CADASTRE) serve --data '$(DATA)' --listen '$(LISTEN)'

# Records stay in ./data-split. DATA, PORT, CACHE and what can be done while it runs: deploy/split.sh.
.PHONY: split
split: PACKAGES += redis-tools
split: build ## Build and run it split into services, with Redis and Azurite, from local processes
	@exec env CADASTRE_BINARY='$(CADASTRE)' DATA='$(if $(filter file,$(origin DATA)),./data-split,$(DATA))' deploy/split.sh

.PHONY: demo
demo: ## Load the address ranges of AWS into the server that `make run` started
	@curl -fsS -o /dev/null --max-time 5 '$(SERVER)/health' || { echo 'No server answers at $(SERVER): run "make run" first, in another terminal.' >&2; exit 1; }
	@echo 'Loading $(EXAMPLE) into the address space AWS'
	@$(CADASTRE) import $(EXAMPLE)/prefixes.csv --tags $(EXAMPLE)/tags.json \
	    --space AWS --create-space --server '$(SERVER)' --password-file '$(DATA)/admin-password'
	@echo 'What to ask it: $(EXAMPLE)/README.md'

## Checking --------------------------------------------------------------------------------------------------

.PHONY: check
check: setup fmt lint ## The quick loop: format, lints, unit tests
	$(CARGO) test $(CARGO_FLAGS) --workspace --all-features --lib --bins

.PHONY: test
test: PACKAGES += redis-tools
test: setup fmt lint test-rust test-scripts ## Everything: format, lints, all tests, documentation tests, scripts

.PHONY: fmt
fmt:
	$(CARGO) fmt --all --check

.PHONY: lint
lint:
	$(CARGO) clippy $(CARGO_FLAGS) --workspace --all-targets --all-features -- -D warnings

# The rule of who may depend on whom, and the rules of style that a program can check, are tests too:
# cadastre/tests/architecture.rs
# Tests that need other servers (Azurite, Redis) find them by what tests/services/with.sh sets, and fail without them.
.PHONY: test-rust
test-rust:
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    set -x; \
	    tests/services/with.sh $(CARGO) nextest run $(CARGO_FLAGS) --workspace --all-features --no-fail-fast; \
	    $(CARGO) test $(CARGO_FLAGS) --workspace --all-features --doc; \
	else \
	    set -x; \
	    tests/services/with.sh $(CARGO) test $(CARGO_FLAGS) --workspace --all-features --no-fail-fast; \
	fi

# Checks that are not Rust tests (an API fuzzer against the real binary, a browser, …): an executable
# tests/NAME.sh or tests/NAME/run.sh each, which does its own set-up, starts its own server, and exits 0 when all is well.
SCRIPTS := $(sort $(wildcard tests/*.sh tests/*/run.sh))

.PHONY: test-scripts
test-scripts:
	@for script in $(SCRIPTS); do echo "== $$script"; "$$script" </dev/null; done

.PHONY: bench
bench: PACKAGES += wrk
bench: setup ## Measure the product; numbers only mean something on a quiet machine
	$(CARGO) bench $(CARGO_FLAGS) -p cadastre --bench product

# SCENARIO, DURATION, KILLS and the rest: loadtests/README.md. With SERVER=… on the command line or in the environment it
# loads that server, and nothing is built; the default above is for `make demo` only.
OWN_SERVER := $(filter file,$(origin SERVER))

.PHONY: load
load: $(if $(OWN_SERVER),build) ## Load tests with k6, then proof that no address was given twice
	@$(if $(OWN_SERVER),CADASTRE_BINARY='$(CADASTRE)') loadtests/run.sh

.PHONY: clean
clean: ## Remove what was built (records in ./data stay)
	$(CARGO) clean

# `make` lists the targets. What is built and downloaded goes below ~/.cache/sv0, outside the clone, so that the next
# clone finds it; `rm -r ~/.cache/sv0` is always safe, and is how one cleans up.
#
#   XDG_CACHE_HOME     moves ~/.cache
#   CARGO_TARGET_DIR   moves cargo's output (by default one folder a clone: cargo takes the older of two clones of one
#                      workspace for up to date, and runs the other's code)
#   PYTHON             the Python to make virtual environments with

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
# cargo-deny and cargo-fuzz are built when they are missing; their versions are pinned as the toolchain is.
DENY_VERSION := 0.20.2
FUZZ_VERSION := 0.13.2
# libFuzzer needs flags of the compiler that only nightly has.
FUZZ_TOOLCHAIN ?= nightly

# Not `realpath` and `dir`: they break at blanks.
ROOT := $(shell pwd -P)
# Without a home that can be written, the clone must do.
CACHE := $(shell \
	if [ -n "$${XDG_CACHE_HOME:-}" ]; then d="$$XDG_CACHE_HOME/sv0"; else d="$${HOME:-/nonexistent}/.cache/sv0"; fi; \
	if mkdir -p "$$d" 2>/dev/null && [ -w "$$d" ]; then echo "$$d"; else echo "$(ROOT)/target/cache"; fi)
ifndef CARGO_TARGET_DIR
CARGO_TARGET_DIR := $(CACHE)/target/$(notdir $(subst $() ,_,$(ROOT)))-$(shell printf %s "$(ROOT)" | cksum | cut -d' ' -f1)
endif
export CARGO_TARGET_DIR

TOOLS := $(CACHE)/tools
export PATH := $(PATH):$(TOOLS)/bin

# $(call say,text without a comma)
say = { if [ -t 1 ] && [ -z "$${NO_COLOR:-}" ]; then printf '\n\033[1m== %s\033[0m\n' "$(1)"; else printf '\n== %s\n' "$(1)"; fi; }

# A target's steps are meant to be read one after the other.
.NOTPARALLEL:

.PHONY: help
help: ## list the targets
	@echo 'sv0: who can reach which data, along which chain of authority?'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "cargo builds into $(CARGO_TARGET_DIR)"

.PHONY: demo
demo: ## build sv0, let it analyse its demo organisation, and open the page on it
	@$(call say,building sv0 (the first time takes a few minutes))
	$(CARGO) build --locked --profile quick -p sv0-cli
	@$(call say,sv0 demo)
	@"$(CARGO_TARGET_DIR)/quick/sv0" demo
	@echo; echo "that was $(CARGO_TARGET_DIR)/quick/sv0 demo"
	@if [ -t 0 ] && [ -t 1 ]; then \
		$(call say,the same as a page); \
		"$(CARGO_TARGET_DIR)/quick/sv0" serve --demo --open; \
	else \
		echo "to look at the page: $(CARGO_TARGET_DIR)/quick/sv0 serve --demo --open"; \
	fi

.PHONY: build
build: ## build the release binary, with all services of AWS (a quarter of an hour the first time)
	@$(call say,building the release binary)
	$(CARGO) build --locked --release -p sv0-cli --features full
	@echo "$(CARGO_TARGET_DIR)/release/sv0"

# What asks AWS is tested with the AWS SDK in the build. Its three largest crates are half the time of all: they are
# tested in CI, and with SV0_FULL=1.
SERVICES := $(if $(or $(CI),$(SV0_FULL)),full,collect)
FEATURES := --features sv0-cli/$(SERVICES)
# The sv0 that the end-to-end tests run is built with the Rust tests: built alone, its dependencies would have other
# features, and the SDK would be built once more.
BUILD_TESTED := $(CARGO) test --locked --workspace $(FEATURES) --no-run --quiet

# The slow and the chatty first, so that the test runner's closing line is the last thing to read.
.PHONY: test
test: check layers deny-if-there e2e api page-if-there oidc-if-there difftest-if-there unit ## everything that must pass before a commit

.PHONY: check
check: ## formatting, and clippy with warnings as errors
	@$(call say,formatting)
	$(CARGO) fmt --all -- --check
	@$(call say,clippy)
	$(CARGO) clippy --locked --workspace --all-targets $(FEATURES) -- -D warnings
	@$(call say,clippy of the build without the AWS SDK)
	$(CARGO) clippy --locked -p sv0-cli -- -D warnings

# CI shows every failure, not the first.
NO_FAIL_FAST := $(if $(CI),--no-fail-fast)

.PHONY: unit
unit: ## the Rust tests
	@$(call say,Rust tests: examples in the documentation)
	@$(CARGO) test --locked --workspace $(FEATURES) --doc --quiet
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(call say,Rust tests); \
		$(CARGO) nextest run --locked --workspace $(FEATURES) $(NO_FAIL_FAST); \
	else \
		$(call say,Rust tests (cargo test runs them because cargo-nextest is not installed)); \
		$(CARGO) test --locked --workspace $(FEATURES) --lib --bins --tests $(NO_FAIL_FAST); \
	fi

CASES ?= 100000

.PHONY: long
long: ## the laws of the engine on very many random requests, and the paths of very many organisations (CASES=100000, some fifty minutes)
	@$(call say,$(CASES) random requests of each kind)
	PROPTEST_CASES="$(CASES)" $(CARGO) test --locked --release -p sv0-engine --test exact --test compiled --test who_can --test effective --test compare
	@$(call say,10000 random organisations)
	SV0_LONG=1 $(CARGO) test --locked --release -p sv0-analyze --test brute --test live

.PHONY: layers
layers: ## the crate graph keeps to its floors, and ARCHITECTURE.md shows it
	@$(call say,crate graph)
	@$(CARGO) run --locked --quiet -p sv0-xtask -- layers --check

# ---- from a live IAM API to the answers ---------------------------------------------------------------------------

REQUIREMENTS := tests/moto/requirements.txt
# One virtual environment for each set of requirements and each Python.
VENV := $(CACHE)/venv/$(shell { cat $(REQUIREMENTS); $(PYTHON) -c 'import sys; print(sys.executable, sys.version)'; } 2>&1 | cksum | cut -d' ' -f1)
# The full organisation needs all of moto; it is built where it is at hand, in CI or on demand.
WORLD := ../shared/world
WITH_WORLD := $(if $(or $(CI),$(SV0_WORLD)),$(wildcard $(WORLD)/build_world.py))

.PHONY: e2e
e2e: ## an AWS API on this machine (moto): its exports, scans of it with faults, sv0's answers (SV0_WORLD=1: another organisation too)
	@$(call say,end to end: building sv0)
	$(BUILD_TESTED)
	@if [ ! -e "$(VENV)/ready" ]; then \
		$(call say,end to end: installing $(REQUIREMENTS)); \
		rm -rf "$(VENV)" && \
		{ $(PYTHON) -m venv "$(VENV)" || { echo 'no virtual environment: Debian and Ubuntu need `apt install python3-venv`' >&2; exit 1; }; } && \
		"$(VENV)/bin/pip" install --quiet -r $(REQUIREMENTS) && \
		touch "$(VENV)/ready"; \
	fi
	@$(call say,end to end: the demo organisation)
	@"$(VENV)/bin/python" tests/moto/e2e.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0"
	@$(call say,end to end: findings in the formats of other tools, against what those publish)
	@"$(VENV)/bin/python" tests/outputs/validate.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0"
	@$(call say,end to end: what onboard writes)
	@"$(VENV)/bin/python" tests/moto/onboard.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0"
	@$(call say,end to end: scans of the demo organisation with all that can go wrong)
	@"$(VENV)/bin/python" tests/moto/proxy_test.py
	@"$(VENV)/bin/python" tests/moto/scan.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0"
	@$(call say,end to end: CloudTrail from S3 and Athena and SQS)
	@"$(VENV)/bin/python" tests/moto/trail.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0"
ifneq ($(WITH_WORLD),)
	@if [ ! -e "$(VENV)/ready-world" ]; then \
		$(call say,end to end: installing the rest of moto); \
		"$(VENV)/bin/pip" install --quiet -r $(REQUIREMENTS) "$$(sed -n 's/^moto==/moto[server,all]==/p' $(REQUIREMENTS))" && \
		touch "$(VENV)/ready-world"; \
	fi
	@$(call say,end to end: the full organisation of $(WORLD))
	@"$(VENV)/bin/python" tests/moto/e2e.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0" --world $(WORLD)
	@"$(VENV)/bin/python" tests/moto/scan.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0" --world $(WORLD)
endif

# ---- the API and the page -----------------------------------------------------------------------------------------

API_VENV := $(CACHE)/venv/api-$(shell { cat tests/api/requirements.txt; $(PYTHON) -c 'import sys; print(sys.executable, sys.version)'; } 2>&1 | cksum | cut -d' ' -f1)

.PHONY: api
api: ## the HTTP API against its own description (EXAMPLES=25 of each endpoint)
	@$(call say,the API: building sv0)
	$(BUILD_TESTED)
	@if [ ! -e "$(API_VENV)/ready" ]; then \
		$(call say,the API: installing tests/api/requirements.txt); \
		rm -rf "$(API_VENV)" && $(PYTHON) -m venv "$(API_VENV)" && \
		"$(API_VENV)/bin/pip" install --quiet -r tests/api/requirements.txt && touch "$(API_VENV)/ready"; \
	fi
	@$(call say,the API: against its own description)
	@"$(API_VENV)/bin/python" tests/api/run.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0" --examples "$(or $(EXAMPLES),25)"
	@$(call say,traces and logs to a collector)
	@"$(API_VENV)/bin/python" tests/api/otlp.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0"

ASSETS := crates/server/assets
NPM := npm ci --no-audit --no-fund --ignore-scripts --silent
CHROMIUM ?= $(firstword $(wildcard /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome))
export CHROMIUM

.PHONY: web
web: ## build the page from web/ into crates/server/assets, from where it is built into sv0 (needs node 20)
	@$(call say,the page: installing what it is built with)
	@cd web && $(NPM)
	@$(call say,the page: types and tests and build)
	@cd web && npm run --silent test && npm run --silent build
	@rm -rf $(ASSETS) && cp -R web/dist $(ASSETS)

# What is checked in is what web/ makes, byte for byte.
.PHONY: web-check
web-check:
	@$(call say,the page: installing what it is built with)
	@cd web && $(NPM)
	@$(call say,the page: types and tests and build)
	@cd web && npm run --silent test && npm run --silent build >/dev/null
	@diff -r web/dist $(ASSETS) || { echo 'crates/server/assets is not what web/ makes: run `make web`' >&2; exit 1; }

# Pictures of every view, for people to look at.
SHOTS := $(CARGO_TARGET_DIR)/screenshots

.PHONY: page
page: web-check ## the page in Chromium: cases walked as a user would, accessibility, hostile names, screenshots (needs node 20 and chromium)
	@$(call say,the page: building sv0)
	$(BUILD_TESTED)
	@cd tests/web && $(NPM)
	@$(call say,the page: in Chromium)
	@SV0="$(CARGO_TARGET_DIR)/debug/sv0" node --test --test-reporter=spec tests/web/page.test.mjs
	@$(call say,the page: screenshots into $(SHOTS))
	@rm -rf "$(SHOTS)"; SV0="$(CARGO_TARGET_DIR)/debug/sv0" THEMES=light node tests/web/shots.mjs "$(SHOTS)"
	@SV0="$(CARGO_TARGET_DIR)/debug/sv0" THEMES=dark SIZES=1280 node tests/web/shots.mjs "$(SHOTS)"

.PHONY: page-if-there
ifeq ($(and $(shell command -v node 2>/dev/null),$(shell command -v npm 2>/dev/null),$(CHROMIUM)),)
page-if-there:
	@$(call say,the page: SKIPPED because node and npm and chromium are not all installed (nobody looked at the page))
else
page-if-there: page
endif

OIDC := $(CACHE)/oidc

.PHONY: oidc
oidc: ## people of an identity provider sign in: a certified provider from npm, and one that lies (needs node 20)
	@if ! cmp -s tests/oidc/package-lock.json "$(OIDC)/ready"; then \
		$(call say,installing an identity provider); \
		mkdir -p "$(OIDC)" && cp tests/oidc/package.json tests/oidc/package-lock.json "$(OIDC)" && \
		npm ci --prefix "$(OIDC)" --no-audit --no-fund --ignore-scripts && \
		cp tests/oidc/package-lock.json "$(OIDC)/ready"; \
	fi
	@$(call say,sign-in by an identity provider: building sv0)
	$(BUILD_TESTED)
	@$(call say,sign-in by an identity provider)
	@SV0="$(CARGO_TARGET_DIR)/debug/sv0" MODULES="$(OIDC)/node_modules" node --test --test-reporter=spec tests/oidc/sign_in.mjs
ifneq ($(CHROMIUM),)
	@cd tests/web && $(NPM)
	@SV0="$(CARGO_TARGET_DIR)/debug/sv0" MODULES="$(OIDC)/node_modules" PLAYWRIGHT="$(CURDIR)/tests/web/node_modules" \
		node --test --test-reporter=spec tests/oidc/page.mjs
endif

.PHONY: oidc-if-there
ifeq ($(and $(shell command -v node 2>/dev/null),$(shell command -v npm 2>/dev/null)),)
oidc-if-there:
	@$(call say,sign-in by an identity provider: SKIPPED because node and npm are not installed (nobody signed in))
else
oidc-if-there: oidc
endif

# ---- licences -----------------------------------------------------------------------------------------------------

# Not `advisories`: its database is on github.com, which the machines that run this need not reach.
DENY := $(CARGO) deny --locked check --hide-inclusion-graph licenses bans sources

.PHONY: deny
deny: ## licences, banned crates, sources (installs cargo-deny, some three minutes)
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
		$(call say,installing cargo-deny $(DENY_VERSION) into $(TOOLS)); \
		env -u CARGO_TARGET_DIR $(CARGO) install --locked --root "$(TOOLS)" cargo-deny@$(DENY_VERSION); \
	fi
	@$(call say,licences and banned crates and sources)
	$(DENY)

.PHONY: deny-if-there
deny-if-there:
	@if [ -n "$${CI:-}" ] || $(CARGO) deny --version >/dev/null 2>&1; then \
		$(MAKE) deny; \
	else \
		$(call say,licences: not checked because cargo-deny is not installed (make deny installs it)); \
	fi

# ---- evidence -----------------------------------------------------------------------------------------------------

# Another generator of CloudTrail with its ground truth, and real files, where they are on this machine.
CLOUDTRAIL ?= /work/shared/cloudtrail
TRAILS := $(CACHE)/trails

.PHONY: evidence-truth
ifeq ($(wildcard $(CLOUDTRAIL)/gen_trail.py),)
evidence-truth:
	@$(call say,evidence: SKIPPED because $(CLOUDTRAIL)/gen_trail.py is not here (sv0 was not held against its ground truth))
else
evidence-truth: ## evidence against the ground truth of another generator and real files (MB=200; needs CLOUDTRAIL=folder)
	@for seed in 3 7; do \
		if [ ! -e "$(TRAILS)/$$seed-$(or $(MB),200)/manifest.json" ]; then \
			$(call say,making a lake of $(or $(MB),200) MB with seed $$seed); \
			$(PYTHON) "$(CLOUDTRAIL)/gen_trail.py" --out "$(TRAILS)/$$seed-$(or $(MB),200)" --size-mb $(or $(MB),200) --seed $$seed >/dev/null 2>&1; \
		fi; \
	done
	@$(call say,evidence: against the ground truth)
	SV0_TRAIL_TRUTH="$(TRAILS)/3-$(or $(MB),200):$(TRAILS)/7-$(or $(MB),200)" SV0_TRAIL_REAL="$(wildcard $(CLOUDTRAIL)/real-invictus)" \
		$(CARGO) test --locked -p sv0-evidence --test peer_truth -- --nocapture
endif

# ---- fuzzing ------------------------------------------------------------------------------------------------------

FUZZ_TARGETS := policy glob condition engines effective simulate
TARGET ?= $(FUZZ_TARGETS)
SECONDS ?= 60
# What libFuzzer finds on the way stays for the next run; crashes are written to fuzz/artifacts.
FUZZ_CORPUS := $(CACHE)/fuzz/corpus
# A row of choices that is short says little, so libFuzzer is not to begin with short ones.
FUZZ_LENGTH := -len_control=0 -max_len=2048
# No sanitizer: there is no `unsafe` for it to watch, and it halves the speed.
FUZZ := cd fuzz && $(CARGO) +$(FUZZ_TOOLCHAIN) fuzz

.PHONY: fuzz
fuzz: fuzz-tools ## libFuzzer on each target in turn (TARGET=policy SECONDS=60; needs the nightly toolchain)
	@for target in $(TARGET); do \
		$(call say,fuzzing $$target for $(SECONDS) s); \
		mkdir -p "$(FUZZ_CORPUS)/$$target" && \
		( $(FUZZ) run --sanitizer none "$$target" "$(FUZZ_CORPUS)/$$target" "seeds/$$target" -- \
			$(FUZZ_LENGTH) -max_total_time="$(SECONDS)" -timeout=20 -rss_limit_mb=2048 -print_funcs=0 -verbosity=1 $(FUZZ_ARGS) ) || exit 1; \
	done

# How many rows of choices of each target are kept.
FUZZ_SEEDS := 24

.PHONY: fuzz-seeds
fuzz-seeds: fuzz-tools
	@$(PYTHON) fuzz/seeds.py
	@for target in glob condition engines effective; do \
		$(call say,the seeds of $$target); \
		mkdir -p "$(FUZZ_CORPUS)/$$target" "fuzz/seeds/$$target" && \
		( $(FUZZ) cmin --sanitizer none "$$target" "$(FUZZ_CORPUS)/$$target" ) && \
		$(PYTHON) fuzz/seeds.py --some $(FUZZ_SEEDS) "$(FUZZ_CORPUS)/$$target" "fuzz/seeds/$$target" || exit 1; \
	done

.PHONY: fuzz-check
fuzz-check:
	cd fuzz && $(CARGO) fmt -- --check && $(CARGO) clippy --locked --lib -- -D warnings

.PHONY: fuzz-tools
fuzz-tools:
	@$(CARGO) +$(FUZZ_TOOLCHAIN) --version >/dev/null 2>&1 || \
		{ echo 'make fuzz needs a nightly toolchain: `rustup toolchain install nightly --profile minimal`' >&2; exit 1; }
	@if ! $(CARGO) fuzz --version >/dev/null 2>&1; then \
		$(call say,installing cargo-fuzz $(FUZZ_VERSION) into $(TOOLS)); \
		env -u CARGO_TARGET_DIR $(CARGO) install --locked --root "$(TOOLS)" cargo-fuzz@$(FUZZ_VERSION); \
	fi

# ---- against another evaluator ------------------------------------------------------------------------------------

DIFFTEST := $(CACHE)/difftest
N ?= 2000
SEED ?= 1

# iam-simulate, run as a process of its own by what follows.
.PHONY: iam-simulate
iam-simulate:
	@if ! cmp -s tests/difftest/package-lock.json "$(DIFFTEST)/ready"; then \
		$(call say,installing iam-simulate); \
		mkdir -p "$(DIFFTEST)" && cp tests/difftest/package.json tests/difftest/package-lock.json "$(DIFFTEST)" && \
		npm ci --prefix "$(DIFFTEST)" --no-audit --no-fund --ignore-scripts && \
		cp tests/difftest/package-lock.json "$(DIFFTEST)/ready"; \
	fi
# $(call run-difftest,requests,seed,sv0)
run-difftest = $(PYTHON) tests/difftest/diff.py -n "$(1)" --seed "$(2)" --sv0 "$(3)" --modules "$(DIFFTEST)/node_modules"

.PHONY: difftest
difftest: iam-simulate ## sv0 against another evaluator, request by request (N=2000 SEED=1; needs node 20)
	@$(call say,differential test: building sv0)
	$(CARGO) build --locked --profile quick -p sv0-cli
	@$(call say,differential test)
	@$(call run-difftest,$(N),$(SEED),$(CARGO_TARGET_DIR)/quick/sv0)

# The same 2,000 requests each time, so that a failure is the change's; with the build that the end-to-end test has made.
.PHONY: difftest-if-there
ifeq ($(and $(shell command -v node 2>/dev/null),$(shell command -v npm 2>/dev/null)),)
difftest-if-there:
	@$(call say,differential test: SKIPPED because node and npm are not installed (sv0 was not compared with iam-simulate))
else
difftest-if-there: iam-simulate
	@$(call say,differential test: building sv0)
	$(BUILD_TESTED)
	@$(call say,differential test: 2000 requests)
	@$(call run-difftest,2000,1,$(CARGO_TARGET_DIR)/debug/sv0)
endif

# ---- speed --------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: ## decisions a second, who-can, memory (docs/benchmarks.md); the fastest of many samples is the one to read
	@$(call say,benches of the engine)
	$(CARGO) bench --locked -p sv0-engine --bench decisions --bench who_can --bench effective --bench memory

SIZES ?= s,m

.PHONY: bench-scale
bench-scale: ## a whole organisation's analysis, stage by stage, beside simd-json, as Markdown (ROLES="1000 10000 100000")
	@$(call say,organisations of several sizes)
	@SIZES="$(or $(ROLES),1000 10000 100000)" $(CARGO) bench --locked --profile quick -p sv0-bench --bench scale

.PHONY: bench-live
bench-live: ## one policy changes in a whole organisation: only what depends on it beside everything anew, as Markdown (ROLES=100000)
	@$(call say,changes of one policy)
	@ROLES="$(or $(ROLES),100000)" $(CARGO) bench --locked --profile quick -p sv0-bench --bench live

.PHONY: bench-serve
bench-serve: ## how fast the server answers, first and again, beside /healthz, as Markdown (PRESET=xl; needs wrk)
	@$(call say,the server: building sv0)
	$(CARGO) build --locked --profile quick -p sv0-cli
	@$(PYTHON) tests/api/load.py --sv0 "$(CARGO_TARGET_DIR)/quick/sv0" --preset "$(or $(PRESET),l)"

.PHONY: bench-findings
bench-findings: ## all rules on a whole organisation, rule by rule, beside the analysis, as Markdown (ROLES="1000 10000")
	@$(call say,findings of organisations of several sizes)
	@ROLES="$(or $(ROLES),1000 10000)" $(CARGO) bench --locked --profile quick -p sv0-bench --bench findings

.PHONY: bench-evidence
bench-evidence: ## a whole CloudTrail lake read, chains and all, beside inflating it, as Markdown (MB=1000, or LAKE=folder)
	@$(call say,a lake of CloudTrail)
	@MB="$(or $(MB),1000)" LAKE="$(LAKE)" $(CARGO) bench --locked -p sv0-bench --bench evidence

.PHONY: bench-peers
bench-peers: iam-simulate build ## sv0's time and memory beside another evaluator's, as Markdown (SIZES=s,m; needs node 20)
	@$(call say,beside another evaluator)
	@$(PYTHON) tests/peers/bench.py --sizes "$(SIZES)" $(BENCH_ARGS) --sv0 "$(CARGO_TARGET_DIR)/release/sv0" --modules "$(DIFFTEST)/node_modules"

PEERS_VENV := $(CACHE)/venv/peers-$(shell { cat tests/peers/requirements.txt; $(PYTHON) -c 'import sys; print(sys.executable, sys.version)'; } 2>&1 | cksum | cut -d' ' -f1)

.PHONY: bench-trail-peers
bench-trail-peers: build ## a lake of CloudTrail beside chdb and DuckDB, as Markdown (LAKE=folder; default: gen_trail.py of CLOUDTRAIL, MB=1000)
	@if [ ! -e "$(PEERS_VENV)/ready" ]; then \
		rm -rf "$(PEERS_VENV)" && $(PYTHON) -m venv "$(PEERS_VENV)" && \
		"$(PEERS_VENV)/bin/pip" install --quiet -r tests/peers/requirements.txt && touch "$(PEERS_VENV)/ready"; \
	fi
	@if [ -z "$(LAKE)" ] && [ ! -e "$(TRAILS)/peers-$(or $(MB),1000)/manifest.json" ]; then \
		$(PYTHON) "$(CLOUDTRAIL)/gen_trail.py" --out "$(TRAILS)/peers-$(or $(MB),1000)" --size-mb $(or $(MB),1000) >/dev/null; \
	fi
	@$(call say,a lake beside databases)
	@$(PYTHON) tests/peers/trail.py --sv0 "$(CARGO_TARGET_DIR)/release/sv0" --python "$(PEERS_VENV)/bin/python" \
		--lake "$(or $(LAKE),$(TRAILS)/peers-$(or $(MB),1000)/lake)"

SCALE ?= 500

.PHONY: bench-scan
bench-scan: ## a scan's calls, time and memory beside boto3's, as Markdown (SCALE=500; after make e2e, which installs moto)
	@$(call say,scanning moto)
	$(BUILD_TESTED)
	@"$(VENV)/bin/python" tests/moto/bench_scan.py --sv0 "$(CARGO_TARGET_DIR)/debug/sv0" --scale "$(SCALE)"

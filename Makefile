# LOW-LAYER: the only entry point. `make help` lists every target.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

SERVICES := $(notdir $(patsubst %/,%,$(wildcard services/*/)))
MODULES  := gen libs $(addprefix services/,$(SERVICES)) tools
PROGRAMS := $(addprefix bin/,$(SERVICES) lowlayer sandbox openstacksim identitysim)
export PATH := $(CURDIR)/.bin/buf:$(CURDIR)/.bin/protoc:$(CURDIR)/.bin/lint:$(CURDIR)/.bin/vuln:$(CURDIR)/.bin/gofumpt:$(CURDIR)/.bin/grpcurl:$(CURDIR)/.bin/gotestsum:$(PATH)
export GOFLAGS := -buildvcs=false -trimpath
# Where the tests leave their counts for .ci/run.
REPORTS ?= .cache/reports
BASE ?= $(shell git describe --tags --abbrev=0 2>/dev/null || git rev-list --max-parents=0 HEAD 2>/dev/null | tail -n 1)

##@ Use it
.PHONY: demo
demo: deps build ## Start a fresh platform, follow a client through it from login to proof of deletion, serve until Ctrl-C
	bin/sandbox demo

.PHONY: up
up: deps build tool-grpcurl ## Start the platform of this checkout and leave it running; LOWLAYER_SANDBOX_IDENTITY=1 adds logins
	bin/sandbox up

.PHONY: down
down: build ## Stop what `make up` of this checkout started; its data stays
	bin/sandbox down

.PHONY: status
status: build ## Show which parts of the platform run, and where
	bin/sandbox status

.PHONY: reset
reset: build ## Stop the platform and delete its data; asks on a terminal, unless YES=1
	bin/sandbox reset $(if $(YES),--yes)

##@ Build
# A first build takes minutes, so it prints each target.
say-new = test -e $@ || echo "build $@"

.PHONY: build
build: $(PROGRAMS) ## Build the services and programs into bin/

.PHONY: FORCE
FORCE:

$(addprefix bin/,$(SERVICES)): bin/%: FORCE
	@$(say-new)
	@go build -o $@ ./services/$*/cmd/$*

# Services built with a tag, for the tests of the whole platform.
VARIANTS := bin/failpoint/network bin/failpoint/tenant bin/unguarded/network bin/unguarded/tenant

.PHONY: build-variants
build-variants: $(VARIANTS)

$(VARIANTS): bin/%: FORCE
	@$(say-new)
	@go build -tags $(patsubst %/,%,$(dir $*)) -o $@ ./services/$(notdir $*)/cmd/$(notdir $*)

bin/lowlayer bin/sandbox bin/openstacksim bin/identitysim: bin/%: FORCE
	@$(say-new)
	@go build $(STAMP) -o $@ ./tools/$*

# The build does not stamp itself (see GOFLAGS): it would fail where git may not read the tree.
bin/lowlayer: STAMP = -ldflags "-X github.com/low-layer/platform/tools/lowlayer/internal/cli.stamp=$(shell tools/build/stamp)"

.PHONY: generate
generate: tool-buf tool-protoc protodeps ## Generate gen/ from proto/
	rm -rf gen/go gen/gateway .cache/openapi
	buf generate
	go run ./tools/openapi -in .cache/openapi -out gen/openapi

.PHONY: fmt
fmt: tool-buf tool-protoc tool-gofumpt protodeps ## Format Go and proto files
	buf format -w proto
	gofumpt -w $$(git ls-files --cached --others --exclude-standard '*.go' | grep -v '^gen/')

.PHONY: clean
clean: ## Remove what was built inside the tree
	rm -rf bin .bin .cache

.PHONY: deps
deps: ## Install what the sandbox and the tests need and the machine lacks: Postgres, Redis
	@tools/sandbox/install

tool-%: ## (each build tool is built once, outside the tree)
	@tools/build/install $*

.PHONY: protodeps
protodeps: tool-protoc
	@.bin/protoc/protodeps -o .cache/protodeps

##@ Check
.PHONY: check
check: check-generated check-proto check-rules check-dependencies check-tidy check-standalone lint ## Lint, generated code, rules, plain words, dependencies, module tidiness, README commands

.PHONY: check-generated
check-generated: generate ## The committed gen/ is what proto/ generates
	@git diff --exit-code --stat -- gen && [ -z "$$(git status --porcelain -- gen)" ] || { echo "gen/ is not what proto/ generates: run make generate and commit it" >&2; exit 1; }

.PHONY: check-proto
check-proto: tool-buf tool-protoc protodeps ## buf lint, format, and no breaking change since BASE (default: the last tag, else the first commit)
	buf lint
	buf format -d --exit-code proto
	@tools/check/breaking "$(BASE)"

.PHONY: check-rules
check-rules: ## Import rules, RPC options, reasons explained, README commands, plain words
	go run ./tools/check imports
	go run ./tools/check protos
	go run ./tools/check reasons
	go run ./tools/check readmes
	go run ./tools/check words

.PHONY: check-dependencies
check-dependencies: tool-vuln ## Every dependency has an allowed licence, and no known vulnerability that our code reaches
	go run ./tools/check licences
	go run ./tools/check vulnerabilities

.PHONY: check-tidy
check-tidy: ## Every go.mod is tidy
	@for m in $(MODULES) $(wildcard tools/build/*/); do [ -e $$m/go.mod ] || continue; GOWORK=off go -C $$m mod tidy -diff || { echo "$$m: run GOWORK=off go mod tidy" >&2; exit 1; }; done

.PHONY: check-standalone
check-standalone: ## Every service builds without the workspace, as its image does
	@for s in $(SERVICES); do GOWORK=off go -C services/$$s build ./... ; done

.PHONY: lint
lint: tool-lint tool-gofumpt ## golangci-lint and gofumpt over all modules
	@unformatted=$$(gofumpt -l $$(git ls-files --cached --others --exclude-standard '*.go' | grep -v '^gen/')); [ -z "$$unformatted" ] || { echo "run make fmt, these are not formatted:"; echo "$$unformatted"; exit 1; } >&2
	@for m in $(filter-out gen,$(MODULES)); do echo "lint $$m"; (cd $$m && golangci-lint run --config $(CURDIR)/.golangci.yml ./...); done

##@ Test
GOTEST = gotestsum --format pkgname-and-test-fails --hide-summary=skipped --jsonfile $(REPORTS)/$@.json --

# The output of protoc-gen-openapiv3 for our protos: the tests of tools/openapi read it.
.cache/openapi: $(shell find proto -name '*.proto') buf.gen.yaml
	@$(MAKE) --no-print-directory tool-buf tool-protoc protodeps
	buf generate
	@touch $@

# Tests that repeat one check at many points take a third of them, chosen by the commit: LOWLAYER_SEED=number repeats a choice.
export LOWLAYER_SEED ?= $(shell git rev-list --count HEAD 2>/dev/null || echo 0)

# Most tests wait for others: more of them run at once than there are cores.
.PHONY: test
test: deps tool-gotestsum tool-grpcurl build build-variants .cache/openapi ## All tests on the simulator, with real Postgres and Redis; RACE=1 adds the race detector, FULL=1 every kill point
	@mkdir -p $(REPORTS)
	@echo "LOWLAYER_SEED=$(LOWLAYER_SEED) chooses a third of the kill points; FULL=1 takes all"
	LOWLAYER_BIN=$(CURDIR)/bin FULL=$(FULL) $(GOTEST) $(if $(RACE),-race) -timeout 40m -parallel 6 -shuffle=on work
	@gotestsum tool slowest --num 15 --threshold 10s --jsonfile $(REPORTS)/$@.json

.PHONY: acceptance
acceptance: deps tool-gotestsum build build-variants ## Suites and whole product against a real OpenStack and Keycloak (starts the lab); SHARDS="network tenant" runs only those
	@REPORTS=$(REPORTS) tools/acceptance/run $(SHARDS)

.PHONY: chaos
chaos: deps tool-gotestsum build ## Customers work while parts are killed, paused and lied to at random, for FOR=3m; SEED=number repeats the choices
	@mkdir -p $(REPORTS)
	LOWLAYER_BIN=$(CURDIR)/bin CHAOS_FOR=$(FOR) CHAOS_SEED=$(SEED) gotestsum --format standard-verbose --jsonfile $(REPORTS)/$@.json -- \
		-tags chaos -count=1 -timeout 2h ./tools/chaos/

.PHONY: fuzz
fuzz: tool-gotestsum ## Every parser gets made-up input, for FOR=10s each
	@mkdir -p $(REPORTS)
	@REPORTS=$(REPORTS) tools/check/fuzz $(or $(FOR),10s)

.PHONY: bench
bench: deps build ## Measure against peers and limits in the same run: JSON lines and a table
	go run ./tools/bench -bin $(CURDIR)/bin $(BENCH)

##@ Lab
.PHONY: lab
lab: ## Start a real OpenStack on this machine (root, Debian 12)
	tools/lab/lab up

.PHONY: lab-down
lab-down: ## Stop the lab; its state stays
	tools/lab/lab down

.PHONY: lab-reset
lab-reset: ## Put the lab back to its first state
	tools/lab/lab reset

.PHONY: help
help: ## List every target
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z-]*:.*##/ {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

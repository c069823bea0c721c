SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

GO ?= go
GOLANGCI ?= $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 30s
ROUNDS ?= 1
MINUTES ?= 0.25
SEED ?= 1
LIVES ?= 1000000
CORE := ./proxy
KUBE := ^TestKube
# What documents show of a terminal is run: two minutes, and it needs root or namespaces for users.
CONSOLES := ^TestConsoles$$
# The image's life in a pod: namespaces, as root.
POD := ^TestPod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

.PHONY: help
help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/segue
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/segue ./cmd/segue

.PHONY: image
image: ## Make the container image in bin/image, for linux/amd64 and linux/arm64: an OCI layout and what docker load takes
	for arch in amd64 arm64; do GO='$(GO)' deploy/release/build.sh '$(CURDIR)' '$(VERSION)' "$$(git rev-parse HEAD 2>/dev/null || true)" linux $$arch '$(CURDIR)/bin/image/'segue-linux-$$arch || exit; done
	cd deploy/image && $(GO) run . -version '$(VERSION)' -revision "$$(git rev-parse HEAD 2>/dev/null || true)" -created "$$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
		-binary linux/amd64='$(CURDIR)/bin/image/segue-linux-amd64' -binary linux/arm64='$(CURDIR)/bin/image/segue-linux-arm64' -out '$(CURDIR)/bin/image'

.PHONY: release
release: ## Make all of a release in bin/release, from a clean checkout of its tag: make release VERSION=v1.2.3
	GO='$(GO)' deploy/release/release.sh '$(if $(filter command,$(firstword $(origin VERSION))),$(VERSION))' bin/release

.PHONY: man
man: build ## Write the manual's pages to bin/man
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) bin/segue man bin/man

.PHONY: docs
docs: ## Write what is made from the code: the reference in deploy/docs, the JSON schema, the list of metrics
	$(GO) test -timeout 5m -count=1 -run '^(TestReference|TestMetricNames$$|TestSchema)' ./cmd/segue -update

.PHONY: demo
demo: build ## Show the main job: a rolling restart, with a cloud load balancer and with Segue (half a minute)
	bin/segue demo

.PHONY: test
test: deps ## Run all tests: unit tests with the race detector, then real clients on real servers
	$(GO) test -race -shuffle=on -p 2 -timeout 20m -skip '$(KUBE)|$(CONSOLES)' $$($(GO) list ./... | grep -Ev '/proxy/e2e|/cmd/internal/rollout$$')
	$(GO) test -timeout 5m ./cmd/internal/rollout
	$(GO) test -timeout 5m -count=1 -run '^TestSimulation$$' $(CORE) -sim.lives 100000
	cd deploy/check && $(GO) test -count=1 -timeout 5m ./... # what it reads lies outside its module: Go would not see it change
	cd deploy/packages && $(GO) test -count=1 -timeout 10m -skip '^TestMachine' ./... # likewise
	cd deploy/check/kubernetes && $(GO) test -count=1 -timeout 10m -skip '$(KUBE)' ./...
	$(GO) test -count=1 -timeout 15m -parallel 8 -run '$(CONSOLES)' ./deploy/docs/check
	cd deploy/image && $(GO) test -count=1 -timeout 10m -skip '$(POD)' ./... # likewise
	$(GO) test -timeout 30m -v -skip '^TestMove' ./proxy/e2e

.PHONY: e2e
e2e: deps ## Restart, kill and stop FEs, MariaDB and TiDB under clients that keep state, ROUNDS times, and check consistency for MINUTES from SEED (the first run builds TiDB: 6 to 15 minutes)
	GO='$(GO)' proxy/e2e/tidb/build.sh
	cd deploy/image && $(GO) test -count=1 -timeout 15m -v -run '$(POD)' ./...
	$(GO) test -timeout 60m -v -run '^TestMove' ./proxy/e2e -rounds $(ROUNDS) -minutes $(MINUTES) -seed $(SEED)

.PHONY: kube
kube: ## Run what asks Kubernetes against a real API server (the first run builds it: 4 to 10 minutes)
	GO='$(GO)' backend/discover/kube/apiserver/build.sh
	$(GO) test -timeout 10m -count=1 -v -run '$(KUBE)' ./backend/discover/kube ./cmd/internal/rollout/statefulset
	cd deploy/check/kubernetes && $(GO) test -timeout 10m -count=1 -v -run '$(KUBE)' ./...

.PHONY: packages-test
packages-test: deps ## Install, upgrade under load and remove deb and rpm on a Debian with systemd as process 1, as root (the first run makes that Debian: a minute or so)
	cd deploy/packages && $(GO) test -count=1 -timeout 30m -v -run '^TestMachine' ./...

.PHONY: corpus
corpus: deps ## Play MariaDB's own tests, all of the list, on a server: directly, through Segue, while sessions move after every statement, and while they lose their connections (half an hour)
	$(GO) test -timeout 90m -count=1 -v -run '^TestMoveCorpus$$' ./proxy/e2e -corpus 1

.PHONY: simulate
simulate: ## Play LIVES lives in virtual time around the core, beginning with SEED, and check each answer
	$(GO) test -timeout 0 -count=1 -v -run '^TestSimulation$$' $(CORE) -sim.lives $(LIVES) -sim.seed $(SEED)

.PHONY: mutants
mutants: ## Have the simulation find each of three dozen faults that are put into the core, each within a minute
	$(GO) test -timeout 60m -count=1 -v -run '^TestMutants$$' $(CORE) -sim.mutants

.PHONY: unit
unit: ## Run the tests that need nothing but Go
	$(GO) test -race -shuffle=on -timeout 10m -skip '$(KUBE)|$(CONSOLES)' $$($(GO) list ./... | grep -v /proxy/e2e)

.PHONY: deps
deps: ## Install what the tests need: MariaDB, the client programs, Chromium (Debian, as root or with sudo)
	proxy/e2e/setup.sh
	deploy/packages/setup.sh

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' .ci/fuzz

.PHONY: bench
bench: build ## Measure speed, memory and growth beside HAProxy: bench/README.md (half an hour, as root; installs HAProxy, MariaDB, sysbench, strace)
	bench/speed/run.sh

.PHONY: microbench
microbench: ## Run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./proxy/... ./backend/...

.PHONY: experiments
experiments: build ## Measure restarts, kills and hangs through no proxy, a name, HAProxy, nginx and Segue, and under HikariCP: bench/README.md and deploy/docs/explanation/measured.md (an hour and more, as root, after make deps; installs nginx, builds TiDB)
	GO='$(GO)' bench/experiments/pool/pool.sh
	GO='$(GO)' bench/experiments/run.sh

.PHONY: lint
lint: ## Check style, imports between rooms, and that modernizers and go mod tidy have nothing to say
	$(GOLANGCI) run
	@out=$$($(GO) fix -diff ./... 2>&1) || true; if [ -n "$$out" ]; then echo "$$out"; exit 1; fi
	$(GO) mod tidy -diff
	cd deploy/check && $(GO) vet ./... && $(GO) mod tidy -diff
	cd deploy/image && $(GO) vet ./... && $(GO) mod tidy -diff
	cd deploy/packages && $(GO) vet ./... && $(GO) mod tidy -diff
	cd deploy/check/kubernetes && $(GO) vet ./... && $(GO) mod tidy -diff

.PHONY: fmt
fmt: ## Format the code
	$(GOLANGCI) fmt

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin

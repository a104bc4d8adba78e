# Go is all that it takes: `make demo` and `make test` work in a fresh clone.

GO        ?= go
TIMEOUT   ?= 20m# for the tests of one package
PARALLEL  ?= 16# tests of one package at a time: most of them wait for the control plane
TESTFLAGS ?=# more flags for go test, such as -run=TestQuota -v

# The race detector needs cgo, and that a C compiler.
RACE = $(shell test "$$($(GO) env CGO_ENABLED)" = 1 && command -v $(firstword $(shell $(GO) env CC)) >/dev/null && echo -race)

LINT = .cache/bin/golangci-lint
CORE = ./topology/...,./interpret/...,./score/...,./tenant/...

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz lint fmt cluster cover packets bench clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Without the client of Kubernetes the first build takes seconds.
demo: ## two tenants' whole life, in memory
	$(GO) run -tags nocluster ./examples/quickstart

# The control plane is built by itself beforehand, since go test would not show how far it has come.
test: ## everything that runs without a container runtime; the first time builds a Kubernetes control plane
	$(GO) run ./internal/testcluster/cmd/testcluster -build
	@test -n "$(RACE)" || echo "There is no C compiler, so this goes without the race detector."
	$(GO) test $(RACE) -shuffle=on -parallel=$(PARALLEL) -timeout=$(TIMEOUT) $(TESTFLAGS) ./topology/k8s ./... # the longest first
	$(GO) -C internal/differential test $(TESTFLAGS) ./...
	$(GO) -C score/otel test $(RACE) $(TESTFLAGS) ./...

# Each fuzz target by itself, as go test wants it.
fuzz: ## look for inputs that break what is evaluated, FUZZTIME (2s) for each target
	@grep -rl '^func Fuzz' --include=*_test.go . | while read -r file; do \
		sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' "$$file" | while read -r target; do \
			echo "$$(dirname "$$file") $$target"; \
			$(GO) test "$$(dirname "$$file")" -run='^$$' -fuzz="^$$target$$" -fuzztime=$(or $(FUZZTIME),2s) || exit 1; \
		done || exit 1; \
	done

lint: $(LINT) ## golangci-lint, the layers included
	$(LINT) run ./...

fmt: $(LINT) ## format the code
	$(LINT) fmt ./...

$(LINT): internal/tools/go.mod internal/tools/go.sum
	@echo "Building golangci-lint, which takes some minutes the first time"
	$(GO) build -C internal/tools -o "$(CURDIR)/.cache/bin/" tool
	@touch $@

cluster: ## a throw-away Kubernetes control plane to play with, until Ctrl-C
	$(GO) run ./internal/testcluster/cmd/testcluster

cover: ## what the tests cover of the library
	$(GO) run ./internal/testcluster/cmd/testcluster -build
	@mkdir -p .cache
	$(GO) test -timeout=$(TIMEOUT) -coverpkg=$(CORE) -coverprofile=.cache/cover.out $(TESTFLAGS) ./...
	$(GO) tool cover -html=.cache/cover.out -o .cache/cover.html
	@$(GO) tool cover -func=.cache/cover.out | tail -n 1
	@echo "line by line: .cache/cover.html"

# IMAGE has busybox' httpd and nc.
packets: ## what network rules do to real packets, on the cluster of KUBECONFIG, whose CNI must enforce them
	$(GO) run ./internal/packets -image=$(or $(IMAGE),docker.io/library/busybox:1)

# The first two take some minutes, the last half an hour.
bench: ## measure what guardrails, proofs and provisioning cost, up to an hour
	$(GO) -C internal/bench run ./guardrails
	$(GO) -C internal/bench run ./isolation
	$(GO) -C internal/bench run ./converge

clean: ## remove what was built here (the control plane stays in your cache directory)
	rm -rf .cache bin

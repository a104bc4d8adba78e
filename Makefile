# `make demo` and `make test` need nothing but Go. They work in a fresh clone.

GO        ?= go
TIMEOUT   ?= 60m# for the tests of one package, also on a busy machine and with the race detector
PARALLEL  ?= 16# tests of one package at a time; most of them wait for the control plane
TESTFLAGS ?=# more flags for go test, such as -run=TestQuota -v

# The race detector needs cgo, which needs a C compiler.
RACE = $(shell test "$$($(GO) env CGO_ENABLED)" = 1 && command -v $(firstword $(shell $(GO) env CC)) >/dev/null && echo -race)

LINT = .cache/bin/golangci-lint
CORE = ./topology/...,./interpret/...,./score/...,./tenant/...

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz lint fmt cluster cover packets bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# With the tag nocluster, the first build takes seconds, since it leaves out client-go.
demo: ## take two tenants through their life, in memory
	$(GO) run -tags nocluster ./examples/quickstart

# The control plane is built first, because go test would not show the progress of the build.
test: ## run every test; the first run builds a Kubernetes control plane
	$(GO) run ./internal/testcluster/cmd/testcluster -build
	@test -n "$(RACE)" || echo "No C compiler was found, so the tests run without the race detector."
	$(GO) test $(RACE) -shuffle=on -parallel=$(PARALLEL) -timeout=$(TIMEOUT) $(TESTFLAGS) ./topology/k8s ./... # the longest first
	$(GO) -C internal/differential test -timeout=$(TIMEOUT) $(TESTFLAGS) ./...
	$(GO) -C score/otel test $(RACE) -timeout=$(TIMEOUT) $(TESTFLAGS) ./...

# go test runs one fuzz target at a time.
fuzz: ## run each fuzz target for FUZZTIME (2s)
	@grep -rl '^func Fuzz' --include=*_test.go . | while read -r file; do \
		sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' "$$file" | while read -r target; do \
			echo "$$(dirname "$$file") $$target"; \
			$(GO) test "$$(dirname "$$file")" -run='^$$' -fuzz="^$$target$$" -fuzztime=$(or $(FUZZTIME),2s) || exit 1; \
		done || exit 1; \
	done

lint: $(LINT) ## run golangci-lint, which also checks the layers
	$(LINT) run --allow-parallel-runners ./...

fmt: $(LINT) ## format the code
	$(LINT) fmt ./...

$(LINT): internal/tools/go.mod internal/tools/go.sum
	@echo "Building golangci-lint; the first time this takes some minutes"
	$(GO) build -C internal/tools -o "$(CURDIR)/.cache/bin/" tool
	@touch $@

cluster: ## run a temporary Kubernetes control plane until Ctrl-C
	$(GO) run ./internal/testcluster/cmd/testcluster

cover: ## measure how much of the library the tests cover
	$(GO) run ./internal/testcluster/cmd/testcluster -build
	@mkdir -p .cache
	$(GO) test -timeout=$(TIMEOUT) -coverpkg=$(CORE) -coverprofile=.cache/cover.out $(TESTFLAGS) ./...
	$(GO) tool cover -html=.cache/cover.out -o .cache/cover.html
	@$(GO) tool cover -func=.cache/cover.out | tail -n 1
	@echo "line by line: .cache/cover.html"

# The image must have httpd and nc of BusyBox.
packets: ## test network rules with real pods, on the cluster of KUBECONFIG
	$(GO) run ./internal/packets -image=$(or $(IMAGE),docker.io/library/busybox:1)

# The first two benchmarks take some minutes, the third half an hour.
bench: ## measure the cost of guardrails, proofs and provisioning; takes up to an hour
	$(GO) -C internal/bench run ./guardrails
	$(GO) -C internal/bench run ./isolation
	$(GO) -C internal/bench run ./converge

clean: ## remove .cache and bin; the control plane stays in the user's cache directory
	rm -rf .cache bin

# Daybook's commands, in the order a newcomer meets them.
# Everything runs from .venv, which `make install` fills from requirements.lock.

SHELL := bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
CLIENTS := tests/clients/node_modules/.package-lock.json
TOOLS := .venv/tools/.installed
# Most tests wait more than they work: two at once, a file each, with servers of their own.
WORKERS ?= 2
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadfile

.PHONY: help
help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## Install what is missing into .venv, pinned and hashed

$(STAMP): requirements.lock pyproject.toml $(wildcard shared/pyproject.toml services/*/pyproject.toml deploy/local/pyproject.toml deploy/monitoring/pyproject.toml examples/*/pyproject.toml)
	@deploy/local/install.sh
	@touch $@

.PHONY: run
run: install ## Start everything on this machine: Kafka, MongoDB, services, shop, traffic
	@exec $(BIN)/python -m daybook_local

.PHONY: test
test: install browser clients tools prometheus ## Run the whole suite against a real Kafka and a real MongoDB
	$(PYTEST) -m "not fault" --ignore=tests/browser
	@# Playwright keeps an event loop running in its process.
	$(PYTEST) -m "not fault" tests/browser

.PHONY: test-faults
test-faults: install ## Kill, freeze and restart things under load (minutes)
	$(BIN)/pytest -m fault

.PHONY: lint
lint: install ## Check style and that services never import each other
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: install ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: install ## Check types, strictly, tests included
	$(BIN)/basedpyright

.PHONY: docs
docs: install ## Write docs/events, docs/api, dashboards and alert rules from the code
	$(BIN)/python -m daybook.events.documents docs/events
	$(BIN)/python -m query.documents docs/api
	$(BIN)/python -m daybook_monitoring deploy/monitoring

.PHONY: check
check: lint types test ## What CI runs

.PHONY: bench-ingest
bench-ingest: install ## Measure ingest beside a bare loop over the same events
	$(BIN)/python bench/ingest_throughput.py

.PHONY: bench-tasks
bench-tasks: install ## Measure the task-tracker over tasks of twenty events each
	$(BIN)/python bench/task_folding.py

.PHONY: bench-webhooks
bench-webhooks: install ## Measure deliveries at offered rates, and beside receivers that hang
	$(BIN)/python bench/webhook_deliveries.py

.PHONY: bench-query
bench-query: install ## Measure pages of a million logs and tasks, by filter and depth
	$(BIN)/python bench/query_pages.py

.PHONY: bench-export
bench-export: install ## Measure exports of a million logs beside a bare loop, and browsing
	$(BIN)/python bench/export_throughput.py

.PHONY: browser
browser: ## Install Chromium and curl for the tests when missing and permitted
	@deploy/local/install-browser.sh

.PHONY: prometheus
prometheus: ## Install Prometheus and promtool for the tests when missing and permitted
	@deploy/monitoring/install-prometheus.sh

.PHONY: clients
clients: $(CLIENTS) ## Install the JavaScript clients that tests run, when missing

$(CLIENTS): tests/clients/package-lock.json | $(STAMP)
	@deploy/local/install-clients.sh
	@touch $@

.PHONY: tools
tools: $(TOOLS) ## Install what checks images and manifests, when missing

$(TOOLS): deploy/tools/install.sh deploy/tools/checks.lock deploy/tools/go.lock | $(STAMP)
	@deploy/tools/install.sh
	@touch $@

.PHONY: lock
lock: install ## Resolve anew and write requirements.lock
	$(BIN)/uv lock --upgrade
	@deploy/local/export-lock.sh
	@deploy/tools/lock.sh

.PHONY: clean
clean: ## Remove what was installed and everything that was stored
	rm -rf .venv .daybook tests/clients/node_modules

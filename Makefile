# whybox: two commands to know: `make demo` shows it, `make test` tests it. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help install install-dev demo serve test check lint types contract openapi validate screenshots bench prove calibrate lock clean
SHELL := /bin/sh

PYTHON ?= $(shell sh infra/laptop/find_python.sh)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
SAM := .build/sam/bin/sam

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## create .venv with what whybox needs to run
	@sh infra/laptop/install.sh "$(PYTHON)" $(VENV) requirements/run.txt

install-dev: install ## add what the tests and linters need
	@sh infra/laptop/install.sh "$(PYTHON)" $(VENV) requirements/dev.txt

demo: install ## explain a real table on this machine and show the answer
	@$(BIN)/whybox demo

serve: install ## keep the gateway running: make serve PORT=8000
	@$(BIN)/whybox serve --port $(PORT)

test: install-dev ## run all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: lint types contract test ## what CI runs: lint, types, import contract, tests

lint: install-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: install-dev
	@$(BIN)/mypy

contract: install-dev
	@$(BIN)/lint-imports --config pyproject.toml

openapi: install ## rebuild the checked-in OpenAPI document from the code
	@$(BIN)/python -m whybox.http.openapi

validate: $(SAM) ## sam validate --lint on template.yaml (needs no account)
	@SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

$(SAM):
	@$(PYTHON) -m venv .build/sam && .build/sam/bin/pip install --quiet aws-sam-cli

screenshots: install-dev ## render the pages a person sees in headless Chromium, into .build/screenshots
	@$(BIN)/python tests/screenshots/render.py

bench: install-dev ## time whybox beside its peers, with accuracy: writes docs/reference/benchmarks.md
	@$(BIN)/python -m tests.benchmarks $(BENCH)

prove: install-dev ## the full counts of what make check runs a slice of
	@$(BIN)/python -m tests.benchmarks.interval_coverage

calibrate: install-dev ## measure what work costs on this machine: the cost model's coefficients, and its check
	@$(BIN)/python -m tests.benchmarks.calibrate

lock: ## rewrite the pinned requirement files (the only step that may change a version)
	@$(PYTHON) -m venv .build/lock && .build/lock/bin/pip install --quiet uv
	@cd requirements && for set in "dev core.in science.in local.in dev.in" "run core.in science.in local.in" "core core.in" "science science.in"; do \
	    set -- $$set; name=$$1; shift; limit=; [ $$name = dev ] || limit="--constraint dev.txt"; \
	    ../.build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	        --no-annotate $$limit --output-file $$name.txt "$$@" || exit 1; done

clean: ## remove everything that make made (not .whybox, your data)
	rm -rf $(VENV) .build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

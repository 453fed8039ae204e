# whybox: two commands to know: `make demo` shows it, `make test` tests it. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help install install-dev demo serve test check lint types contract openapi problems validate build trace-imports deploy destroy sam-local sam-local-slice starts screenshots bench prove mutants calibrate lock clean
SHELL := /bin/sh

PYTHON ?= $(shell sh infra/laptop/find_python.sh)
PORT ?= 8000
ARCHITECTURE ?= x86_64
VENV := .venv
BIN := $(VENV)/bin
SAM := .build/sam/bin/sam
SAM_TESTS = -m pytest -p no:cacheprovider --ignore tests/e2e/test_layer_sizes.py
TESTS ?= tests/e2e
# sam wants python3.13 on PATH, the layers' build an interpreter of that version with pip; both find this one
BUILD_ENV = PATH="$(CURDIR)/$(BIN):$$PATH" PYTHON="$(CURDIR)/$(BIN)/python" WHYBOX_ARCHITECTURE=$(ARCHITECTURE) \
    SAM="$(CURDIR)/$(SAM)" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## create .venv with what whybox needs to run
	@sh infra/laptop/install.sh "$(PYTHON)" $(VENV) requirements/run.txt

install-dev: install ## add what the tests and linters need
	@sh infra/laptop/install.sh "$(PYTHON)" $(VENV) requirements/dev.txt

demo: install ## explain a real table on this machine and show the answer
	@$(BIN)/whybox demo

serve: install ## keep the gateway running: make serve PORT=8000
	@$(BIN)/whybox serve --port $(PORT)

test: install-dev ## run all tests but those of the built stack (make sam-local)
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

problems: install ## rebuild the reference page of all problems from the catalogue
	@$(BIN)/python -m whybox.http.problem_reference

validate: $(SAM) ## sam validate --lint on template.yaml (needs no account)
	@SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

build: install-dev $(SAM) ## build functions and layers (ARCHITECTURE=arm64 for the other processor), check their size
	@$(BUILD_ENV) $(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)
	@$(BUILD_ENV) $(BIN)/python -m pytest -q tests/e2e/test_layer_sizes.py

trace-imports: build ## list anew which modules the functions import, after a change of packages (then build again)
	@$(BIN)/python infra/layers/trace_imports.py .aws-sam/build/CoreLayer .aws-sam/build/ScienceLayer

deploy: build ## put the stack into your own AWS account; asks first
	@$(BUILD_ENV) $(SAM) deploy --guided

destroy: $(SAM) ## remove the stack from your AWS account (tables, buckets and the secret stay); asks first
	@$(BUILD_ENV) $(SAM) delete

sam-local: install-dev ## send requests to the built functions in containers, or say that it was skipped; TESTS=path for some
	@sh tests/e2e/sam_local.sh possible $(BIN)/python || exit 0; $(MAKE) build && \
	    $(BUILD_ENV) sh tests/e2e/sam_local.sh run $(BIN)/python $(SAM_TESTS) $(TESTS)

sam-local-slice: ## what CI runs of sam-local: each function answers, and the authorizer is asked
	@$(MAKE) sam-local TESTS="tests/e2e/test_compatible_requests.py -k 'documented or token or charged'"

starts: build ## time starts and requests of the built functions in containers: writes docs/reference/starts.md
	@$(BIN)/python -m tests.e2e.measure_imports
	@$(BUILD_ENV) sh tests/e2e/sam_local.sh run $(BIN)/python -m tests.e2e.measure_page $(REPEATS)

$(SAM):
	@$(PYTHON) -m venv .build/sam && .build/sam/bin/pip install --quiet aws-sam-cli

screenshots: install-dev ## render the pages a person sees in headless Chromium, into .build/screenshots
	@$(BIN)/python tests/screenshots/render.py

bench: install-dev ## time whybox beside its peers, with accuracy: writes docs/reference/benchmarks.md
	@$(BIN)/python -m tests.benchmarks $(BENCH)

prove: install-dev ## try every claim in full (make check runs slices): writes docs/reference/proof.md; PROOF=name for one
	@$(BIN)/python -m tests.proof $(PROOF)

mutants: install-dev ## take each guard away in a copy, and show the test that notices; MUTANT=name for one
	@$(BIN)/python -m tests.mutants $(MUTANT)

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

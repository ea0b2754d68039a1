# The two commands: `make demo` runs the product, `make test` proves it. Both set up what they need.
# Needs Python 3.11 or newer, make and git; everything else comes from the package registries.

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
PYTEST := $(BIN)/python -m pytest
# the two that are left out are written by every build and test of the page
WEB_SOURCES := $(shell find web/src web/public web/scripts -type f ! -name auto-imports.d.ts ! -name components.d.ts 2>/dev/null) web/index.html web/vite.config.ts
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt lint types contracts unit web fuzz fuzz-api bench bench-formats bench-reconcile bench-access migration openapi lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/.synced web/dist/index.html  ## virtual environment, locked packages, built page

.bootstrap/.ready: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 …"; exit 1; }
	@echo "· installing uv"
	@rm -rf .bootstrap
	@if $(PYTHON) -m venv .bootstrap >/dev/null 2>&1; \
		then .bootstrap/bin/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt; \
		elif $(PYTHON) -m pip --version >/dev/null 2>&1; \
		then rm -rf .bootstrap && $(PYTHON) -m pip install --quiet --require-hashes --target .bootstrap -r requirements/bootstrap.txt; \
		else echo "This Python has neither venv nor pip; on Debian and Ubuntu: apt install python3-venv"; exit 1; fi
	@touch $@

.venv/.synced: requirements/dev.txt pyproject.toml | .bootstrap/.ready
	@echo "· installing the locked Python packages"
	@test -x $(BIN)/python || .bootstrap/bin/uv venv --quiet --python $(PYTHON) .venv
	@VIRTUAL_ENV=$(CURDIR)/.venv .bootstrap/bin/uv pip sync --quiet --require-hashes requirements/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/.venv .bootstrap/bin/uv pip install --quiet --no-deps --editable .
	@touch $@

web/node_modules/.synced: web/package-lock.json web/.npmrc | .venv/.synced
	@echo "· installing the locked npm packages"
	@cd web && npm ci --silent
	@touch $@

web/dist/index.html: web/node_modules/.synced $(WEB_SOURCES)
	@echo "· building the page"
	@cd web && npm run --silent build -- --logLevel warn
	@touch $@

demo: setup  ## run the product with a month of a vending network on an embedded database
	@$(BIN)/vhm24r demo $(ARGS)

test: setup check  ## everything: lint, types, contracts, unit, integration and page tests, coverage
	@echo "· unit, integration and page tests"
	@rm -f .coverage .coverage.*
	@$(PYTEST) -q -n $(JOBS) --dist loadgroup --cov --cov-report= $(ARGS)
	@$(BIN)/python -m tests.gates.coverage

check: lint types contracts  ## lint, types and import contracts, Python and page
	@echo "· page: lint, types, unit tests"
	@cd web && npm run --silent lint && npm run --silent types && npm run --silent test -- --reporter=dot

fmt: .venv/.synced  ## format the Python sources
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: .venv/.synced
	@echo "· lint"
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .

types: .venv/.synced  ## strict types
	@echo "· types"
	@$(BIN)/mypy --no-error-summary src tests bench migrations/env.py

contracts: .venv/.synced
	@echo "· import contracts"
	@$(BIN)/lint-imports --no-logo > .venv/contracts.txt 2>&1 || { cat .venv/contracts.txt; exit 1; }

unit: .venv/.synced  ## only the fast tests
	@$(PYTEST) -q -n $(JOBS) -m unit $(ARGS)

web: web/dist/index.html  ## build the page

fuzz: .venv/.synced  ## damaged files against every reader, a minute long: ARGS="--seconds 600 --seed 7"
	@$(BIN)/python -m tests.fuzzing $(ARGS)

fuzz-api: setup  ## Schemathesis over the API as each role: EXAMPLES=50 (see artifacts/fuzzed-api.md)
	@rm -f artifacts/fuzzed-api.md
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),25) $(PYTEST) -q -n $(JOBS) --timeout 3600 tests/security/test_fuzzed_api.py $(ARGS)
	@cat artifacts/fuzzed-api.md

bench: setup  ## benchmarks beside their limits; prints a table
	@$(BIN)/python -m bench.intake $(ARGS)

bench-access: setup  ## coming in and the door of every request: ARGS="--times 2000"
	@$(BIN)/python -m bench.access $(ARGS)

bench-reconcile: setup  ## matching and whole runs on a planted month, beside other ways: ARGS="--orders 20000"
	@$(BIN)/python -m bench.reconcile $(ARGS)
	@$(BIN)/python -m bench.reconcile_runs $(ARGS)

bench-formats: setup  ## every format beside pandas, django-import-export and dlt: ARGS="--million"
	@$(BIN)/python -m bench.formats $(ARGS)

openapi: .venv/.synced  ## write web/openapi.json, the page's typed client and docs/access.md
	@$(BIN)/python -m vhm24r.api.openapi > web/openapi.json.partial && mv web/openapi.json.partial web/openapi.json
	@cd web && npm run --silent api
	@$(BIN)/python -m vhm24r.api.matrix > docs/access.md

migration: .venv/.synced  ## a new migration from the models: make migration NAME="add x"
	@$(BIN)/python -m tests.gates.migration "$(NAME)"

lock: .bootstrap/.ready  ## lock the Python packages again after a change in pyproject.toml
	@.bootstrap/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml -o requirements/app.txt
	@.bootstrap/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml --group dev -o requirements/dev.txt
	@grep -oE '^uv==[0-9.]+' requirements/dev.txt | .bootstrap/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header - -o requirements/bootstrap.txt

clean:  ## remove everything `setup` made
	@rm -rf .venv .bootstrap web/node_modules web/dist

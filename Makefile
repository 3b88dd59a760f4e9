# Everything that a person, or CI, types. `make` alone lists it.
# Needs make and Python 3.11 or newer; the rest is installed under .venv, from pinned and hashed requirements.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Tried in this order; `make PYTHON=/path/to/python3.13 …` names one of your own.
PYTHON ?= python3 python3.13 python3.12 python3.11 python3.14 python
TESTS ?=
SHORT_CHAOS := tests/chaos/test_short.py
# Each of so many processes has its own servers; JOBS=0 runs the tests in one.
JOBS ?= 3
# A file is one process's. Not those with the most tests first: the longest have one, and would be left for the end.
IN_ORDER := --dist=loadfile --no-loadscope-reorder
# Where this is set, each process of the tests, and each program that they start, would compile everything for itself.
unexport PYTHONDONTWRITEBYTECODE

PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

.PHONY: help
help: ## list these commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- What the program does --------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.demo ## run the main job on the sample case and show what became of every delivery
	@$(BIN)/urgentaction demo

.PHONY: run
run: $(VENV)/.demo ## the same, and stay up with the console
	@$(BIN)/urgentaction demo --stay

# --- Working on it ----------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.dev ## install everything that development needs, into .venv

.PHONY: test
test: $(VENV)/.dev ## run the tests (TESTS="tests/unit -k letters" runs some)
	@$(BIN)/pytest --numprocesses=$(JOBS) $(IN_ORDER) $(or $(TESTS),--ignore=tests/browser --ignore=$(SHORT_CHAOS))

.PHONY: short-chaos
short-chaos: $(VENV)/.dev ## a kill of each kind under load, in a minute; `make chaos` is the whole of it
	@$(BIN)/pytest $(SHORT_CHAOS)

.PHONY: browser
browser: $(VENV)/.dev ## look at the public pages in a real browser (needs Chromium); pictures go to var/screenshots
	@$(BIN)/pytest --numprocesses=2 $(IN_ORDER) tests/browser

.PHONY: check
check: format-check lint types imports migrations test short-chaos browser ## what CI runs: format, lint, types, imports, migrations, tests, short chaos, browser

.PHONY: format
format: $(VENV)/.dev ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet . || true

.PHONY: format-check
format-check: $(VENV)/.dev
	@$(BIN)/ruff format --check . || { echo 'Run `make format`.' >&2; exit 1; }

.PHONY: lint
lint: $(VENV)/.dev ## ruff
	@$(BIN)/ruff check .

.PHONY: types
types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.dev ## import-linter: which room may import which
	@$(BIN)/lint-imports

.PHONY: words
words: $(VENV)/.dev ## collect the interface's words and compile their translations (src/urgentaction/conf/locale)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m urgentaction.conf.words

.PHONY: migrations
migrations: $(VENV)/.dev ## is a migration missing?
	@$(BIN)/pytest --quiet tests/architecture/test_migrations.py

.PHONY: chaos
chaos: $(VENV)/.dev ## kill everything in turn, under load, and count what was lost (KILLS=1000 for a night, SEED=7)
	@$(BIN)/python -m tests.chaos.run --kills $(or $(KILLS),100) $(if $(SEED),--seed $(SEED)) --report var/chaos/report.json

.PHONY: bench
bench: $(VENV)/.dev ## run the benchmarks (BENCH="fanout pdf" runs some, BENCH=--quick all with small numbers)
	@$(BIN)/python -m benchmarks $(BENCH)

.PHONY: verapdf
verapdf: $(VENV)/.dev ## ask veraPDF whether our letters are PDF/A-2a and PDF/UA-1 (needs Java and Maven, fetches it)
	@mvn --quiet -f tests/unit/letters/verapdf/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.verapdf
	@URGENTACTION_TEST_VERAPDF=$(CURDIR)/.verapdf $(BIN)/pytest --quiet tests/unit/letters/test_archive.py -k verapdf

.PHONY: audit
audit: $(VENV)/.dev ## look the pinned packages up among the known vulnerabilities (asks the package index)
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements/dev.txt

.PHONY: lock
lock: $(VENV)/.dev ## compile requirements/*.txt from pyproject.toml (LOCK=--upgrade takes newer versions)
	$(COMPILE) $(LOCK) pyproject.toml --all-extras --group dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --all-extras --constraint requirements/dev.txt --output-file requirements/demo.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --output-file requirements/base.txt
	$(COMPILE) --group build --constraint requirements/dev.txt --output-file requirements/build.txt

.PHONY: clean
clean: ## remove .venv, caches and built files; var/ (data, results) stays
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./var -prune -o -type d -name __pycache__ -exec rm -rf {} +

# --- The environment --------------------------------------------------------------------------------------------------

# Two stamps: the demo needs fewer packages than development. Each is renewed when its pins or pyproject.toml change.
$(VENV)/.demo: requirements/demo.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo 'Installing what the demo needs into $(VENV) (the first time this takes about a minute) …'
	@$(PIP_INSTALL) --require-hashes --requirement requirements/build.txt --requirement requirements/demo.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo 'Installing what development needs into $(VENV) (the first time this takes a minute or two) …'
	@$(PIP_INSTALL) --require-hashes --requirement requirements/build.txt --requirement requirements/dev.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@found=; bare=; \
	for candidate in $(PYTHON); do \
	  "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then found=$$candidate; break; fi; \
	  bare=$${bare:-$$candidate}; \
	done; \
	if [ -n "$$found" ]; then \
	  echo "Making $(VENV) with $$($$found --version)"; \
	  exec "$$found" -m venv --clear $(VENV); \
	elif [ -n "$$bare" ]; then \
	  echo "$$bare has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	else \
	  echo "No Python 3.11 or newer found (tried: $(PYTHON)). Install one, or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; \
	fi

# `make` prints what each target does. Set up on a fresh machine: Python 3.11 or newer, and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

# uv finds packages where pip would look beside the registry.
FIND_LINKS := $(foreach place,$(PIP_FIND_LINKS),--find-links "$(place)")

.DEFAULT_GOAL := help
.PHONY: help demo test test-all torture hostile redteam lint typecheck format bench bench-peers evaluate report-screenshot build clean

help:  ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.core  ## install, index the example company, ask it three questions
	@$(BIN)/ragkit demo

test: $(VENV)/.dev  ## install what tests need, run all but the slow tests
	$(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses 8

test-all: $(VENV)/.dev  ## run every test, the slow ones too
	$(BIN)/python -m pytest

torture: $(VENV)/.dev  ## kill, fill, flip and cut: what an index survives, as a table (ten minutes)
	@$(BIN)/python -m tests.torture

lint: $(VENV)/.dev  ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.dev  ## check types, strictly
	$(BIN)/mypy

format: $(VENV)/.dev  ## format the code, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## measure speed and memory, print the figures
	$(BIN)/python -m bench.run

bench-peers: $(VENV)/.dev  ## measure ragkit beside LlamaIndex, LangChain, Haystack and txtai
	$(BIN)/python -m bench.peers $(PEERS)

hostile: $(VENV)/.dev  ## ingest odd files and account for each: a folder (DIR=...), or bombs it makes
	$(BIN)/python -m bench.hostile $(DIR) $(HOSTILE)

redteam: $(VENV)/.dev  ## attack from within documents, against a model that obeys them; print a table
	@$(BIN)/python -m tests.redteam

evaluate: $(VENV)/.core  ## measure retrieval, answers and abstention on the example questions
	@$(BIN)/ragkit ingest examples/company --index .ragkit-demo >/dev/null
	@$(BIN)/ragkit eval answers examples/questions.jsonl --half odd --index .ragkit-demo

report-screenshot: $(VENV)/.dev  ## evaluate the example company, and take docs/report.png of the report in Chromium
	@$(BIN)/python -m bench.report_screenshot

build: $(VENV)/.dev  ## build the source archive and the wheel into dist/
	$(BIN)/python -m build --installer uv

clean:  ## remove the virtual environment and everything that was built
	rm -rf $(VENV) .ragkit-demo dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis

# What is installed is written into stamp files, so that it is done again only after a change.
$(VENV)/.core: $(VENV)/.ready pyproject.toml constraints.txt
	@$(call install,-e .)
	@$(call warm)
	@touch $@

$(VENV)/.dev: $(VENV)/.ready pyproject.toml constraints.txt
	@$(call install,-e '.[dev]')
	@$(call warm)
	@touch $@ $(VENV)/.core

$(VENV)/.ready:
	@command -v $(PYTHON) >/dev/null || { \
		echo "make: '$(PYTHON)' was not found; install Python 3.11 or newer," \
		     "or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1), but ragkit needs 3.11 or newer;" \
		     "name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "make: Python cannot make a virtual environment;" \
		     "on Debian or Ubuntu run: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt uv \
		|| echo "make: uv is not to be had, so pip installs; this takes longer" >&2
	@touch $@

# install ARGS: through uv, and through pip if uv fails for whatever reason.
define install
{ test -x $(BIN)/uv && $(BIN)/uv pip install --quiet --python $(BIN)/python \
	--constraint constraints.txt $(FIND_LINKS) $(1); } \
|| { echo "make: uv did not manage; trying pip" >&2; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--constraint constraints.txt $(1); }
endef

# One quiet run leaves the bytecode of the modules in use: 3 s, where compiling all that is
# installed takes 32 s, and without it every start of a read-only installation compiles again.
define warm
PYTHONDONTWRITEBYTECODE= $(BIN)/ragkit doctor --json >/dev/null 2>&1 || true
endef

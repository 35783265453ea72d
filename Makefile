# make run    sets everything up and runs the server with a demo client and user
# make test   sets everything up and runs the whole test suite
# make check  ruff, mypy, import-linter
# make bench  measures; see docs/performance.md

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PINS := deploy/constraints.txt
PINS_DEV := deploy/constraints-dev.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
PYTEST_ARGS ?=

.PHONY: run test test-long check bench format pins clean peers

run: $(INSTALLED)
	$(BIN)/radiusd serve --demo $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "radiusd needs Python 3.11 or newer; name one with make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "python's venv module does not work; on Debian: apt-get install python3-venv" >&2; exit 1; }

# Everything but radiusd itself is taken in the version, and with the hash, that was tested.
$(INSTALLED): pyproject.toml $(PINS) | $(BIN)/python
	$(PIP) --require-hashes -r $(PINS)
	$(PIP) --no-deps -e .
	@touch $@

$(INSTALLED_DEV): $(PINS_DEV) $(INSTALLED)
	$(PIP) --require-hashes -r $(PINS_DEV)
	@touch $@

# The real peers of tests/interop come from Debian's packages; without root those tests are skipped.
peers:
	@deploy/install-peers

test: $(INSTALLED_DEV) peers
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-long: $(INSTALLED_DEV) peers
	$(BIN)/python -m pytest --long $(PYTEST_ARGS)

check: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED_DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED_DEV)
	$(BIN)/python -m tests.bench.bench $(BENCH_ARGS)

# Versions and hashes of everything that is installed; names no index.
COMPILE := $(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --allow-unsafe --no-annotate \
  --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
pins: $(INSTALLED_DEV)
	$(COMPILE) --extra embedded --output-file=$(PINS) pyproject.toml
	$(COMPILE) --extra embedded --extra dev --constraint $(PINS) --output-file=$(PINS_DEV) pyproject.toml

clean:
	rm -rf $(VENV) build dist

# Each command does all of its own set-up: it needs Python 3.11 or newer, and a C compiler for one of reasoning_gym's parts.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SEEDS ?= 1
OUT ?= runs/demo

.PHONY: demo test lint install
demo: install
	$(BIN)/rfpo demo --seeds $(SEEDS) --out $(OUT)

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check rfpo tests examples

install: $(VENV)/installed

# The gym extra is built from source. Where it cannot be built, one line says so and its tests are skipped.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rfpo needs Python 3.11 or newer; run: make $(MAKECMDGOALS) PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[test]'
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[gym]' || echo 'make: reasoning_gym could not be built (is a C compiler installed?); its tests are skipped.'
	touch $@

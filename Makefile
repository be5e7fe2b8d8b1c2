# Each command does all of its own set-up: it needs Python 3.11 or newer, and a C compiler for one of reasoning_gym's parts.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SEEDS ?= 1
OUT ?= runs/demo
PAIRS ?= 5

.PHONY: demo test bench lint install
demo: install
	$(BIN)/rfpo demo --seeds $(SEEDS) --out $(OUT)

test: install
	$(BIN)/python -m pytest

# A step of TRL and of rfpo in turns, in both of TRL's dresses; the table, and runs/bench/step_time.json beside it.
bench: install
	$(BIN)/python -m benchmarks.step_time --pairs $(PAIRS)

lint: install
	$(BIN)/ruff check rfpo tests examples benchmarks

install: $(VENV)/installed

# The gym extra is built from source. Where it cannot be built, one line says so and its tests are skipped.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rfpo needs Python 3.11 or newer; run: make $(MAKECMDGOALS) PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[test]'
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[gym]' || echo 'make: reasoning_gym could not be built (is a C compiler installed?); its tests are skipped.'
	touch $@

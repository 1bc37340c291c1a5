# Everything sets up its own environment in .venv; Python >= 3.11 and make are all that is needed.
.DELETE_ON_ERROR:
.PHONY: demo test test-fast lint bench bench-peers simulate mutants docs clean

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# The first interpreter that is new enough; PYTHON=... chooses another.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; PYTHON=/path/to/python make ..." >&2; exit 2; }
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 2; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	@$(PY) examples/demo.py

# Tests that measure time and memory run alone.
ALONE := tests/integration/attack

test: $(STAMP)
	@$(PY) -m pytest -n 2 --dist loadfile $(addprefix --ignore=,$(ALONE))
	@$(PY) -m pytest $(ALONE)

# What needs no process, no server and no waiting: seconds, for while one works.
test-fast: $(STAMP)
	@$(PY) -m pytest --hypothesis-profile=fast tests/unit tests/property tests/test_architecture.py

lint: $(STAMP)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m mypy

simulate: $(STAMP)
	@$(PY) -m tests.simulation --seeds 10000

mutants: $(STAMP)
	@$(PY) -m tools.mutants

bench: $(STAMP)
	@$(PY) -m benchmarks

bench-peers: $(STAMP)
	@$(PY) -m benchmarks.peers

docs: $(STAMP)
	@$(PY) -m tools.reference build/docs

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

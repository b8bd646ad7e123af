# make run    a whole login before your eyes        make test   everything the project promises, on the built wheel
# make quick  the tests alone, on the tree          make lint   the style and type checks alone

PYTHON ?= python3
TESTS ?= tests
VENV := .venv/bin
TEST := build/venv/bin
SOURCES := $(shell find -L radius_mfa -type f ! -name '*.pyc') setup.cfg pyproject.toml LICENSE $(wildcard README.md)
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1

.NOTPARALLEL:
.PHONY: run test lint quick fuzz soak bench packages coverage clean python

run: .venv/radius-mfa.stamp
	$(VENV)/radius-mfa demo $(ARGS)

test: packages lint coverage

# `pytest`, not `python -m pytest`: this directory stays off the import path, and the wheel is what is tested.
coverage: build/wheel.stamp build/npm.stamp
	@rm -rf build/coverage && mkdir -p build/coverage
	$(TEST)/pytest --no-header --cov --cov-report= $(ARGS) $(TESTS)
	$(TEST)/coverage report --include='*/radius_mfa/auth/*' --fail-under=100

lint: build/wheel.stamp
	$(TEST)/ruff check --no-cache .
	$(TEST)/ruff format --no-cache --check .
	$(TEST)/mypy
	$(TEST)/lint-imports --no-logo

quick:
	$(VENV)/python -m pytest -q $(ARGS) $(TESTS)

fuzz soak bench: build/wheel.stamp
	$(TEST)/pytest -m $@ --timeout 0 -s $(ARGS) $(TESTS)

packages:
	@tests/install

.venv/radius-mfa.stamp: setup.cfg pyproject.toml | python
	@test -x $(VENV)/python || $(PYTHON) -m venv .venv
	$(PIP) $(VENV)/pip install --quiet --editable .
	@touch $@

build/venv.stamp: setup.cfg | python
	@rm -rf build/venv && mkdir -p build
	$(PYTHON) -m venv build/venv
	$(PIP) $(TEST)/pip install --quiet build
	@touch $@

# setuptools leaves build/lib behind and would put modules that are gone into the next wheel.
build/wheel.stamp: $(SOURCES) build/venv.stamp
	@rm -rf build/lib build/bdist.* build/wheel
	$(PIP) $(TEST)/python -m build --wheel --outdir build/wheel . >build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	$(PIP) $(TEST)/pip install --quiet "$$(echo build/wheel/*.whl)[test]"
	$(PIP) $(TEST)/pip install --quiet --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

build/npm.stamp: tests/daemon/package.json tests/daemon/package-lock.json
	@rm -rf build/npm && mkdir -p build/npm && cp $^ build/npm/
	if command -v npm >/dev/null; then npm ci --prefix build/npm --silent --no-audit --no-fund; fi
	@touch $@

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { printf '%s\n' 'error: python 3.11 or newer is needed' 'hint: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { printf '%s\n' 'error: python has no venv module' 'hint: apt-get install python3-venv' >&2; exit 1; }

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .coverage

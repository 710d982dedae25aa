# Targets for people and for CI. Each one installs what it needs; a second call is quick.
# Every command stands on a line of its own, so that none can hide the failure of another.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Tests start processes by the thousands: where nothing compiled is kept, each compiles all of nbtasks.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
SEED ?= 1
TASKS ?= 10000
COUNT ?= 100000
STORM ?=
# Two test files at a time, each in a process with servers of its own, in the order of conftest.py.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
VENV := .venv
BIN := $(VENV)/bin
NPM := npm --prefix tests/js
STYLUA := tests/js/node_modules/.bin/stylua
LUA := nbtasks/store/lua

# The extras of pyproject.toml that each kind of work needs: one stamp file for each.
EXTRAS_demo := demo
EXTRAS_lab := demo,lab
EXTRAS_test := test
EXTRAS_dev := dev

# The ipykernels that the notebook is held to: their main loops, signals and threads differ.
KERNELS := 6.31 7.1 newest

.PHONY: help demo lab check test test-kernels bench chaos fuzz coverage clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.demo ## run the demo: a server, a worker, some tasks
	@$(BIN)/nbtasks demo

lab: $(VENV)/.lab ## open JupyterLab with the guide and a local worker
	@$(BIN)/nbtasks lab

check: need-redis lint ## lint, types, layers, JS and the quick tests: under 2 minutes
	@echo "== pytest: quick tests"
	@$(BIN)/pytest -q tests/unit tests/fundamentals

test: need-redis need-cc need-browser lint ## everything: what check does, and the whole test suite
	@echo "== pytest: the whole suite"
	@$(BIN)/pytest -q $(SIDE_BY_SIDE)

test-kernels: $(KERNELS:%=kernel-%) ## the tests that need a kernel, with each ipykernel that is held to

bench: $(VENV)/.test ## measure, and compare with the targets
	@$(BIN)/python tests/benchmarks/bench_core.py

chaos: need-redis need-cc $(VENV)/.test ## a storm of faults, SEED=1 TASKS=10000: is any task lost?
	@PYTHONPATH=tests:tests/worker $(BIN)/python -m chaos --seed $(SEED) --tasks $(TASKS) $(STORM)

fuzz: need-redis $(VENV)/.test ## COUNT=100000 changed messages and results: is any accepted?
	@PYTHONPATH=tests $(BIN)/python -m fuzz --count $(COUNT) --seed $(SEED)

coverage: need-redis need-cc need-browser $(VENV)/.test tests/js/node_modules/.stamp ## the whole test suite with branch coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q $(SIDE_BY_SIDE)
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report

clean: ## remove everything that make made
	rm -rf $(VENV) tests/js/node_modules build dist htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	find nbtasks tests -name __pycache__ -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------------- the checks

.PHONY: lint lint-python lint-lua lint-js test-js

lint: lint-python lint-lua lint-js test-js

lint-python: $(VENV)/.dev
	@echo "== ruff"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@echo "== codespell"
	@$(BIN)/codespell
	@echo "== import-linter"
	@$(BIN)/lint-imports --no-logo
	@echo "== mypy, pyright"
	@$(BIN)/pyright & pyright=$$!; $(BIN)/mypy; wait $$pyright

lint-lua: need-lua $(VENV)/.dev tests/js/node_modules/.stamp
	@echo "== luacheck"
	@$(BIN)/python tests/lua/check.py $(LUA)
	@echo "== stylua"
	@$(STYLUA) --check --config-path tests/lua/stylua.toml $(LUA)

lint-js: tests/js/node_modules/.stamp
	@echo "== biome"
	@$(NPM) run --silent lint
	@echo "== tsc"
	@$(NPM) run --silent types

test-js: tests/js/node_modules/.stamp
	@echo "== node --test"
	@$(NPM) run --silent test

.PHONY: $(KERNELS:%=kernel-%)

$(KERNELS:%=kernel-%): kernel-%: need-redis $(VENV)/kernels/%/.stamp
	@echo "== pytest: with ipykernel $*"
	@PYTHONPATH=$(abspath $(VENV)/kernels/$*):$(CURDIR) $(BIN)/pytest -q -m kernel tests/notebook

# -------------------------------------------------------------------------- what they stand on

.PHONY: need-python need-lua need-node need-redis need-cc need-browser

need-python:
	@.ci/need $(PYTHON):python3
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/need ensurepip:python3-venv

need-lua:
	@.ci/need luacheck:lua-check

# 20.19 is the first that takes a .js file with imports for a module without being told.
need-node:
	@.ci/need node:nodejs npm:npm
	@node -e 'process.exit(parseFloat(process.versions.node) < 20.19 ? 1 : 0)' || \
	  { echo "needs Node.js 20.19 or newer, this is $$(node --version)" >&2; exit 1; }

# The tests run against Redis itself; the demo and the guide make do with the server in a wheel.
need-redis:
	@.ci/need redis-server:redis-server

# Tests compile a few lines that make a disk slow.
need-cc:
	@.ci/need cc:gcc /usr/include/dlfcn.h:libc6-dev

need-browser:
	@.ci/need chromium,chromium-browser,google-chrome:chromium \
	  /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core

# pip before 25.1 does not know all of what pyproject.toml may say.
$(VENV)/.made: | need-python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "needs Python 3.11 or newer, this is $$($(PYTHON) --version): make PYTHON=..." >&2; exit 1; }
	@echo "== $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade pip
	@touch $@

$(VENV)/.%: pyproject.toml | $(VENV)/.made
	@echo "== pip install nbtasks[$(EXTRAS_$*)]"
	@$(BIN)/python -m pip install -qq --editable ".[$(EXTRAS_$*)]"
	@touch $@

# Another ipykernel lies over the one of the environment: what is in PYTHONPATH comes first.
$(VENV)/kernels/%/.stamp: $(VENV)/.test
	@echo "== pip install ipykernel $*"
	@$(BIN)/python -m pip install -qq --upgrade --no-deps --target $(@D) \
	  $(if $(filter newest,$*),ipykernel,'ipykernel==$*.*')
	@touch $@

tests/js/node_modules/.stamp: tests/js/package.json | need-node
	@echo "== npm install"
	@$(NPM) install --loglevel=error --no-package-lock --no-audit --no-fund
	@touch $@

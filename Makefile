# The commands of a person and of CI. `make up` and `make test` are the two to know; `make help` lists the rest.
# Everything runs in .venv, installed from requirements/dev.lock, and needs no activation.

PYTHON := .venv/bin/python
BIN := .venv/bin
# One failed step must not stop revocations: the engine skips every delete after a failure without this (docs/how-it-works.md).
export PULUMI_CONTINUE_ON_ERROR := true

.DEFAULT_GOAL := help
# A recipe that fails leaves no half-made stamp behind.
.DELETE_ON_ERROR:
# Two at once would build the same parts twice; and the order of `check` and `test` is what people read.
.NOTPARALLEL:

.PHONY: help setup compiled up preview down clean check test test-unit insider bench lock

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {gsub(/[$$][$$]/, "$$", $$2); printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nvariables:\n'
	@printf '  %-28s %s\n' \
		AMBIENT_SANDBOX_KUBECONFIG 'make up: use the cluster of this kubeconfig, which has the platform, instead of starting one' \
		AMBIENT_CACHE_DIR 'where built programs are kept (default: ~/.cache/ambient-components)' \
		BASE_PYTHON 'the Python 3.11 or newer that .venv is made of (default: python3.13, 3.12, 3.11 or python3)' \
		ARGS 'make test, make test-unit: further arguments of pytest, such as ARGS="-k rotation -x"' \
		WORKERS 'make test, make test-unit: how many processes share the tests (default: one a core, four at most)'

setup: .venv/.installed ## Make .venv from requirements/dev.lock (done by every other command)

# Everything to stderr, as the output of `make env` is read by a shell. With uv where it is there: seconds, not a minute.
.venv/.installed: requirements/dev.lock requirements/policy.lock pyproject.toml
	@{ set -e; \
	uv=$$(command -v uv || true); \
	if ! $(PYTHON) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		base=; for candidate in $(or $(BASE_PYTHON),python3.13 python3.12 python3.11 python3); do \
			if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
				base=$$(command -v "$$candidate"); break; \
			fi; \
		done; \
		if [ -z "$$base" ]; then \
			echo 'Python 3.11 or newer is needed. Install it, or name it: make setup BASE_PYTHON=/path/to/python3'; exit 1; \
		fi; \
		echo "Making .venv with $$("$$base" --version)"; \
		if [ -n "$$uv" ]; then "$$uv" venv --quiet --clear --seed --python "$$base" .venv; \
		else "$$base" -m venv --clear .venv; fi; \
	fi; \
	echo 'Installing requirements/dev.lock into .venv (a minute or two the first time)'; \
	if [ -n "$$uv" ]; then \
		"$$uv" pip install --quiet --compile-bytecode --python $(PYTHON) --require-hashes -r requirements/dev.lock; \
		"$$uv" pip install --quiet --python $(PYTHON) --require-hashes --no-deps -r requirements/policy.lock; \
		"$$uv" pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .; \
	else \
		$(PYTHON) -m pip install $(PIP_FLAGS) --require-hashes -r requirements/dev.lock; \
		$(PYTHON) -m pip install $(PIP_FLAGS) --require-hashes --no-deps -r requirements/policy.lock; \
		$(PYTHON) -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .; \
	fi; \
	touch $@; } >&2

PIP_FLAGS := --quiet --disable-pip-version-check --no-input

up: compiled ## Start the sandbox, deploy the stack dev, show its workspaces and keys
	@$(PYTHON) -m sandbox up

# Every run of the engine starts three Pythons. Where PYTHONDONTWRITEBYTECODE is set, each would compile us anew.
compiled: setup
	@$(PYTHON) -m compileall -q ambient_components sandbox

preview: setup ## Show what `make up` would change
	@$(PYTHON) -m sandbox preview

down: setup ## Destroy the stack dev and stop the sandbox; its data stays
	@$(PYTHON) -m sandbox down

clean: setup ## Stop the sandbox and delete its data; .venv and the built programs stay
	@$(PYTHON) -m sandbox clean

check: setup ## Lint, formatting, types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# More than four would wait for the one of them that has a real token to end (tests/support/workers.py).
WORKERS ?= auto
_WORKERS := -n $(WORKERS) --maxprocesses 4

test: compiled sandbox-build ## All tests: unit, program, golden, engine
	$(PYTHON) -m pytest $(_WORKERS) tests/unit tests/program tests/golden tests/engine $(ARGS)

test-unit: compiled ## The tests that need no engine: a minute or two
	$(PYTHON) -m pytest $(_WORKERS) tests/unit tests/program tests/golden $(ARGS)

insider: compiled sandbox-build ## Attack the sandbox as a workspace user would, and print what held
	$(PYTHON) -m pytest tests/engine/insider --no-header -q $(ARGS)

bench: compiled sandbox-build ## Measure 10, 100 and 1,000 workspaces; writes docs/performance.md: half an hour
	$(PYTHON) -m bench --write

lock: ## Write the locks anew from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv: https://docs.astral.sh/uv/' >&2; exit 1; }
	uv pip compile pyproject.toml --group build $(LOCK_FLAGS) -o requirements/run.lock
	uv pip compile pyproject.toml --group dev $(LOCK_FLAGS) -o requirements/dev.lock
	uv pip compile --group policy --no-deps $(LOCK_FLAGS) -o requirements/policy.lock

# No address of an index in the files: pip asks the one that its user has set up.
LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

include sandbox.mk

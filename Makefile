# Commands for developers and CI. Start with `make up` and `make test`; `make help` lists the others.
# Everything runs in .venv, without activation. It is installed from requirements/dev.lock, for `demo` alone from RUN_LOCK.

PYTHON := .venv/bin/python
BIN := .venv/bin
# What a stack needs. `ambient init` writes it into projects, so it is a part of the package.
RUN_LOCK := ambient_components/templates/project/requirements.lock
# Without this the engine skips all deletes after a failure, which would stop revocations (docs/concepts/how-it-works.md).
export PULUMI_CONTINUE_ON_ERROR := true

.DEFAULT_GOAL := help
# A failed recipe must not leave an incomplete stamp file.
.DELETE_ON_ERROR:
# Parallel recipes would build the same parts twice, and mix the output of `check` and `test`.
.NOTPARALLEL:

.PHONY: help setup demo compiled up preview down clean check site test test-unit test-all test-guarded test-nodes conformance evidence insider bench sdks release lock

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {gsub(/[$$][$$]/, "$$", $$2); printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nvariables:\n'
	@printf '  %-28s %s\n' \
		AMBIENT_SANDBOX_KUBECONFIG 'make up: use the cluster of this kubeconfig, which must have the platform' \
		AMBIENT_CACHE_DIR 'cache of downloaded and built programs (default: ~/.cache/ambient-components)' \
		AMBIENT_MIRROR 'URL or folder to download programs from, by host and path (docs/internals/sandbox.md)' \
		AMBIENT_OFFLINE '1: after make setup, no network: only what is installed, in the cache or in Go'"'"'s module cache' \
		AMBIENT_BUILD '1: build programs instead of downloading them' \
		BASE_PYTHON 'Python 3.11 or newer for .venv (default: python3.13, 3.12, 3.11 or python3)' \
		ARGS 'make test, test-unit, test-all: arguments for pytest, such as ARGS="-k rotation -x"' \
		WORKERS 'make test, test-unit, test-all: number of processes (default: one more than cores, at most four)'

setup: .venv/.installed ## Create .venv from requirements/dev.lock (done by every command but demo)

demo: $(if $(wildcard .venv/.installed),setup,.venv/.demo) ## Validate, plan and report with Python alone: no engine, no cluster (two minutes)
	@sh examples/demo/demo.sh

# All output goes to stderr, because a shell reads the output of `make env`. uv takes seconds instead of a minute.
.venv/.installed: requirements/dev.lock pyproject.toml
	@{ $(call install,requirements/dev.lock,a minute or two the first time on an idle machine) touch $@; } >&2

# For `make demo` alone: what the package needs, without tests and checks. `make setup` adds these.
.venv/.demo: $(RUN_LOCK) pyproject.toml
	@{ $(call install,$(RUN_LOCK),a minute the first time on an idle machine) touch $@; } >&2

# Make .venv, unless it is there, and install a lock file and this package. Arguments: the lock file; its time.
define install
set -e; $(lock); \
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
	echo 'Installing $(1) into .venv ($(2))'; $(beat); \
	if [ -n "$$uv" ]; then \
		"$$uv" pip install --quiet --compile-bytecode --python $(PYTHON) --require-hashes -r $(1); \
		"$$uv" pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .; \
	else \
		$(PYTHON) -m pip install $(PIP_FLAGS) --require-hashes -r $(1); \
		$(PYTHON) -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .; \
	fi;
endef

# One make at a time writes .venv, where flock exists (not on macOS). The kernel releases the lock of a killed make,
# which is on a file that is there anyway. After waiting, there may be nothing left to do.
define lock
exec 9<Makefile; if command -v flock >/dev/null && ! flock -n 9; then \
		echo 'Another make is installing into .venv: waiting for it'; flock 9 || true; \
		if [ -e $@ ] && [ -z "$$(find $^ -newer $@)" ]; then exit 0; fi; \
	fi
endef

# A line every 8 s until the recipe ends. Without the lock, and for a second at most after that.
define beat
( n=0; while sleep 1; do n=$$((n + 1)); [ $$((n % 8)) -ne 0 ] || echo "  still at it after $$n s"; done ) 9>&- & trap "kill $$!" EXIT
endef

PIP_FLAGS := --quiet --disable-pip-version-check --no-input

up: compiled ## Start the sandbox, deploy the stack dev and show its workspaces and keys
	@$(PYTHON) -m sandbox up

# Each engine run starts three Python processes, and with PYTHONDONTWRITEBYTECODE each would compile the package.
compiled: setup
	@{ $(beat); $(PYTHON) -m compileall -q ambient_components sandbox; } >&2

preview: setup ## Show what `make up` would change
	@$(PYTHON) -m sandbox preview

down: setup ## Destroy the stack dev and stop the sandbox; its data stays
	@$(PYTHON) -m sandbox down

clean: setup ## Stop the sandbox and delete its data; .venv and the cache stay
	@$(PYTHON) -m sandbox clean

check: setup $(if $(shell command -v go),$(BIN)/actionlint) ## Lint, formatting, types, import rules, size, workflows, Dockerfile, the documentation's site
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@for folder in $(sort $(dir $(wildcard examples/*/*.py))); do \
		echo "mypy $$folder"; \
		(cd $$folder && MYPYPATH=../.. ../../$(BIN)/mypy --strict --allow-untyped-decorators --cache-dir ../../.mypy_cache .) || exit 1; \
	done
	$(BIN)/basedpyright --level error
	$(BIN)/lint-imports
	@$(PYTHON) -m tests.support.size
	$(MKDOCS)
	$(BIN)/zizmor --offline --no-config --strict-collection --no-progress --quiet $(WORKFLOWS)
	$(BIN)/hadolint Dockerfile
	@if [ -x $(BIN)/actionlint ]; then set -x; $(BIN)/actionlint -shellcheck= -pyflakes= $(WORKFLOWS); \
	else echo 'actionlint is left out: it is built with Go, which is not installed'; fi

site: setup ## Build the documentation into build/site/VERSION, which needs no server and no network
	@version=$$($(BIN)/ambient --version | cut -d' ' -f2); \
	SITE_NAME="ambient-components $$version" $(MKDOCS) --site-dir "build/site/$$version" && \
	echo "build/site/$$version/index.html"

# The theme warns of MkDocs 2 on every run; mkdocs.yml has the reason for this version. With --quiet, --strict sees no
# warnings.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Those of the project, and those that users copy.
WORKFLOWS = $(shell git ls-files '*.github/workflows/*')

# No Python package contains it.
$(BIN)/actionlint: requirements/go.mod requirements/go.sum | setup
	@echo 'Building actionlint' >&2
	@cd requirements && go build -o ../$@ github.com/rhysd/actionlint/cmd/actionlint

# More than four would wait for the one with the tests of real tokens (tests/support/workers.py).
WORKERS ?= auto
_WORKERS := -n $(WORKERS) --maxprocesses 4

# With PYTHONDONTWRITEBYTECODE each worker would compile all test files in each run.
_PYTEST := PYTHONDONTWRITEBYTECODE= $(PYTHON) -m pytest $(_WORKERS)
_UNIT := tests/unit tests/program tests/golden

test: compiled sandbox-build ## Unit, program, golden and engine tests, without the slow ones
	$(_PYTEST) --quick $(_UNIT) tests/engine tests/evidence $(ARGS)

test-unit: compiled ## Tests without an engine, without the slow ones
	$(_PYTEST) --quick $(_UNIT) $(ARGS)

test-all: compiled sandbox-build ## All tests: also the slow ones, and all examples of property tests
	$(_PYTEST) $(_UNIT) tests/engine tests/evidence $(ARGS)

# The deployer's work, which the guard must not stop.
_GUARDED := access_follows access_in_the_cluster closing_platform conformance dated_grants destroy drift_access \
	drift_secrets drift_settings first_run grants_cli keys_acting keys_adopting keys_cli keys_delivery keys_identity \
	life_adopting life_closing life_releasing operator schedules secrets settings tokens

test-guarded: compiled sandbox-build ## The deployer's engine tests, with the guard in every workspace
	$(_PYTEST) --guard-floor $(_GUARDED:%=tests/engine/test_%.py) $(ARGS)

test-nodes: compiled sandbox-build ## Tests on three nodes of this machine, where pods run (Linux, root)
	PYTHONDONTWRITEBYTECODE= $(PYTHON) -m pytest -n0 tests/nodes $(ARGS)

conformance: compiled sandbox-build ## Tests beside the platform's own programs (AMBIENT_PLATFORM_DIR); their result goes into docs/internals/evidence-figures.md
	$(_PYTEST) -m platform --record-platform tests/engine tests/evidence $(ARGS)

evidence: compiled sandbox-build ## Test every transition, fault and history, and write docs/internals/evidence-figures.md (23 minutes)
	$(PYTHON) -m tests.support.evidence_page $(_WORKERS) $(ARGS)

insider: compiled sandbox-build ## Attack the sandbox as a workspace user, and print the results
	$(PYTHON) -m pytest tests/engine/insider --no-header -q $(ARGS)

bench: compiled sandbox-build ## Measure 10, 100 and 1,000 workspaces and write docs/internals/performance-figures.md (half an hour)
	$(PYTHON) -m bench $(or $(ARGS),--write)

sdks: setup ## Write the SDKs of all languages into build/sdks
	@$(PYTHON) -m release.sdks

release: setup ## Build the release of the last commit into dist/: packages, checksums, SBOM, notes
	@$(PYTHON) -m release $(ARGS)

lock: ## Update the lock files from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv: https://docs.astral.sh/uv/' >&2; exit 1; }
	uv pip compile pyproject.toml --group build $(LOCK_EXTRAS) $(LOCK_FLAGS) -o $(RUN_LOCK)
	uv pip compile pyproject.toml --group dev $(LOCK_EXTRAS) $(LOCK_FLAGS) -o requirements/dev.lock

# Not aws, which is large: the tests have it in their group.
LOCK_EXTRAS := --extra s3 --extra minio

# No index URL in the files, so pip uses the one that the user has configured.
LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

include sandbox.mk

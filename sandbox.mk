# The sandbox: a real engine and a real API server on this machine. Included by the Makefile, which sets PYTHON to the
# virtual environment's interpreter and makes that a prerequisite where it is missing.
PYTHON ?= .venv/bin/python

.PHONY: sandbox-build sandbox-start sandbox-stop sandbox-status sandbox-clean env

sandbox-build: ## Find or build the sandbox's programs (once: a quarter of an hour)
	@$(PYTHON) -m sandbox build

sandbox-start: ## Start the sandbox's API server
	@$(PYTHON) -m sandbox start

sandbox-stop: ## Stop it; its data stays
	@$(PYTHON) -m sandbox stop

sandbox-status: ## Say what runs
	@$(PYTHON) -m sandbox status

sandbox-clean: ## Stop it and delete its data (never the built programs)
	@$(PYTHON) -m sandbox clean

env: ## Print export lines: eval "$$(make -s env)"
	@$(PYTHON) -m sandbox env

# The sandbox: a real engine, API server and object store on this machine. Included by the Makefile, which has PYTHON,
# the interpreter of the virtual environment, and `setup`, which makes that.

.PHONY: sandbox-build sandbox-start sandbox-stop sandbox-status sandbox-clean env

sandbox-build: setup ## Find or build the sandbox's programs (once: a quarter of an hour)
	@$(PYTHON) -m sandbox build

sandbox-start: setup ## Start the sandbox's API server and object store
	@$(PYTHON) -m sandbox start

sandbox-stop: setup ## Stop them; their data stays
	@$(PYTHON) -m sandbox stop

sandbox-status: setup ## Say what runs, and where
	@$(PYTHON) -m sandbox status

sandbox-clean: setup ## Stop it and delete its data (never the built programs)
	@$(PYTHON) -m sandbox clean

env: setup ## Print export lines: eval "$$(make -s env)"
	@$(PYTHON) -m sandbox env

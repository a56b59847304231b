# The sandbox: a real engine, API server and object store on this machine. Included by the Makefile, which defines
# PYTHON (the interpreter of the virtual environment) and `setup`.

.PHONY: nodes sandbox-build sandbox-start sandbox-stop sandbox-status sandbox-clean env

sandbox-build: setup ## Find, download or build the sandbox's programs (once)
	@$(PYTHON) -m sandbox build

sandbox-start: setup ## Start the sandbox's API server and object store
	@$(PYTHON) -m sandbox start

nodes: compiled ## Start the sandbox with three nodes on this machine, where pods run (Linux, root)
	@$(PYTHON) -m sandbox nodes

sandbox-stop: setup ## Stop the sandbox; its data stays
	@$(PYTHON) -m sandbox stop

sandbox-status: setup ## Show what runs, and where
	@$(PYTHON) -m sandbox status

sandbox-clean: setup ## Stop the sandbox and delete its data; downloaded and built programs stay
	@$(PYTHON) -m sandbox clean

env: setup ## Print export lines: eval "$$(make -s env)"
	@$(PYTHON) -m sandbox env

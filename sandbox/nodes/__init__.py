"""Three nodes on this machine, beside the sandbox's API server, so that pods run. Linux and root only."""

"""`ambient adopt`: existing workspaces of a cluster as YAML."""

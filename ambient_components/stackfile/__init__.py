"""The stack file: YAML to frozen models, all problems with line and column."""

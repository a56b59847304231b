"""The stacks of a project: their files, their states, and what both say."""

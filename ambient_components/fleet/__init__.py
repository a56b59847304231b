"""Many stacks of one file: run side by side, planned and summarised as one."""

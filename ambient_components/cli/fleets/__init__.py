"""Many stacks as one: running shards in parallel, showing progress, and finding shards without changes."""

"""Many stacks as one: shards in processes side by side, what is told of them, and which of them have nothing to do."""

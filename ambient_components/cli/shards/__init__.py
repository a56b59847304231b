"""`ambient shards`."""

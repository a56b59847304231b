"""The object store: the connection, and the users of buckets through one of two APIs."""

"""The object store as the plugin sees it: the connection, and who may use a bucket, by one of two APIs."""

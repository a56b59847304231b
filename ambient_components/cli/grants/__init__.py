"""`ambient grants`: list grants, and add or revoke them in the stack's files."""

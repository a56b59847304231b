"""`ambient grants`: list grants, and revoke them in the stack's files."""

"""The access ledger of a stack: preflight checks, guardrails, and the ends of access."""

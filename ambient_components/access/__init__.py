"""Access computed from declarations: a stack's ledger, its guardrails, and the deployer's own rights."""

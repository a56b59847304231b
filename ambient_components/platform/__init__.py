"""The platform's contract: names, labels, annotations, roles and limits (docs/internals/platform-contract.md)."""

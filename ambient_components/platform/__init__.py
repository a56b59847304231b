"""The platform's contract: names, labels, annotations, roles and limits, each from docs/platform-contract.md."""

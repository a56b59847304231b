"""Escalation paths: roles that subjects can reach in a workspace beyond their grants, computed from a ledger. Pure.

The paths follow from the platform's own roles (contract 5). Each was tested on a real API server, both where it works
and where it does not (tests/engine/test_escalation.py). A path says what is possible, not that it happened. Only
declared access is known: a ledger does not contain access that was granted by hand.
"""

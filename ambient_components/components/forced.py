"""Whose word counts where two have written one field of an object."""

from typing import Final

FORCED: Final = {"pulumi.com/patchForce": "true"}
"""Annotation by which server-side apply takes a field from another field manager instead of failing.

For what others write too (the operator labels, the backend renames), and after a lost state, when the fields belong to
the stack that was (tried). The namespace is ours by then: the ledger's check has seen to that. An annotation, since
the provider's own setting for it works with later plugins only.
"""

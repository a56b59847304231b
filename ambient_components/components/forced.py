"""The annotation that resolves conflicts between field managers."""

from typing import Final

FORCED: Final = {"pulumi.com/patchForce": "true"}
"""Annotation that makes server-side apply take a field from another field manager instead of failing.

Needed for fields that others write too (the operator labels, the backend renames), and after a lost state, when the
fields belong to the previous stack (tested). The ledger's check has confirmed the ownership of the namespace by then.
An annotation, because the provider's own setting works only with later plugins.
"""

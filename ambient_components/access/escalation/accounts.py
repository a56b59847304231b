"""Subjects that are ServiceAccounts, in all notations: who can mint tokens in their namespace can act as them."""

from typing import Final

_ACCOUNT: Final = "serviceaccount:"
_USER: Final = "user:system:serviceaccount:"
_GROUP: Final = "group:system:serviceaccounts:"


def home_of(subject: str) -> str | None:
    """Return the namespace of a subject's ServiceAccounts; None for other subjects and for all ServiceAccounts.

    Kubernetes names them `system:serviceaccount:NAMESPACE:NAME`, and adds each to the group
    `system:serviceaccounts:NAMESPACE`.

    Args:
        subject: Subject in the ledger's notation.
    """
    for prefix in (_ACCOUNT, _USER, _GROUP):
        if subject.startswith(prefix):
            return subject.removeprefix(prefix).split(":", 1)[0] or None
    return None

"""Subjects that are ServiceAccounts, in every spelling: whoever may mint tokens in their namespace can be them."""

from typing import Final

_ACCOUNT: Final = "serviceaccount:"
_USER: Final = "user:system:serviceaccount:"
_GROUP: Final = "group:system:serviceaccounts:"


def home_of(subject: str) -> str | None:
    """The namespace of a subject's ServiceAccounts; None, where it is none, or where it is all there are.

    Kubernetes names them `system:serviceaccount:NAMESPACE:NAME`, and gives each the group
    `system:serviceaccounts:NAMESPACE`.

    Args:
        subject: as a ledger has it.
    """
    for prefix in (_ACCOUNT, _USER, _GROUP):
        if subject.startswith(prefix):
            return subject.removeprefix(prefix).split(":", 1)[0] or None
    return None

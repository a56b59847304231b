"""Accounts of a MinIO: a user with one policy, and access keys of that user, through MinIO's admin API.

An access key of MinIO ("service account") belongs to a user, and this driver creates a user for each account. Keys of
the admin itself, restricted by a policy in the key, would need fewer objects but give access to the whole store: such a
key may list and delete all others of its user, whatever its policy; a change of only its name or expiry removes the
policy; and before RELEASE.2025-10-15 a key can create another one without a policy. (MinIO's
``cmd/admin-handlers-users.go``: InfoServiceAccount, DeleteServiceAccount; ``cmd/iam-store.go``: UpdateServiceAccount;
``cmd/iam.go``: isAllowedBySessionPolicy.)

Only the user and the policy have the account's name. MinIO has no tags for users, so the ownership annotation is the id
of the policy's document, which is created first, and part of each key's description; the creating request sets both.
The user's own secret is discarded. Requires MinIO from RELEASE.2023-05-18: before, keys have no description.

Tried with MinIO's server as of 2026-02-12 (Go module v0.0.0-20260212201848-7aac2a2c5b7c), by hand.
"""

import secrets
import string
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import (
    MAX_KEYS,
    Account,
    AccountState,
    LiveKey,
    NewKey,
    require_ours,
    user_gone,
)
from ambient_components.provider.store.errors import BusyError, LostError, RefusedError
from ambient_components.provider.store.minio_existing import (
    Existing,
    Key,
    description_of,
    document_of,
    end_of,
    owner_annotation_of,
)
from ambient_components.rotation.state import format_time

if TYPE_CHECKING:
    from ambient_components.provider.store.minio_client import MinioClient

SHORTEST: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(days=365)
"""Lifetimes that MinIO accepts for a key with an expiry (``cmd/iam-store.go``)."""

_MARGIN: Final = timedelta(minutes=15)
"""Difference between the store's clock and this machine's that MinIO allows."""
_KEY_NAME: Final = "ambient-components"
_RELEASED: Final = f"{_KEY_NAME}: released"
_HINT: Final = "or remove the user (mc admin user rm, mc admin policy rm)"


class MinioAccounts:
    def __init__(self, client: "MinioClient") -> None:
        """Use a client with the access key of root, or of a user with MinIO's policy consoleAdmin."""
        self._client = client

    def __repr__(self) -> str:
        return f"MinioAccounts({self._client!r})"

    def look(self, account: Account, recorded: Collection[str]) -> AccountState | None:
        """See `Accounts.look`.

        A disabled user has no rights, so the policy is None. MinIO does not report creation times: those of this tool's
        keys are in their descriptions, by this machine's clock; for keys created by hand it is the year
        1970.
        """
        existing = self._find(account)
        if not existing.there:
            return None
        keys = [
            LiveKey(key.id, key.active, key.issued_at, ours=key.id in recorded or key.is_of(account))
            for key in existing.keys
        ]
        return AccountState(
            owner=existing.owner,
            policy=existing.rights(account),
            keys=tuple(sorted(keys, key=lambda key: (key.issued_at, key.id))),
            widened=existing.widened(account),
        )

    def ensure(self, account: Account, policy: Mapping[str, Any]) -> None:
        existing = self._find(account)
        if existing.there:
            require_ours(account, existing.owner, _HINT)
        client, name = self._client, account.name
        if not existing.says(account, policy):
            client.put_policy(name, document_of(account, policy))
        if existing.user is None:
            client.add_user(name, _new_secret())
        elif not existing.enabled:
            client.enable_user(name)
        if existing.policies != [name]:
            client.give_policy(name, name)
        for group in existing.groups:
            client.leave_group(group, name)

    def mint(self, account: Account, policy: Mapping[str, Any], expires_at: datetime | None) -> NewKey:  # noqa: ARG002
        """See `Accounts.mint`. A key has the rights of its user, so the policy is ignored.

        An expiry that MinIO rejects is changed to the nearest accepted one: 15 minutes to 365 days from now.
        """
        existing = self._find(account)
        if existing.user is None:
            raise user_gone(account)
        require_ours(account, existing.owner, _HINT)
        minted = [key.id for key in existing.keys if key.is_of(account)]
        if len(minted) >= MAX_KEYS:
            msg = (
                f"the object store's user {account.name!r} has {len(minted)} keys ({', '.join(minted)}): end one first"
            )
            raise StepError(msg)
        client = self._client
        now = _now()
        key_id, secret = _new_id(), _new_secret()
        fields = {"name": _KEY_NAME, "description": description_of(account, now)}
        if expires_at is not None:
            fields["expiration"] = format_time(_within(expires_at, now))
        try:
            made: Mapping[str, Any] = client.add_key(account.name, key_id, secret, fields)
        except (LostError, BusyError) as error:
            made = self._made(key_id, error)
        except RefusedError as error:
            # The first attempt was executed although its response was a rejection.
            if error.code != "XMinioIAMServiceAccountNotAllowed":
                raise
            made = self._made(key_id, error)
        return NewKey(key_id, secret, now, end_of(made))

    def revoke(self, account: Account, key_id: str) -> None:
        _refuse_keys_only(account)
        client = self._client
        key = client.key(key_id)
        if key is None:
            return
        if key.get("parentUser") != account.name:
            msg = f"the object store's key {key_id} is not one of the user {account.name!r}: it is left alone"
            raise StepError(msg)
        client.remove_key(key_id)

    def set_owner(self, account: Account, recorded: Collection[str]) -> None:
        """See `Accounts.set_owner`. The time in a key's description is updated; its issue time is recorded."""
        existing = self._find(account)
        if existing.document is None:
            return
        if existing.owner is not None:
            require_ours(account, existing.owner, _HINT)
        client = self._client
        for key in existing.keys:
            if key.id in recorded and not key.is_of(account):
                client.describe_key(key.id, description_of(account, _now()))
        if existing.owner is None:
            client.put_policy(account.name, {**existing.document, "ID": owner_annotation_of(account)})

    def settle(self, account: Account, recorded: Collection[str]) -> None:
        """See `Accounts.settle`. Nothing to do: each key contains its owner."""

    def clear_owner(self, account: Account) -> None:
        """See `Accounts.clear_owner`. MinIO cannot clear a description, so it becomes `released`."""
        existing = self._find(account)
        if existing.owner is None:
            return
        require_ours(account, existing.owner, _HINT)
        client = self._client
        for key in existing.keys:
            if key.is_of(account):
                client.describe_key(key.id, _RELEASED)
        # Last, because it identifies the owner of the others.
        if existing.document is not None:
            client.put_policy(account.name, {name: value for name, value in existing.document.items() if name != "ID"})

    def remove(self, account: Account) -> None:
        existing = self._find(account)
        if not existing.there:
            return
        require_ours(account, existing.owner, _HINT)
        client = self._client
        # MinIO deletes keys with their user, but hides failures; a recreated user would have those keys.
        for key in existing.keys:
            client.remove_key(key.id)
        if existing.user is not None:
            client.remove_user(account.name)
        # Last, because it has the ownership annotation.
        client.remove_policy(account.name)

    def _made(self, key_id: str, error: StepError) -> Mapping[str, Any]:
        """Return the key that a request without a response may have created."""
        try:
            made = self._client.key(key_id)
        except StepError:
            msg = f"it is not known whether a key was made: {error.problem.sentence}"
            raise StepError(msg, error.problem.hints, "run again, which finds it and ends it") from None
        if made is None:
            raise error
        return made

    def _find(self, account: Account) -> Existing:
        _refuse_keys_only(account)
        client = self._client
        user = client.user(account.name)
        document = client.policy(account.name)
        keys = client.keys(account.name) if user is not None else []
        return Existing(user, document, tuple(Key.of(key, _now()) for key in keys))


def _refuse_keys_only(account: Account) -> None:
    if account.keys_only:
        msg = "only AWS's IAM has keys on a user that is made elsewhere (driver: aws): say credentials: iam"
        raise StepError(msg)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _within(expires_at: datetime, now: datetime) -> datetime:
    return min(max(expires_at, now + SHORTEST + _MARGIN), now + LONGEST - _MARGIN)


def _new_id() -> str:
    """Return an access key id like MinIO's, with a letter first: YAML reads digits around an E as a number."""
    rest = string.ascii_uppercase + string.digits
    return secrets.choice(string.ascii_uppercase) + "".join(secrets.choice(rest) for _ in range(19))


def _new_secret() -> str:
    """Return a secret of MinIO's maximum length, without characters that need quoting."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))

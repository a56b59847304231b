"""Accounts through AWS's IAM API, of AWS or a compatible store: a user, its only inline policy, and its access keys.

Stores support different parts of that API. Users, inline policies and access keys are required; without tags of users,
managed policies or groups, these are skipped.
"""

import json
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ambient_components.errors import StepError
from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.provider.store.accounts import (
    KEYS_TAG,
    MAX_KEYS,
    Account,
    AccountState,
    LiveKey,
    NewKey,
    Note,
    require_ours,
    user_gone,
)
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import BusyError, LostError, RefusedError, unless_gone
from ambient_components.rules.buckets import same_policy

POLICY: Final = "ambient-components"
"""Name of the inline policy with all rights of a user."""

_SETTLING: Final = 20
"""Seconds until a new user may be visible."""
_THERE: Final = "EntityAlreadyExists"
_HINT: Final = "or delete that user if nothing needs it"


class IamAccounts:
    def __init__(self, api: Api) -> None:
        self._api = api

    def __repr__(self) -> str:
        return f"IamAccounts({self._api!r})"

    def look(self, account: Account, recorded: Collection[str]) -> AccountState | None:
        tags = self._tags(account)
        if tags is None:
            return None
        note = Note.of(tags.get(KEYS_TAG))
        there = self._keys(account)
        # A recorded key that is gone does not show when the others were created.
        alive = {each["AccessKeyId"] for each in there} & set(recorded)
        keys = [
            LiveKey(each["AccessKeyId"], _is_active(each), each["CreateDate"].astimezone(UTC), ours)
            for each in there
            for ours in (note.is_ours(each["AccessKeyId"], alive),)
        ]
        keys.sort(key=lambda key: (key.issued_at, key.id))
        if account.keys_only:
            return AccountState(tags.get(OWNER_ANNOTATION), None, tuple(keys))
        widened = [name for name, _ in self._further(account)]
        return AccountState(tags.get(OWNER_ANNOTATION), self._policy(account), tuple(keys), tuple(widened))

    def ensure(self, account: Account, policy: Mapping[str, Any]) -> None:
        tags = self._tags(account)
        if tags is None and account.keys_only:
            msg = f"the object store's user {account.name!r} is not there, and is not made by this resource"
            raise StepError(msg)
        if tags is None:
            tags = dict(self._create(account))
        require_ours(account, tags.get(OWNER_ANNOTATION), _HINT)
        if account.keys_only:
            return
        if not same_policy(self._policy(account), policy):
            self._api.call(
                "put_user_policy", UserName=account.name, PolicyName=POLICY, PolicyDocument=json.dumps(policy)
            )
        for _, (operation, parameters) in self._further(account):
            self._find(operation, **parameters)

    def mint(self, account: Account, policy: Mapping[str, Any], expires_at: datetime | None) -> NewKey:  # noqa: ARG002
        """See `Accounts.mint`. IAM has no expiry, so `expires_at` is ignored; the policy is the user's."""
        tags = self._tags(account)
        if tags is None:
            raise user_gone(account)
        require_ours(account, tags.get(OWNER_ANNOTATION), _HINT)
        there = self._keys(account)
        if len(there) >= MAX_KEYS:
            raise _in_the_way(account, there)
        note = Note.of(tags.get(KEYS_TAG)).before_mint(each["AccessKeyId"] for each in there)
        self._write(account, note)
        try:
            made = self._api.call("create_access_key", UserName=account.name)["AccessKey"]
        except (LostError, RefusedError) as error:
            # Created or not, the secret of the key was not received and cannot be read again.
            self._revoke_unheard_of(account, note)
            if _is_final(error):
                self._write(account, note.refused(), tolerant=True)
            raise
        self._write(account, note.minted(made["AccessKeyId"]), tolerant=True)
        return NewKey(made["AccessKeyId"], made["SecretAccessKey"], made["CreateDate"].astimezone(UTC))

    def revoke(self, account: Account, key_id: str) -> None:
        self._find("delete_access_key", UserName=account.name, AccessKeyId=key_id)

    def set_owner(self, account: Account, recorded: Collection[str]) -> None:  # noqa: ARG002  # keys have no tags
        tags = self._tags(account)
        if tags is None or account.keys_only:
            return
        if tags.get(OWNER_ANNOTATION) is not None:
            require_ours(account, tags[OWNER_ANNOTATION], _HINT)
        else:
            self._api.call("tag_user", UserName=account.name, Tags=_tag(OWNER_ANNOTATION, account.owner))

    def settle(self, account: Account, recorded: Collection[str]) -> None:
        try:
            note = Note.of((self._tags(account) or {}).get(KEYS_TAG))
            if not note.under_way:
                return
            there = self._key_ids(account)
            # If no recorded key is left, the key of the interrupted mint may be the only one.
            if not set(recorded).isdisjoint(there):
                self._write(account, note.settled(there, recorded))
        except StepError:
            # The next run retries; the records are sufficient until then.
            return

    def clear_owner(self, account: Account) -> None:
        tags = self._tags(account)
        if tags is None or account.keys_only or tags.get(OWNER_ANNOTATION) is None:
            return
        require_ours(account, tags[OWNER_ANNOTATION], _HINT)
        # The note about its keys stays valid if the account is taken back.
        self._untag(account, OWNER_ANNOTATION)

    def remove(self, account: Account) -> None:
        tags = self._tags(account)
        if tags is None:
            return
        note = Note.of(tags.get(KEYS_TAG))
        if account.keys_only:
            for key_id in self._key_ids(account):
                if note.is_ours(key_id, ()):
                    self.revoke(account, key_id)
            return
        require_ours(account, tags.get(OWNER_ANNOTATION), _HINT)
        for key_id in self._key_ids(account):
            self.revoke(account, key_id)
        for _, (operation, parameters) in self._further(account):
            self._find(operation, **parameters)
        self._find("delete_user_policy", UserName=account.name, PolicyName=POLICY)
        self._find("delete_user", UserName=account.name)

    def _create(self, account: Account) -> Mapping[str, str]:
        owner_tag = _tag(OWNER_ANNOTATION, account.owner)
        try:
            self._api.call("create_user", UserName=account.name, Tags=owner_tag)
        except RefusedError as error:
            if error.code != _THERE:
                raise
            # Created concurrently, or the response was lost: the ownership annotation decides.
            return self._tags(account) or {}
        for _ in range(_SETTLING):
            tags = self._tags(account)
            if tags is not None:
                break
            # On AWS, IAM shows new objects with a delay.
            time.sleep(1)
        if tags is not None and OWNER_ANNOTATION not in tags:
            self._api.call("tag_user", UserName=account.name, Tags=owner_tag)
        return {OWNER_ANNOTATION: account.owner}

    def _tags(self, account: Account) -> dict[str, str] | None:
        """Return the user's tags; None if the user does not exist.

        Without tags the name proves the ownership: it contains a hash of the owner.
        """
        try:
            tags = self._api.pages("list_user_tags", "Tags", UserName=account.name)
        except RefusedError as error:
            if error.gone:
                return None
            if not error.unsupported:
                raise
            return {OWNER_ANNOTATION: account.owner} if self._is_there(account) else None
        return {each["Key"]: each["Value"] for each in tags}

    def _is_there(self, account: Account) -> bool:
        return self._find("get_user", UserName=account.name) is not None

    def _keys(self, account: Account) -> list[Any]:
        return (
            unless_gone(lambda: self._api.pages("list_access_keys", "AccessKeyMetadata", UserName=account.name)) or []
        )

    def _key_ids(self, account: Account) -> list[str]:
        return [each["AccessKeyId"] for each in self._keys(account)]

    def _policy(self, account: Account) -> Mapping[str, Any] | None:
        answer = self._find("get_user_policy", UserName=account.name, PolicyName=POLICY)
        document = answer["PolicyDocument"] if answer else None
        # botocore parses the document if it can.
        return document if isinstance(document, Mapping) else None

    def _further(self, account: Account) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
        """Yield rights of the user beyond this tool's policy, by name, with the operation that removes each."""
        user = {"UserName": account.name}
        for name in self._listed("list_user_policies", "PolicyNames", account):
            if name != POLICY:
                yield f"policy {name}", ("delete_user_policy", {**user, "PolicyName": name})
        for each in self._listed("list_attached_user_policies", "AttachedPolicies", account):
            arn = each["PolicyArn"]
            yield f"policy {each.get('PolicyName') or arn}", ("detach_user_policy", {**user, "PolicyArn": arn})
        for each in self._listed("list_groups_for_user", "Groups", account):
            name = each["GroupName"]
            yield f"group {name}", ("remove_user_from_group", {**user, "GroupName": name})

    def _listed(self, operation: str, field: str, account: Account) -> list[Any]:
        try:
            return self._api.pages(operation, field, UserName=account.name)
        except RefusedError as error:
            if error.unsupported or error.gone:
                return []
            raise

    def _write(self, account: Account, note: Note, *, tolerant: bool = False) -> None:
        """Write the note about keys. A user that another tool creates keeps no tag, which would be drift there."""
        try:
            if account.keys_only and not note.under_way:
                self._untag(account, KEYS_TAG)
            else:
                self._api.call("tag_user", UserName=account.name, Tags=_tag(KEYS_TAG, str(note)))
        except StepError as error:
            # A note must neither lose a minted key nor hide why a mint failed.
            if not tolerant and not (isinstance(error, RefusedError) and error.unsupported):
                raise

    def _revoke_unheard_of(self, account: Account, note: Note) -> None:
        try:
            for key_id in self._key_ids(account):
                if note.is_ours(key_id, note.ours) and key_id not in note.ours:
                    self.revoke(account, key_id)
        except StepError:
            # The next run finds the key by the note.
            return

    def _untag(self, account: Account, key: str) -> None:
        self._find("untag_user", UserName=account.name, TagKeys=[key])

    def _find(self, operation: str, **parameters: Any) -> dict[str, Any] | None:
        return unless_gone(lambda: self._api.call(operation, **parameters))


def _is_final(error: StepError) -> bool:
    """Return whether the store read the request and certainly did not execute it."""
    return isinstance(error, RefusedError) and not isinstance(error, BusyError) and error.status >= 400


def _in_the_way(account: Account, keys: list[Any]) -> StepError:
    named = ", ".join(
        f"{each['AccessKeyId']} ({'active' if _is_active(each) else 'inactive'}, made on {each['CreateDate']:%Y-%m-%d})"
        for each in keys
    )
    return StepError(
        f"the object store's user {account.name!r} has {len(keys)} access keys, and can't have more: {named}",
        "delete the one that was made by hand, if nothing uses it, and deploy again",
        "or write another generation for the bucket's credentials, which makes another user",
    )


def _is_active(key: Mapping[str, Any]) -> bool:
    return str(key.get("Status", "")).lower() == "active"


def _tag(key: str, value: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value}]

"""The settings of a bucket: what is there of them, and the change to what is declared. What is not declared stays.

Stores have different parts of S3. One that lacks what is declared is an error that names the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.failure import StepError
from ambient_components.provider.resource import Context, Values
from ambient_components.provider.store.errors import RefusedError
from ambient_components.rules.bucket_names import ABORT_DAYS, EXPIRY_RULE

"""By keys of the store's, or by keys of its key management service."""

_ENABLED: Final = "Enabled"
_SUSPENDED: Final = "Suspended"
_NO_RULES: Final = ("NoSuchLifecycleConfiguration",)
_NO_ENCRYPTION: Final = ("ServerSideEncryptionConfigurationNotFoundError",)
_NO_LOCK: Final = ("ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration")
_PRIVATE: Final = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
_FIELDS: Final = {
    "versioning": "versions",
    "expireAfterDays": "an age at which it deletes objects (lifecycle rules)",
    "encryption": "a default for encryption",
    "objectLock": "object lock",
}
_WRITTEN: Final = {"expireAfterDays": "expireAfter"}
"""Fields that the stack file calls otherwise."""


@dataclass(frozen=True, slots=True)
class Live:
    """What the store has."""

    versioning: str | None = None
    """Enabled, Suspended, or None: never switched on."""
    rules: tuple[Mapping[str, Any], ...] = ()
    """All lifecycle rules."""
    besides: Mapping[str, Any] = field(default_factory=dict)
    """What else belongs to the lifecycle, and is written with it."""
    encryption: str | None = None
    locked: bool = False
    """Whether object lock is on."""

    @property
    def own_rule(self) -> Mapping[str, Any] | None:
        """Ours."""
        return next((rule for rule in self.rules if rule.get("ID") == EXPIRY_RULE), None)

    @property
    def days(self) -> int | None:
        """The age at which our rule deletes all objects; None where there is none that does."""
        rule = self.own_rule or {}
        days = (rule.get("Expiration") or {}).get("Days")
        if days is None or rule.get("Status") != _ENABLED or not _is_whole(rule):
            return None
        noncurrent = (rule.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays")
        return int(days) if noncurrent == days or not self.versioning else None


def look(context: Context, wanted: Values, *, strict: bool = True) -> Live:
    """What the store has of the settings that are declared, and of our lifecycle rule in any case.

    Args:
        context: of the step.
        wanted: the declaration.
        strict: whether it matters that the store has no such setting at all.

    Raises:
        StepError: it has none, and that matters.
    """
    bucket = wanted["bucket"]
    asked = _Asker(context, bucket, strict=strict)
    expiry = wanted.get("expireAfterDays") is not None
    versioning: Mapping[str, Any] = {}
    if wanted.get("versioning") is not None or expiry:
        needed = "versioning" if wanted.get("versioning") else None
        versioning = asked.get("get_bucket_versioning", needed) or {}
    lifecycle = asked.get("get_bucket_lifecycle_configuration", "expireAfterDays" if expiry else None, _NO_RULES) or {}
    encryption = None
    if wanted.get("encryption"):
        encryption = _algorithm(asked.get("get_bucket_encryption", "encryption", _NO_ENCRYPTION) or {})
    lock: Mapping[str, Any] = {}
    if wanted.get("objectLock"):
        lock = asked.get("get_object_lock_configuration", "objectLock", _NO_LOCK) or {}
    minimum = lifecycle.get("TransitionDefaultMinimumObjectSize")
    return Live(
        versioning=versioning.get("Status"),
        rules=tuple(lifecycle.get("Rules") or ()),
        besides={"TransitionDefaultMinimumObjectSize": minimum} if minimum else {},
        encryption=encryption,
        locked=(lock.get("ObjectLockConfiguration") or {}).get("ObjectLockEnabled") == _ENABLED,
    )


def write(context: Context, wanted: Values, live: Live) -> list[str]:
    """Changes what differs, and returns what was changed, for people.

    Raises:
        StepError: the store refuses.
    """
    asked = _Asker(context, wanted["bucket"])
    done = []
    versioning = live.versioning
    declared = wanted.get("versioning")
    if declared is not None and bool(declared) != (versioning == _ENABLED):
        versioning = _ENABLED if declared else _SUSPENDED
        asked.put("put_bucket_versioning", "versioning", VersioningConfiguration={"Status": versioning})
        done.append(f"versioning {'on' if declared else 'suspended'}")
    days = wanted.get("expireAfterDays")
    with_versions = Live(versioning, live.rules, live.besides)
    if days != with_versions.days or (days is None and live.own_rule):
        _write_rules(asked, with_versions, days)
        done.append(f"objects expire after {days} days" if days else "objects expire no more")
    if wanted.get("encryption") and wanted["encryption"] != live.encryption:
        default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": wanted["encryption"]}}
        asked.put("put_bucket_encryption", "encryption", ServerSideEncryptionConfiguration={"Rules": [default]})
        done.append(f"encryption {wanted['encryption']}")
    return done


def make_private(context: Context, bucket: str) -> None:
    """Refuses every access without a key, where the store has that switch; elsewhere nothing is open by itself."""
    try:
        context.store.s3.call("put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=_PRIVATE)
    except RefusedError as error:
        if not error.unsupported:
            raise


def as_inputs(inputs: Values, live: Live, tags: Mapping[str, str]) -> dict[str, Any]:
    """The inputs as the store has them: what somebody changed there differs from what is declared."""
    found = dict(inputs)
    if inputs.get("versioning") is not None:
        found["versioning"] = live.versioning == _ENABLED
    there = {
        "expireAfterDays": live.days,
        "encryption": live.encryption if inputs.get("encryption") else None,
    }
    for name, value in there.items():
        if value is not None:
            found[name] = value
        else:
            found.pop(name, None)
    if inputs.get("tags"):
        found["tags"] = {key: tags[key] for key in inputs["tags"] if key in tags}
    return found


def require_lock(wanted: Values, live: Live) -> None:
    """Refuses a bucket without object lock where that is declared: it can't be switched on later.

    Raises:
        StepError: so it is.
    """
    if wanted.get("objectLock") and not live.locked:
        msg = (
            f"bucket {wanted['bucket']!r} has no object lock, which counts only when a bucket is made: remove "
            "objectLock, or give the workspace another bucket"
        )
        raise StepError(msg)


class _Asker:
    """Asks for settings of one bucket, and names the field where the store has none of the kind."""

    def __init__(self, context: Context, bucket: str, *, strict: bool = True) -> None:
        self._api = context.store.s3
        self._strict = strict
        self._store = context.store.settings.name
        self._bucket = bucket

    def get(self, operation: str, needed: str | None, absent: tuple[str, ...] = ()) -> dict[str, Any] | None:
        """What there is; None where nothing is, or the store has no such thing and nobody needs it."""
        try:
            return self._api.call(operation, Bucket=self._bucket)
        except RefusedError as error:
            if error.code in absent:
                return None
            if not error.unsupported:
                raise
            if needed and self._strict:
                raise self._lacks(needed, error) from None
            return None

    def put(self, operation: str, name: str, **parameters: Any) -> None:
        try:
            self._api.call(operation, Bucket=self._bucket, **parameters)
        except RefusedError as error:
            if not error.unsupported:
                raise
            raise self._lacks(name, error) from None

    def _lacks(self, name: str, error: RefusedError) -> StepError:
        return StepError(
            f"{self._store} has no {_FIELDS[name]} ({error.code or error.status}): remove "
            f"{_WRITTEN.get(name, name)} from bucket {self._bucket!r}"
        )


def _write_rules(asked: _Asker, live: Live, days: int | None) -> None:
    others = [rule for rule in live.rules if rule.get("ID") != EXPIRY_RULE]
    rules = [*others, *([_rule(days, versioned=bool(live.versioning))] if days else [])]
    if rules:
        asked.put(
            "put_bucket_lifecycle_configuration",
            "expireAfterDays",
            LifecycleConfiguration={"Rules": rules},
            **live.besides,
        )
    else:
        asked.put("delete_bucket_lifecycle", "expireAfterDays")


def _rule(days: int, *, versioned: bool) -> dict[str, Any]:
    return {
        "ID": EXPIRY_RULE,
        "Status": _ENABLED,
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": days},
        # With versions, expiring an object only hides it.
        **({"NoncurrentVersionExpiration": {"NoncurrentDays": days}} if versioned else {}),
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_DAYS},
    }


def _is_whole(rule: Mapping[str, Any]) -> bool:
    """Whether a rule is for all objects; an empty filter is given back as nothing by some stores."""
    if rule.get("Prefix"):
        return False
    return not {key: value for key, value in (rule.get("Filter") or {}).items() if value not in ("", None)}


def _algorithm(answer: Mapping[str, Any]) -> str | None:
    rules = (answer.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or ()
    found = (rule.get("ApplyServerSideEncryptionByDefault") or {} for rule in rules)
    return next((each["SSEAlgorithm"] for each in found if each.get("SSEAlgorithm")), None)

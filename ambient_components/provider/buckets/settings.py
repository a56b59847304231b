"""Settings of a bucket: reading them, and writing the declared ones. Undeclared settings are not changed.

Stores support different parts of S3. A store without a declared setting is an error that names the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.errors import StepError
from ambient_components.provider.protocol.resource import Context, Values
from ambient_components.provider.store.errors import RefusedError
from ambient_components.rules.buckets import ABORT_DAYS, EXPIRY_RULE

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
    "expireAfterDays": "age at which it deletes objects (lifecycle rules)",
    "encryption": "default for encryption",
    "objectLock": "object lock",
}
_WRITTEN: Final = {"expireAfterDays": "expireAfter"}
"""Fields with another name in the stack file."""


@dataclass(frozen=True, slots=True)
class Live:
    versioning: str | None = None
    """Enabled, Suspended, or None if it was never enabled."""
    rules: tuple[Mapping[str, Any], ...] = ()
    """All lifecycle rules."""
    besides: Mapping[str, Any] = field(default_factory=dict)
    """Other parts of the lifecycle configuration, which are written with the rules."""
    encryption: str | None = None
    locked: bool = False
    """Whether object lock is enabled."""

    @property
    def own_rule(self) -> Mapping[str, Any] | None:
        return next((rule for rule in self.rules if rule.get("ID") == EXPIRY_RULE), None)

    @property
    def days(self) -> int | None:
        """Age in days at which this tool's rule deletes all objects; None if it does not."""
        rule = self.own_rule or {}
        days = (rule.get("Expiration") or {}).get("Days")
        if days is None or rule.get("Status") != _ENABLED or not _is_whole(rule):
            return None
        noncurrent = (rule.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays")
        return int(days) if noncurrent == days or not self.versioning else None


def look(context: Context, desired: Values, *, strict: bool = True) -> Live:
    """Return the declared settings as found in the store, and this tool's lifecycle rule in any case."""
    bucket = desired["bucket"]
    requests = _Requests(context, bucket, strict=strict)
    expiry = desired.get("expireAfterDays") is not None
    versioning: Mapping[str, Any] = {}
    if desired.get("versioning") is not None or expiry:
        needed = "versioning" if desired.get("versioning") else None
        versioning = requests.get("get_bucket_versioning", needed) or {}
    lifecycle = (
        requests.get("get_bucket_lifecycle_configuration", "expireAfterDays" if expiry else None, _NO_RULES) or {}
    )
    encryption = None
    if desired.get("encryption"):
        encryption = _algorithm(requests.get("get_bucket_encryption", "encryption", _NO_ENCRYPTION) or {})
    lock: Mapping[str, Any] = {}
    if desired.get("objectLock"):
        lock = requests.get("get_object_lock_configuration", "objectLock", _NO_LOCK) or {}
    minimum = lifecycle.get("TransitionDefaultMinimumObjectSize")
    return Live(
        versioning=versioning.get("Status"),
        rules=tuple(lifecycle.get("Rules") or ()),
        besides={"TransitionDefaultMinimumObjectSize": minimum} if minimum else {},
        encryption=encryption,
        locked=(lock.get("ObjectLockConfiguration") or {}).get("ObjectLockEnabled") == _ENABLED,
    )


def write(context: Context, desired: Values, live: Live) -> list[str]:
    requests = _Requests(context, desired["bucket"])
    done = []
    versioning = live.versioning
    declared = desired.get("versioning")
    if declared is not None and bool(declared) != (versioning == _ENABLED):
        versioning = _ENABLED if declared else _SUSPENDED
        requests.put("put_bucket_versioning", "versioning", VersioningConfiguration={"Status": versioning})
        done.append(f"versioning {'on' if declared else 'suspended'}")
    days = desired.get("expireAfterDays")
    with_versions = Live(versioning, live.rules, live.besides)
    if days != with_versions.days or (days is None and live.own_rule):
        _write_rules(requests, with_versions, days)
        done.append(f"objects expire after {days} days" if days else "objects expire no more")
    if desired.get("encryption") and desired["encryption"] != live.encryption:
        default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": desired["encryption"]}}
        requests.put("put_bucket_encryption", "encryption", ServerSideEncryptionConfiguration={"Rules": [default]})
        done.append(f"encryption {desired['encryption']}")
    return done


def make_private(context: Context, bucket: str) -> None:
    """Block public access, if the store supports that; others have no public access by default."""
    try:
        context.store.s3.call("put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=_PRIVATE)
    except RefusedError as error:
        # MinIO takes it for the creation of a bucket, with a body that is none (tested).
        if not error.unsupported and error.code != "MalformedXML":
            raise


def as_inputs(inputs: Values, live: Live, tags: Mapping[str, str]) -> dict[str, Any]:
    observed = dict(inputs)
    if inputs.get("versioning") is not None:
        observed["versioning"] = live.versioning == _ENABLED
    there = {
        "expireAfterDays": live.days,
        "encryption": live.encryption if inputs.get("encryption") else None,
    }
    for name, value in there.items():
        if value is not None:
            observed[name] = value
        else:
            observed.pop(name, None)
    if inputs.get("tags"):
        observed["tags"] = {key: tags[key] for key in inputs["tags"] if key in tags}
    return observed


def require_lock(desired: Values, live: Live) -> None:
    """Refuse a bucket without the declared object lock, which can only be set at creation."""
    if desired.get("objectLock") and not live.locked:
        msg = (
            f"bucket {desired['bucket']!r} has no object lock, which counts only when a bucket is made: remove "
            "objectLock, or give the workspace another bucket"
        )
        raise StepError(msg)


class _Requests:
    """Requests for settings of one bucket; an unsupported setting is an error that names the field."""

    def __init__(self, context: Context, bucket: str, *, strict: bool = True) -> None:
        self._api = context.store.s3
        self._strict = strict
        self._store = context.store.settings.name
        self._bucket = bucket

    def get(self, operation: str, needed: str | None, absent: tuple[str, ...] = ()) -> dict[str, Any] | None:
        """Return the response; None if the setting is missing, or if it is neither supported nor needed."""
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


def _write_rules(requests: _Requests, live: Live, days: int | None) -> None:
    others = [rule for rule in live.rules if rule.get("ID") != EXPIRY_RULE]
    rules = [*others, *([_rule(days, versioned=bool(live.versioning))] if days else [])]
    if rules:
        requests.put(
            "put_bucket_lifecycle_configuration",
            "expireAfterDays",
            LifecycleConfiguration={"Rules": rules},
            **live.besides,
        )
    else:
        requests.put("delete_bucket_lifecycle", "expireAfterDays")


def _rule(days: int, *, versioned: bool) -> dict[str, Any]:
    return {
        "ID": EXPIRY_RULE,
        "Status": _ENABLED,
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": days},
        # With versioning, expiry only hides an object.
        **({"NoncurrentVersionExpiration": {"NoncurrentDays": days}} if versioned else {}),
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_DAYS},
    }


def _is_whole(rule: Mapping[str, Any]) -> bool:
    """Return whether a rule applies to all objects; some stores omit an empty filter."""
    if rule.get("Prefix"):
        return False
    return not {key: value for key, value in (rule.get("Filter") or {}).items() if value not in ("", None)}


def _algorithm(answer: Mapping[str, Any]) -> str | None:
    rules = (answer.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or ()
    defaults = (rule.get("ApplyServerSideEncryptionByDefault") or {} for rule in rules)
    return next((each["SSEAlgorithm"] for each in defaults if each.get("SSEAlgorithm")), None)

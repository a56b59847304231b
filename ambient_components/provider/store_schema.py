"""The object store's part of the plugin's schema: buckets and access keys."""

from collections.abc import Mapping
from typing import Any, Final

from ambient_components.engine import urns
from ambient_components.provider.buckets import access_keys, s3_bucket
from ambient_components.rules.arguments import Argument
from ambient_components.rules.buckets import ACCESS_KEY_TERMS, BUCKET_ARGUMENTS

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_FLAG: Final = {"type": "boolean"}

_KINDS: Final = {bool: "boolean", int: "integer", str: "string"}


def described(arguments: Mapping[str, Argument]) -> dict[str, Any]:
    """Return arguments as properties of the schema. The default of a generation is 1."""
    return {
        name: {
            "type": _KINDS[argument.kind],
            "description": argument.meaning,
            **({"default": 1} if name == "generation" else {}),
        }
        for name, argument in arguments.items()
    }


TYPES: Final[dict[str, Any]] = {
    "ambient:index:StoreKey": {
        "type": "object",
        "description": "An access key of the object store, without its secret.",
        "properties": {
            "handle": _TEXT | {"description": "Its id."},
            "uid": _TEXT | {"description": "Its id, repeated."},
            "generation": _WHOLE | {"description": "Generation of its user."},
            "issuedAt": _TEXT | {"description": "RFC 3339."},
            "expiresAt": _TEXT | {"description": "RFC 3339: when its life is over; null where it has no end."},
            "dead": _TEXT | {"description": "Why it no longer works, as a refresh found; null while it works."},
            "lapsed": _FLAG | {"description": "Whether that is because its life is over; left out where it is not."},
        },
        "required": ["handle", "uid", "generation", "issuedAt"],
    },
}
"""Types by token."""

_BUCKET_INPUTS: Final[dict[str, Any]] = {
    "bucket": _TEXT | {"description": "Name of the bucket; another name is another bucket."},
    "owner": _TEXT | {"description": "Owner of the bucket, PROJECT/FLEET."},
    "tags": {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "Declared tags; other tags stay.",
    },
    **described(BUCKET_ARGUMENTS),
    **described(s3_bucket.OWN),
}

_CREDENTIAL_INPUTS: Final[dict[str, Any]] = {
    "user": _TEXT | {"description": "Name of the store's user; another name is another user."},
    "bucket": _TEXT | {"description": "The only bucket that its keys give access to."},
    "owner": _TEXT | {"description": "Owner of the user, PROJECT/FLEET."},
    "prefix": _TEXT
    | {"description": "Prefix that they give access to, with a slash at its end. Default: the whole bucket."},
    "usedIn": _TEXT | {"description": "NAMESPACE/SECRET; the key in its S3_ACCESS_KEY is in use and not revoked."},
    **described(ACCESS_KEY_TERMS),
    **described(access_keys.OWN),
}

_STORE_KEY: Final = {"$ref": "#/types/ambient:index:StoreKey"}

_CREDENTIAL_OUTPUTS: Final[dict[str, Any]] = {
    "accessKey": _TEXT | {"description": "Id of the newest access key; not a secret."},
    "secretKey": _TEXT | {"secret": True, "description": "Its secret."},
    "current": _STORE_KEY | {"description": "Record of the newest access key."},
    "retiring": {"type": "array", "items": _STORE_KEY, "description": "Older keys that are valid during the overlap."},
    "pendingRevocations": {
        "type": "array",
        "items": _STORE_KEY,
        "description": "Revocations that failed and are retried.",
    },
    "nextAction": {
        "$ref": "#/types/ambient:index:NextAction",
        "description": "Next action of a later run, and its time.",
    },
    "reason": _TEXT | {"description": "Why the current key was minted."},
    "foreign": {"type": "array", "items": _TEXT, "description": "Ids of keys that were created by hand."},
    "drift": {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "Drift as found by a refresh: user, owner, policy, policies, keys.",
    },
    "schemaVersion": _WHOLE | {"description": "Version of the recorded format."},
}

RESOURCES: Final[dict[str, Any]] = {
    urns.S3_BUCKET: {
        "description": "A bucket of the object store with an ownership annotation; by default, deleting keeps it.",
        "inputProperties": _BUCKET_INPUTS,
        "requiredInputs": ["bucket", "owner"],
        "properties": _BUCKET_INPUTS
        | {
            "drift": {
                "type": "object",
                "additionalProperties": _TEXT,
                "description": "Drift of the ownership annotation as found by a refresh: owner, removed or changed.",
            }
        },
        "required": ["bucket", "owner"],
    },
    urns.S3_CREDENTIALS: {
        "description": "The access keys of one user of the object store, over their rotations.",
        "inputProperties": _CREDENTIAL_INPUTS,
        "requiredInputs": ["user", "bucket", "owner"],
        "properties": _CREDENTIAL_INPUTS | _CREDENTIAL_OUTPUTS,
        "required": ["retiring", "foreign", "schemaVersion"],
    },
}
"""Resources by token."""

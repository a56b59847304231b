"""The object store's part of the plugin's schema: buckets and access keys."""

from collections.abc import Mapping
from typing import Any, Final

from ambient_components.engine import types
from ambient_components.provider import bucket_inputs, credential_inputs
from ambient_components.rules.arguments import Argument
from ambient_components.rules.buckets import ACCESS_KEY_TERMS, BUCKET_ARGUMENTS

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_FLAG: Final = {"type": "boolean"}

_KINDS: Final = {bool: "boolean", int: "integer", str: "string"}


def described(arguments: Mapping[str, Argument]) -> dict[str, Any]:
    """Return arguments as properties of the schema. The default of a generation is 1."""
    return {
        name: {"type": _KINDS[one.kind], "description": one.meaning, **({"default": 1} if name == "generation" else {})}
        for name, one in arguments.items()
    }


TYPES: Final[dict[str, Any]] = {
    "ambient:index:StoreKey": {
        "type": "object",
        "description": "An access key of the object store; its secret is not in here.",
        "properties": {
            "handle": _TEXT | {"description": "Its id."},
            "uid": _TEXT | {"description": "Its id, once more."},
            "generation": _WHOLE | {"description": "Of the user it was minted for."},
            "issuedAt": _TEXT | {"description": "RFC 3339."},
            "expiresAt": _TEXT | {"description": "RFC 3339: when its life is over; null where it has no end."},
            "dead": _TEXT | {"description": "Why it no longer works, as a refresh found; null while it works."},
        },
        "required": ["handle", "uid", "generation", "issuedAt"],
    },
}
"""Types by token."""

_BUCKET_INPUTS: Final[dict[str, Any]] = {
    "bucket": _TEXT | {"description": "Its name; another name is another bucket."},
    "owner": _TEXT | {"description": "Project and fleet that own the bucket, PROJECT/FLEET."},
    "tags": {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "Further tags; those of others stay.",
    },
    **described(BUCKET_ARGUMENTS),
    **described(bucket_inputs.OWN),
}

_CREDENTIAL_INPUTS: Final[dict[str, Any]] = {
    "user": _TEXT | {"description": "Name of the store's user; another name is another user."},
    "bucket": _TEXT | {"description": "The bucket that its keys open, and no other."},
    "owner": _TEXT | {"description": "Project and fleet that own the user, PROJECT/FLEET."},
    "prefix": _TEXT | {"description": "The part of the bucket that they open, with a slash at its end. Default: all."},
    "usedIn": _TEXT | {"description": "NAMESPACE/SECRET whose S3_ACCESS_KEY is in use: it is not revoked meanwhile."},
    **described(ACCESS_KEY_TERMS),
    **described(credential_inputs.OWN),
}

_STORE_KEY: Final = {"$ref": "#/types/ambient:index:StoreKey"}

_CREDENTIAL_OUTPUTS: Final[dict[str, Any]] = {
    "accessKey": _TEXT | {"description": "Id of the access key that was minted last; no secret."},
    "secretKey": _TEXT | {"secret": True, "description": "Its secret."},
    "current": _STORE_KEY | {"description": "The access key that was minted last."},
    "retiring": {"type": "array", "items": _STORE_KEY, "description": "Keys that live on through their overlap."},
    "pendingRevocations": {
        "type": "array",
        "items": _STORE_KEY,
        "description": "Revocations that failed and are retried.",
    },
    "nextAction": {
        "$ref": "#/types/ambient:index:NextAction",
        "description": "What a later run will do, and from when.",
    },
    "reason": _TEXT | {"description": "Why the current key was minted."},
    "foreign": {"type": "array", "items": _TEXT, "description": "Ids of keys that somebody made by hand."},
    "drift": {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "What a refresh found to differ: user, owner, policy, policies, keys.",
    },
    "schemaVersion": _WHOLE | {"description": "Of the recorded shape."},
}

RESOURCES: Final[dict[str, Any]] = {
    types.S3_BUCKET: {
        "description": "A bucket of the object store; it bears its owner's mark, and by default outlives the resource.",
        "inputProperties": _BUCKET_INPUTS,
        "requiredInputs": ["bucket", "owner"],
        "properties": _BUCKET_INPUTS
        | {
            "drift": {
                "type": "object",
                "additionalProperties": _TEXT,
                "description": "What a refresh found of the mark: owner, removed or changed.",
            }
        },
        "required": ["bucket", "owner"],
    },
    types.S3_CREDENTIALS: {
        "description": "The access keys of one user of the object store, over their rotations.",
        "inputProperties": _CREDENTIAL_INPUTS,
        "requiredInputs": ["user", "bucket", "owner"],
        "properties": _CREDENTIAL_INPUTS | _CREDENTIAL_OUTPUTS,
        "required": ["retiring", "foreign", "schemaVersion"],
    },
}
"""Resources by token."""

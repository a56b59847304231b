"""The plugin's Pulumi schema, for ``pulumi package get-schema`` and SDKs of other languages."""

import json
from typing import Any, Final

from ambient_components._version import VERSION
from ambient_components.engine import types
from ambient_components.provider import schema_store, token_inputs
from ambient_components.provider.configuration import SECRETS, SETTINGS
from ambient_components.provider.schema_store import described
from ambient_components.rules.keys import TOKEN_TERMS

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_FLAG: Final = {"type": "boolean"}
_ANY: Final = {"$ref": "pulumi.json#/Any"}
_QUANTITIES: Final = {"type": "object", "additionalProperties": _TEXT}
_RELEASED: Final = _FLAG | {"description": "Nothing is written any more: the workspace is being let go."}
_NAMESPACE: Final = _TEXT | {"description": "The workspace's namespace."}
_HANDLE: Final = {"$ref": "#/types/ambient:index:TokenHandle"}

_TOKEN_INPUTS: Final[dict[str, Any]] = {
    "namespace": _TEXT | {"description": "The workspace's namespace."},
    "serviceAccount": _TEXT | {"description": "The ServiceAccount that the token speaks for."},
    "serviceAccountUid": _TEXT
    | {"description": "Its uid: a replaced ServiceAccount gets a new token. Default: not compared."},
    "key": _TEXT | {"description": "The key's id in the stack file."},
    "owner": _TEXT | {"description": "Project and fleet that own the key, PROJECT/FLEET."},
    **described(TOKEN_TERMS),
    **described(token_inputs.OWN),
    "deliver": {
        "$ref": "#/types/ambient:index:TokenDelivery",
        "description": "A Secret that the token is written to.",
    },
}

_TOKEN_OUTPUTS: Final[dict[str, Any]] = {
    "token": _TEXT | {"secret": True, "description": "The token; the bearer of HTTP requests."},
    "current": _HANDLE | {"description": "The handle of the token that was minted last."},
    "retiring": {"type": "array", "items": _HANDLE, "description": "Tokens that live on through their overlap."},
    "pendingRevocations": {
        "type": "array",
        "items": _HANDLE,
        "description": "Revocations that failed and are retried.",
    },
    "grantedSeconds": _WHOLE | {"description": "The life that the cluster granted."},
    "nextAction": {
        "$ref": "#/types/ambient:index:NextAction",
        "description": "What a later run will do, and from when.",
    },
    "reason": _TEXT | {"description": "Why the current token was minted."},
    "undelivered": _TEXT | {"description": "Why the Secret that is delivered to does not hold the token; or null."},
    "schemaVersion": _WHOLE | {"description": "Of the recorded shape."},
}

_TYPES: Final[dict[str, Any]] = {
    "ambient:index:TokenHandle": {
        "type": "object",
        "description": "A token, by the empty Secret it is bound to: deleting that Secret revokes this token alone.",
        "properties": {
            "handle": _TEXT | {"description": "Name of the Secret."},
            "uid": _TEXT | {"description": "Its uid."},
            "generation": _WHOLE | {"description": "Of the identity it was minted for."},
            "issuedAt": _TEXT | {"description": "RFC 3339."},
            "expiresAt": _TEXT | {"description": "RFC 3339, as the cluster granted it; null where nobody recorded it."},
            "dead": _TEXT | {"description": "Why it no longer works, as a refresh found; null while it works."},
        },
        "required": ["handle", "uid", "generation", "issuedAt"],
    },
    "ambient:index:TokenDelivery": {
        "type": "object",
        "description": "A Secret outside of all workspaces.",
        "properties": {
            "namespace": _TEXT | {"description": "It exists, and is no workspace."},
            "name": _TEXT | {"description": "Of the Secret; one that others made is refused."},
            "key": _TEXT | {"description": "Of the token; the one before is under `previous-` and this."},
        },
        "required": ["namespace", "name", "key"],
    },
    "ambient:index:StackRails": {
        "type": "object",
        "description": "Changes that are refused unless they are allowed: docs/rails.md.",
        "properties": {
            "allow": {"type": "array", "items": _TEXT, "description": "Rails that may be crossed in this run."},
            "keysMax": _WHOLE | {"description": "Keys of one workspace. Default: 10."},
            "groupsOnly": _FLAG | {"description": "A new grant of a single user is refused. Default: false."},
            "adminKeysApart": _FLAG | {"description": "An admin key beside edit is refused. Default: false."},
            "secretSources": {
                "type": "array",
                "items": _TEXT,
                "description": "Places outside of the project that secrets may come from, in words. Only recorded.",
            },
        },
        "required": [],
    },
    "ambient:index:NextAction": {
        "type": "object",
        "properties": {
            "what": _TEXT | {"description": "rotate, revoke, or expire: nothing is done about that."},
            "at": _TEXT | {"description": "RFC 3339: the first run from then on does it."},
        },
        "required": ["what", "at"],
    },
}

_LEDGER: Final[dict[str, Any]] = {
    "owner": _TEXT | {"description": "Project and fleet that own these workspaces, PROJECT/FLEET."},
    "workspaces": {
        "type": "object",
        "additionalProperties": {"$ref": "pulumi.json#/Any"},
        "description": "By name: state, owners, grants by subject, keys by id. Never a secret.",
    },
    "rails": {
        "$ref": "#/types/ambient:index:StackRails",
        "description": "What the stack says of its rails. Default: as built in.",
    },
    "held": {
        "type": "array",
        "items": _TEXT,
        "description": "Workspaces that this run leaves as they are: their entries stay as deployed. Never recorded.",
    },
    "elsewhere": {
        "type": "array",
        "items": _TEXT,
        "description": "Workspaces that other shards of the fleet have: such a one must not leave by a run. "
        "Never recorded.",
    },
    "record": _TEXT | {"description": "NAMESPACE/NAME of the shard's run record. Default: the stack is no shard."},
}

_LEDGER_OUTPUTS: Final[dict[str, Any]] = {
    "lostRun": {
        "type": "array",
        "items": _ANY,
        "description": "Access that a lost run gave and that could not be ended yet.",
    },
}

_SECRET_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "secret": _TEXT | {"description": "Its name: ambient-runner-secrets or ambient-non-vertex-integrations."},
    "values": {
        "type": "object",
        "additionalProperties": _TEXT,
        "secret": True,
        "description": "All that is in it, by name.",
    },
    "onDrift": _TEXT | {"description": "overwrite (default) or keep: who wins when the UI has saved it."},
    "released": _RELEASED,
}

_SETTINGS_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "inactivityTimeoutSeconds": _WHOLE
    | {"description": "A session is stopped after so long without activity; 0: never."},
    "mcpServers": {"type": "object", "additionalProperties": _ANY, "description": "custom, disabled."},
    "released": _RELEASED,
}

_CONTAINER_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "defaultRequest": _QUANTITIES | {"description": "Request of a container that has none."},
    "default": _QUANTITIES | {"description": "Limit of a container that has none."},
    "min": _QUANTITIES | {"description": "The least a container may ask for."},
    "max": _QUANTITIES | {"description": "The most a container may have."},
    "released": _RELEASED,
}

_FLAGS_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "flags": {"type": "object", "additionalProperties": _FLAG, "description": "On or off, by the flag's name."},
    "released": _RELEASED,
}

_CLOSURE_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "staying": {"type": "array", "items": _TEXT, "description": "RoleBindings that stay: the owners'."},
    "sessions": _TEXT | {"description": "stop (default), or deletePods: also the pods of sessions that don't stop."},
    "waitSeconds": _WHOLE | {"description": "How long sessions have to stop. Default: 120."},
}


_METADATA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": _ANY,
    "description": "name, namespace, labels, annotations.",
}

_BINDING_INPUTS: Final[dict[str, Any]] = {
    "metadata": _METADATA,
    "roleRef": {"type": "object", "additionalProperties": _TEXT, "description": "As Kubernetes has it."},
    "subjects": {"type": "array", "items": _ANY, "description": "As Kubernetes has them; others are drift."},
    "released": _RELEASED,
}

_ACCOUNT_INPUTS: Final[dict[str, Any]] = {
    "metadata": _METADATA,
    "released": _RELEASED,
    "adopt": _FLAG
    | {"description": "An account that has the name already is taken over, tokens included. Default: it is ended."},
}

_UID: Final[dict[str, Any]] = {"uid": _TEXT | {"description": "uid of the object."}}


def schema() -> dict[str, Any]:
    """Return the schema as a mapping."""
    return {
        "name": "ambient",
        "version": VERSION,
        "displayName": "Ambient",
        "description": "Access, keys, secrets, settings and buckets of Ambient Code Platform workspaces.",
        "license": "Apache-2.0",
        "keywords": ["kind/native", "category/cloud", "kubernetes"],
        "config": {"variables": _settings()},
        "provider": {
            "description": "The ambient plugin: one instance a cluster and its store.",
            "inputProperties": _settings(),
        },
        "types": _TYPES | schema_store.TYPES,
        "resources": {
            types.ACCESS_TOKEN: {
                "description": "The tokens of one key, over their rotations.",
                "inputProperties": _TOKEN_INPUTS,
                "requiredInputs": ["namespace", "serviceAccount", "key", "owner"],
                "properties": _TOKEN_INPUTS | _TOKEN_OUTPUTS,
                "required": ["retiring", "schemaVersion"],
            },
            types.ACCESS_LEDGER: {
                "description": "A stack's whole access, registered before all else: guard rails and a readable diff.",
                "inputProperties": _LEDGER,
                "requiredInputs": ["owner", "workspaces"],
                "properties": _LEDGER | _LEDGER_OUTPUTS,
                "required": ["owner", "workspaces"],
            },
            types.WORKSPACE_SECRET: _resource(
                "One of a workspace's two Secrets, whole; changed in place.",
                _SECRET_INPUTS,
                ["namespace", "secret", "values"],
                {
                    "drift": {
                        "type": "object",
                        "additionalProperties": _TEXT,
                        "description": "What a refresh found to differ, by name: added, changed, removed.",
                    }
                },
            ),
            types.PROJECT_SETTINGS: _resource(
                "Idle timeout and MCP servers of a workspace.", _SETTINGS_INPUTS, ["namespace"]
            ),
            types.CONTAINER_DEFAULTS: _resource(
                "What a workspace's containers get and may have.", _CONTAINER_INPUTS, ["namespace"]
            ),
            types.FEATURE_FLAGS: _resource(
                "Feature flags of a workspace; those that the UI flipped beside them stay.",
                _FLAGS_INPUTS,
                ["namespace", "flags"],
            ),
            types.ROLE_BINDING: _resource(
                "A RoleBinding that is exactly as declared, and that nothing keeps from its end.",
                _BINDING_INPUTS,
                ["metadata", "roleRef", "subjects"],
                _UID,
            ),
            types.SERVICE_ACCOUNT: _resource(
                "The identity of a key, of which nobody has a token from before.",
                _ACCOUNT_INPUTS,
                ["metadata"],
                _UID
                | {
                    "createdAt": _TEXT | {"description": "When the key was made, RFC 3339."},
                    "lastUsedAt": _TEXT | {"description": "When the platform saw the key last, as a refresh read it."},
                },
            ),
            **schema_store.RESOURCES,
            types.CLOSURE: _resource(
                "While it is declared, a workspace has no grant, no key and no secret, whoever made them.",
                _CLOSURE_INPUTS,
                ["namespace", "staying"],
                {
                    "found": {
                        "type": "array",
                        "items": _TEXT,
                        "description": "Access that came back, and schedules.",
                    }
                },
            ),
        },
    }


def _resource(
    description: str, inputs: dict[str, Any], required: list[str], outputs: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "description": description,
        "inputProperties": inputs,
        "requiredInputs": required,
        "properties": inputs | (outputs or {}),
        "required": required,
    }


def schema_json() -> str:
    """Return the schema as JSON."""
    return json.dumps(schema())


def _settings() -> dict[str, Any]:
    return {
        name: _TEXT | {"description": meaning} | ({"secret": True} if name in SECRETS else {})
        for name, meaning in SETTINGS.items()
    }

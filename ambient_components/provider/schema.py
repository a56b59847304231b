"""The plugin's Pulumi schema, for ``pulumi package get-schema`` and SDKs of other languages."""

import json
from typing import Any, Final

from ambient_components._version import VERSION
from ambient_components.engine import urns
from ambient_components.model.derive import properties
from ambient_components.model.keys import Key
from ambient_components.model.settings import OnClose
from ambient_components.provider import store_schema
from ambient_components.provider.protocol.configuration import SECRETS, SETTINGS
from ambient_components.provider.store_schema import described
from ambient_components.provider.tokens.properties import TokenInputs
from ambient_components.rules.schedules import ARGUMENTS

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_FLAG: Final = {"type": "boolean"}
_ANY: Final = {"$ref": "pulumi.json#/Any"}
_QUANTITIES: Final = {"type": "object", "additionalProperties": _TEXT}
_RELEASED: Final = _FLAG | {"description": "The workspace is being released: nothing is written."}
_NAMESPACE: Final = _TEXT | {"description": "The workspace's namespace."}
_TOKEN_SECRET: Final = {"$ref": "#/types/ambient:index:TokenHandle"}

_TOKEN_OUTPUTS: Final[dict[str, Any]] = {
    "token": _TEXT | {"secret": True, "description": "The bearer token for HTTP requests."},
    "current": _TOKEN_SECRET | {"description": "Record of the newest token."},
    "retiring": {
        "type": "array",
        "items": _TOKEN_SECRET,
        "description": "Older tokens that are valid during the overlap.",
    },
    "pendingRevocations": {
        "type": "array",
        "items": _TOKEN_SECRET,
        "description": "Revocations that failed and are retried.",
    },
    "grantedSeconds": _WHOLE | {"description": "Lifetime in seconds that the cluster granted."},
    "nextAction": {
        "$ref": "#/types/ambient:index:NextAction",
        "description": "Next action of a later run, and its time.",
    },
    "reason": _TEXT | {"description": "Why the current token was minted."},
    "undelivered": _TEXT | {"description": "Why the delivery Secret does not contain the token; null if it does."},
    "schemaVersion": _WHOLE | {"description": "Version of the recorded format."},
}

_TYPES: Final[dict[str, Any]] = {
    "ambient:index:TokenHandle": {
        "type": "object",
        "description": "A token, identified by its token Secret: deleting that Secret revokes only this token.",
        "properties": {
            "handle": _TEXT | {"description": "Name of the Secret."},
            "uid": _TEXT | {"description": "Its uid."},
            "generation": _WHOLE | {"description": "Generation of its identity."},
            "issuedAt": _TEXT | {"description": "RFC 3339."},
            "expiresAt": _TEXT | {"description": "RFC 3339, as the cluster granted it; null if it was not recorded."},
            "dead": _TEXT | {"description": "Why it no longer works, as a refresh found; null while it works."},
            "lapsed": _FLAG | {"description": "Whether that is because its life is over; left out where it is not."},
        },
        "required": ["handle", "uid", "generation", "issuedAt"],
    },
    "ambient:index:TokenDelivery": {
        "type": "object",
        "description": "A Secret that a key is delivered to.",
        "properties": {
            "namespace": _TEXT | {"description": "An existing namespace that is not a workspace."},
            "name": _TEXT | {"description": "Name of the Secret; a Secret of others is refused."},
            "key": _TEXT | {"description": "Key of the token; the previous token has the prefix `previous-`."},
        },
        "required": ["namespace", "name", "key"],
    },
    "ambient:index:StackGuardrails": {
        "type": "object",
        "description": "Guardrail settings.",
        "properties": {
            "exceptions": {"type": "array", "items": _TEXT, "description": "Guardrails with an exception in this run."},
            "maxKeys": _WHOLE | {"description": "Maximum number of keys per workspace. Default: 10."},
            "groupsOnly": _FLAG | {"description": "New grants for single users are refused. Default: false."},
            "isolateAdminKeys": _FLAG
            | {"description": "Admin keys are refused in a workspace that another subject may edit. Default: false."},
            "adopt": {
                "type": "array",
                "items": _TEXT,
                "description": "Existing namespaces that included files may take over. Only recorded.",
            },
            "buckets": {
                "type": "array",
                "items": _TEXT,
                "description": "Existing buckets that included files may take over or share. Only recorded.",
            },
            "secretSources": {
                "type": "array",
                "items": _TEXT,
                "description": "Further places for secret sources outside of the project, as text. Only recorded.",
            },
        },
        "required": [],
    },
    "ambient:index:NextAction": {
        "type": "object",
        "properties": {
            "what": _TEXT | {"description": "rotate, revoke, or expire (no action)."},
            "at": _TEXT | {"description": "RFC 3339; the first run after this time does it."},
        },
        "required": ["what", "at"],
    },
}

_LEDGER: Final[dict[str, Any]] = {
    "owner": _TEXT | {"description": "Owner of these workspaces, PROJECT/FLEET."},
    "workspaces": {
        "type": "object",
        "additionalProperties": {"$ref": "pulumi.json#/Any"},
        "description": "Entries by workspace: state, owners, grants by subject, keys by id. Never a secret.",
    },
    "guardrails": {
        "$ref": "#/types/ambient:index:StackGuardrails",
        "description": "Guardrail settings of the stack. Default: built-in.",
    },
    "excluded": {
        "type": "array",
        "items": _TEXT,
        "description": "Workspaces excluded from this run: their entries stay as deployed. Never recorded.",
    },
    "moved": {
        "type": "array",
        "items": _TEXT,
        "description": "Workspaces of the fleet's other shards, which a run must not remove. Never recorded.",
    },
    "acknowledged": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": _TEXT},
        "description": "Names of warnings that the check does not show, by workspace or * for all. Never recorded.",
    },
    "record": _TEXT
    | {"description": "NAMESPACE/NAME of the shard's run record. Default: none, for a stack that is not a shard."},
}

_SECRET_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "secret": _TEXT | {"description": "Its name: ambient-runner-secrets or ambient-non-vertex-integrations."},
    "values": {
        "type": "object",
        "additionalProperties": _TEXT,
        "secret": True,
        "description": "Complete content by name.",
    },
    "onDrift": _TEXT | {"description": "Which side wins after a save in the UI: overwrite (default) or keep."},
    "released": _RELEASED,
}

_SETTINGS_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "inactivityTimeoutSeconds": _WHOLE
    | {"description": "Seconds without activity after which a session is stopped; 0 means never."},
    "mcpServers": {"type": "object", "additionalProperties": _ANY, "description": "custom, disabled."},
    "released": _RELEASED,
}

_CONTAINER_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "defaultRequest": _QUANTITIES | {"description": "Request of a container that sets none."},
    "default": _QUANTITIES | {"description": "Limit of a container that sets none."},
    "min": _QUANTITIES | {"description": "Minimum request of a container."},
    "max": _QUANTITIES | {"description": "Maximum limit of a container."},
    "released": _RELEASED,
}

_FLAGS_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "flags": {"type": "object", "additionalProperties": _FLAG, "description": "true or false by flag."},
    "released": _RELEASED,
}

_SCHEDULE_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "name": _TEXT | {"description": "Name of the CronJob."},
    "owner": _TEXT | {"description": "Owner, PROJECT/FLEET; another owner's CronJob is refused."},
    "platformNamespace": _TEXT | {"description": "The platform's namespace."},
    **described(ARGUMENTS),
    "runAs": _TEXT | {"description": "User id of the sessions."},
    "sessionTemplate": {
        "type": "object",
        "additionalProperties": _ANY,
        "description": "Declared fields of the sessions, in the format of the platform's API.",
    },
    "image": _TEXT | {"description": "The operator's image. Default: the one that the platform's backend has."},
    "adopt": _FLAG | {"description": "Adopt a CronJob of this name without an owner."},
    "closed": _FLAG | {"description": "The workspace is closed: its Closure suspends and resumes schedules."},
    "released": _FLAG | {"description": "The workspace is being released: only the ownership annotation is removed."},
}

_CLOSURE_INPUTS: Final[dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "staying": {"type": "array", "items": _TEXT, "description": "Subjects that keep their access: the owners."},
    **properties(OnClose, "closure"),
}


_METADATA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": _ANY,
    "description": "name, namespace, labels, annotations.",
}

_BINDING_INPUTS: Final[dict[str, Any]] = {
    "metadata": _METADATA,
    "roleRef": {"type": "object", "additionalProperties": _TEXT, "description": "As in Kubernetes."},
    "subjects": {"type": "array", "items": _ANY, "description": "As in Kubernetes; further subjects are drift."},
    "released": _RELEASED,
}

_ACCOUNT_INPUTS: Final[dict[str, Any]] = {
    "metadata": _METADATA,
    "released": _RELEASED,
    "adopt": _FLAG | {"description": "Adopt an existing account with its tokens. Default: it is deleted."},
    "ofPlatform": _FLAG | {"description": "The platform made the account: it is adopted, and never created."},
}

_UID: Final[dict[str, Any]] = {"uid": _TEXT | {"description": "uid of the object."}}


def schema() -> dict[str, Any]:
    # Not a constant: the texts are read from the sources of the models.
    token_inputs = properties(TokenInputs, "token") | properties(Key, "token")
    return {
        "name": "ambient",
        "version": VERSION,
        "displayName": "Ambient",
        "description": "Access, keys, secrets, settings and buckets of Ambient Code Platform workspaces.",
        "license": "Apache-2.0",
        "keywords": ["kind/native", "category/cloud", "kubernetes"],
        "config": {"variables": _settings()},
        "provider": {
            "description": "The ambient plugin: one instance per cluster and object store.",
            "inputProperties": _settings(),
        },
        "types": _TYPES | store_schema.TYPES,
        "resources": {
            urns.ACCESS_TOKEN: {
                "description": "The tokens of one key, over their rotations.",
                "inputProperties": token_inputs,
                "requiredInputs": ["namespace", "serviceAccount", "key", "owner"],
                "properties": token_inputs | _TOKEN_OUTPUTS,
                "required": ["retiring", "schemaVersion"],
            },
            urns.ACCESS_LEDGER: {
                "description": "A stack's complete access, registered first: guardrails and a readable diff.",
                "inputProperties": _LEDGER,
                "requiredInputs": ["owner", "workspaces"],
                "properties": _LEDGER,
                "required": ["owner", "workspaces"],
            },
            urns.WORKSPACE_SECRET: _resource(
                "One of a workspace's two Secrets with its complete content; updated in place.",
                _SECRET_INPUTS,
                ["namespace", "secret", "values"],
                {
                    "drift": {
                        "type": "object",
                        "additionalProperties": _TEXT,
                        "description": "Drift as found by a refresh, by name: added, changed, removed.",
                    }
                },
            ),
            urns.PROJECT_SETTINGS: _resource(
                "Idle timeout and MCP servers of a workspace.", _SETTINGS_INPUTS, ["namespace"]
            ),
            urns.CONTAINER_DEFAULTS: _resource(
                "Limits and requests of a workspace's containers.", _CONTAINER_INPUTS, ["namespace"]
            ),
            urns.FEATURE_FLAGS: _resource(
                "Feature flags of a workspace; other flags that the UI changed stay.",
                _FLAGS_INPUTS,
                ["namespace", "flags"],
            ),
            urns.ROLE_BINDING: _resource(
                "A RoleBinding kept equal to its declaration.",
                _BINDING_INPUTS,
                ["metadata", "roleRef", "subjects"],
                _UID,
            ),
            urns.SERVICE_ACCOUNT: _resource(
                "The identity of a key, for which no earlier token is valid.",
                _ACCOUNT_INPUTS,
                ["metadata"],
                _UID
                | {
                    "createdAt": _TEXT | {"description": "Creation time of the key, RFC 3339."},
                    "lastUsedAt": _TEXT | {"description": "Time of the key's last use, as of the last refresh."},
                },
            ),
            urns.SCHEDULED_SESSION: _resource(
                "A scheduled session of the platform; fields that are left out are managed in its UI.",
                _SCHEDULE_INPUTS,
                [
                    "namespace",
                    "name",
                    "owner",
                    "platformNamespace",
                    "schedule",
                    "displayName",
                    "runAs",
                    "sessionTemplate",
                ],
                _UID
                | {
                    "image": _TEXT | {"description": "Image that its Jobs run."},
                    "drift": {
                        "type": "array",
                        "items": _TEXT,
                        "description": "Changes by others that no input shows, as found by a refresh.",
                    },
                },
            ),
            **store_schema.RESOURCES,
            urns.CLOSURE: _resource(
                "A closed workspace: no grants, keys or secrets of any origin.",
                _CLOSURE_INPUTS,
                ["namespace", "staying"],
                {
                    "found": {
                        "type": "array",
                        "items": _TEXT,
                        "description": "Access and schedules that came back.",
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
    return json.dumps(schema())


def _settings() -> dict[str, Any]:
    return {
        name: _TEXT | {"description": meaning} | ({"secret": True} if name in SECRETS else {})
        for name, meaning in SETTINGS.items()
    }

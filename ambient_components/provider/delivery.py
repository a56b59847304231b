"""Where a key's token is written for its user: a Secret in another namespace of the cluster.

The Secret is ours as a whole: it carries our mark and the key's name, and one without them is never touched. During an
overlap it holds the token before under a second name.
"""

import base64
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster import ApiError, core
from ambient_components.cluster_objects import annotations, decoded, labels, short, texts, uid
from ambient_components.contract import (
    DELIVERY,
    DELIVERY_LABEL,
    KEY_GENERATION_ANNOTATION,
    KEY_NAME_OF_DELIVERY,
    MANAGED,
    MANAGED_LABEL,
    OWNER_ANNOTATION,
)
from ambient_components.failure import StepError
from ambient_components.provider.handles import Identity
from ambient_components.provider.resource import Context, Values

_PREVIOUS: Final = "previous-"


@dataclass(frozen=True, slots=True)
class Target:
    """A key of a Secret."""

    namespace: str
    name: str
    key: str

    @classmethod
    def of(cls, values: Values) -> "Target | None":
        """Read from an AccessToken's inputs or state."""
        given = values.get("deliver")
        return cls(given["namespace"], given["name"], given["key"]) if given else None

    @property
    def path(self) -> str:
        """API path of the Secret."""
        return core("namespaces", self.namespace, "secrets", self.name)

    @property
    def previous(self) -> str:
        """Key of the token before."""
        return f"{_PREVIOUS}{self.key}"

    def __str__(self) -> str:
        return f"Secret {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What lies in the Secret now."""

    token: str | None = None
    previous: str | None = None
    exists: bool = False

    def __repr__(self) -> str:
        return f"Delivered(exists={self.exists})"


def look(context: Context, identity: Identity, target: Target) -> Delivered:
    """What is there.

    Raises:
        StepError: the Secret is somebody else's, or its namespace is none where a key may lie.
    """
    cluster = context.guard.cluster
    secret = cluster.get(target.path)
    if secret is None:
        namespace = cluster.get(core("namespaces", target.namespace))
        if namespace is None:
            msg = f"there is no namespace {target.namespace!r} to deliver the key to; create it, or name another"
            raise StepError(msg)
        if labels(namespace).get(MANAGED_LABEL) == MANAGED:
            msg = (
                f"namespace {target.namespace!r} is a workspace: every session in it could read the key; deliver it "
                "to a namespace that is none"
            )
            raise StepError(msg)
        return Delivered()
    notes = annotations(secret)
    if (notes.get(OWNER_ANNOTATION), notes.get(KEY_NAME_OF_DELIVERY)) != (identity.owner, _name(identity)):
        whose = notes.get(KEY_NAME_OF_DELIVERY)
        holder = "was not made by this tool"
        if whose:
            holder = f"holds the key {short(whose)} of {short(notes.get(OWNER_ANNOTATION, 'no stack'))}"
        msg = f"{target} exists, and it {holder}: it is not touched; name another Secret, or delete that one first"
        raise StepError(msg)
    data = texts(secret.get("data"))
    return Delivered(decoded(data.get(target.key)), decoded(data.get(target.previous)), exists=True)


def write(context: Context, identity: Identity, target: Target, token: str, previous: str | None) -> None:
    """Puts the token into the Secret, and the one before beside it or nothing.

    Raises:
        StepError: the cluster refuses.
    """
    values = {target.key: token, target.previous: previous}
    notes = {
        OWNER_ANNOTATION: identity.owner,
        KEY_NAME_OF_DELIVERY: _name(identity),
        KEY_GENERATION_ANNOTATION: str(identity.generation),
    }
    metadata = {"name": target.name, "labels": {DELIVERY_LABEL: DELIVERY}, "annotations": notes}
    encoded = {key: base64.b64encode(value.encode()).decode() if value else None for key, value in values.items()}
    cluster = context.guard.cluster
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata}
    try:
        if cluster.get(target.path) is None:
            body["data"] = {key: value for key, value in encoded.items() if value}
            cluster.create(core("namespaces", target.namespace, "secrets"), body)
        else:
            cluster.patch(target.path, {"metadata": metadata, "data": encoded})
    except ApiError as error:
        msg = f"can't deliver the key to {target}: {error}"
        raise StepError(msg) from None


def remove(context: Context, identity: Identity, target: Target) -> None:
    """Deletes the Secret, unless it is another's, or another generation of the key lies in it by now."""
    secret = context.guard.cluster.get(target.path)
    if secret is None:
        return
    notes = annotations(secret)
    ours = (notes.get(OWNER_ANNOTATION), notes.get(KEY_NAME_OF_DELIVERY), notes.get(KEY_GENERATION_ANNOTATION))
    if ours == (identity.owner, _name(identity), str(identity.generation)):
        context.guard.cluster.delete(target.path, uid(secret))
        context.note(f"deleted {target}: the key is no longer delivered there")


def _name(identity: Identity) -> str:
    return f"{identity.namespace}/{identity.key}"

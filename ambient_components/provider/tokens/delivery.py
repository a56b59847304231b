"""Delivery of a token to the Secret that its user reads, in another namespace of the cluster, and its failures."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ambient_components.cluster.client import ApiError, core
from ambient_components.cluster.objects import annotations, decoded, labels, short, texts, uid
from ambient_components.errors import StepError
from ambient_components.model.keys import DeliverySecret
from ambient_components.platform.contract import (
    DELIVERY,
    DELIVERY_LABEL,
    KEY_GENERATION_ANNOTATION,
    KEY_NAME_OF_DELIVERY,
    MANAGED,
    MANAGED_LABEL,
    OWNER_ANNOTATION,
)
from ambient_components.provider.protocol.resource import Context, Values
from ambient_components.provider.tokens.minting import is_of
from ambient_components.provider.tokens.properties import Identity, retained
from ambient_components.provider.tokens.token_secrets import revoke
from ambient_components.rotation import TokenSecret, TokenState
from ambient_components.rules.keys import default_server_problem, is_loopback
from ambient_components.rules.warnings import LoudWarning


def target_of(values: Values) -> DeliverySecret | None:
    given = values.get("deliver")
    return DeliverySecret.model_construct(**given) if given else None


def _path(target: DeliverySecret) -> str:
    return core("namespaces", target.namespace, "secrets", target.name)


Content = tuple[str | None, str | None]
"""The token and the previous token in a delivery Secret."""

_WRITE_SERVER: Final = "write the server that its users reach: server: https://HOST"

EMPTY: Final[Content] = (None, None)


def look(context: Context, identity: Identity, target: DeliverySecret) -> Content | None:
    """Return the current content of the Secret; None if it is not there.

    Raises:
        StepError: The Secret is foreign, or no key may be in its namespace. An existing Secret is no reason to deliver:
            users of a workspace can create it in advance, and a namespace can become a workspace later.
    """
    namespace = context.guard.cluster.get(core("namespaces", target.namespace))
    if namespace is None:
        msg = f"there is no namespace {target.namespace!r} to deliver the key to"
        raise StepError(msg, "create it, or name another")
    # A closed workspace has only the ownership annotation, and its sessions run again when it is opened.
    if labels(namespace).get(MANAGED_LABEL) == MANAGED or OWNER_ANNOTATION in annotations(namespace):
        msg = f"namespace {target.namespace!r} is a workspace: every session in it could read the key"
        raise StepError(msg, "deliver it to a namespace that is none")
    if target.kubeconfig and target.server is None and default_server_problem(context.guard.cluster.endpoint()[0]):
        msg = f"{target} gets no kubeconfig: the deployer's own one has no https:// address, or credentials in it"
        raise StepError(msg, _WRITE_SERVER)
    return _held(context, identity, target)


def _held(context: Context, identity: Identity, target: DeliverySecret) -> Content | None:
    secret = context.guard.cluster.get(_path(target))
    if secret is None:
        return None
    notes = annotations(secret)
    if (notes.get(OWNER_ANNOTATION), notes.get(KEY_NAME_OF_DELIVERY)) != (identity.owner, _name(identity)):
        key_name = notes.get(KEY_NAME_OF_DELIVERY)
        holder = "was not made by this tool"
        if key_name:
            holder = f"holds the key {short(key_name)} of {short(notes.get(OWNER_ANNOTATION, 'no stack'))}"
        msg = f"{target} exists, and it {holder}: it is not touched"
        raise StepError(msg, "name another Secret, or delete that one first")
    return _content(secret, target)


def _text(secret: Mapping[str, Any] | None, key: str) -> str:
    return decoded(texts((secret or {}).get("data")).get(key)) or ""


def _content(secret: Mapping[str, Any], target: DeliverySecret) -> Content:
    data = texts(secret.get("data"))
    return decoded(data.get(target.key)), decoded(data.get(target.previous))


def write(context: Context, identity: Identity, target: DeliverySecret, token: str, previous: str | None) -> None:
    values = {target.key: token, target.previous: previous}
    if target.kubeconfig:
        values[target.kubeconfig] = _kubeconfig(context, identity, target, token)
        host = context.guard.cluster.endpoint()[0]
        if target.server is None and is_loopback(host):
            what = f"the kubeconfig in {target} works on the deployer's machine alone: its server is {host}"
            context.warn(LoudWarning.NOT_DONE, what, _WRITE_SERVER)
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
        if cluster.get(_path(target)) is None:
            body["data"] = {key: value for key, value in encoded.items() if value}
            cluster.create(core("namespaces", target.namespace, "secrets"), body)
        else:
            cluster.patch(_path(target), {"metadata": metadata, "data": encoded})
    except ApiError as error:
        msg = f"can't deliver the key to {target}: {error}"
        raise StepError(msg) from None


def _kubeconfig(context: Context, identity: Identity, target: DeliverySecret, token: str) -> str:
    """Return a kubeconfig as JSON, which is YAML, with the token alone: nothing of the deployer's credentials."""
    host, trusted = context.guard.cluster.endpoint()
    trusted = target.authority or trusted
    data = {"certificate-authority-data": base64.b64encode(trusted.encode()).decode()} if trusted else {}
    cluster = {"server": target.server or host, **data}
    name = identity.namespace
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": name}}],
        "current-context": name,
    }
    return json.dumps(kubeconfig, indent=2)


def remove(context: Context, identity: Identity, target: DeliverySecret) -> None:
    """Delete the Secret, unless it is foreign or already contains another generation of the key."""
    secret = context.guard.cluster.get(_path(target))
    if secret is None:
        return
    notes = annotations(secret)
    ours = (notes.get(OWNER_ANNOTATION), notes.get(KEY_NAME_OF_DELIVERY), notes.get(KEY_GENERATION_ANNOTATION))
    if ours == (identity.owner, _name(identity), str(identity.generation)):
        context.guard.cluster.delete(_path(target), uid(secret))
        context.note(f"deleted {target}: the key is no longer delivered there")


def leave(context: Context, identity: Identity, old: DeliverySecret, target: DeliverySecret | None) -> None:
    """Remove the key from where it was delivered before; a Secret that has it under another key now stays."""
    if target is None or _path(old) != _path(target):
        remove(context, identity, old)
    elif stale := sorted(old.keys - target.keys):
        context.guard.cluster.patch(_path(target), {"data": dict.fromkeys(stale)})


def _name(identity: Identity) -> str:
    return f"{identity.namespace}/{identity.key}"


NO_KUBECONFIG: Final = "holds no kubeconfig with it"
"""End of the reason of a delivery that is written again without another token."""

_NOT_DELIVERED: Final = "the run that minted it could not deliver it"


def lost(context: Context, inputs: Values, state: TokenState) -> str | None:
    """Return why the delivery Secret does not contain the token; None if it does."""
    target = target_of(inputs)
    if target is None or inputs.get("former") or state.current is None:
        return None
    try:
        there = look(context, Identity.of(inputs), target)
    except StepError as error:
        if retained(inputs):
            return str(error)
        # Unreadable does not mean lost: without a copy in the state, another token would be minted.
        context.warn(LoudWarning.NOT_CHECKED, error.problem.within(f"could not see whether {target} holds the key"))
        return None
    if there is None:
        return f"{target} is gone"
    if not is_of(there[0], state.current):
        return f"{target} holds another token"
    if target.kubeconfig:
        # As a whole: another server would get the token, and the deployer's certificates may have changed.
        desired = _kubeconfig(context, Identity.of(inputs), target, str(there[0]))
        if _text(context.guard.cluster.get(_path(target)), target.kubeconfig) != desired:
            return f"{target} {NO_KUBECONFIG}"
    return None


def moved_from(context: Context, identity: Identity, state: Values, target: DeliverySecret | None) -> Content:
    """Return the content of the previous delivery Secret, if the target has changed."""
    old = target_of(state)
    if old is None or old == target:
        return EMPTY
    try:
        return _held(context, identity, old) or EMPTY
    except StepError:
        return EMPTY


def hand_over(
    context: Context,
    news: Values,
    target: DeliverySecret,
    minted: TokenSecret | None,
    token: str,
    previous: str | None,
) -> str | None:
    """Write the token, and return the error if the token is stored and the next run can retry."""
    identity = Identity.of(news)
    try:
        write(context, identity, target, token, previous)
    except StepError as error:
        arrived = _arrived(context, target, token)
        if arrived:
            return None
        if not retained(news):
            # An unseen Secret may hold it. The next run then ends it, after it has delivered another.
            if minted and arrived is False:
                revoke(context, identity, [(minted, _NOT_DELIVERED)])
            raise
        failure = error.problem.within("the token is kept, and not delivered", "deploy again")
        context.warn(LoudWarning.NOT_DONE, failure)
        return str(error)
    return None


def _arrived(context: Context, target: DeliverySecret, token: str) -> bool | None:
    """Return whether the Secret contains the token despite an error, or None if that can't be read."""
    try:
        secret = context.guard.cluster.get(_path(target))
    except StepError:
        return None
    return secret is not None and _content(secret, target)[0] == token


def token_before(there: Content, current: str, retiring: Iterable[TokenSecret]) -> str | None:
    """Return the previous token in the Secret, preferably one that is still valid."""
    before = [text for text in there if text and text != current]
    living = [text for text in before if any(is_of(text, token_secret) for token_secret in retiring)]
    return next(iter((*living, *before)), None)


def delivered_in(token_secrets: Iterable[TokenSecret], *secrets: Content) -> tuple[TokenSecret, ...]:
    return tuple(
        token_secret for token_secret in token_secrets if any(is_of(token, token_secret) for token, _ in secrets)
    )

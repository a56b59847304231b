"""Checks of component arguments, with the rules in `ambient_components.rules`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar, cast
from zoneinfo import ZoneInfo

import pulumi

from ambient_components.model import derive
from ambient_components.model.base import Model
from ambient_components.model.derive import arguments
from ambient_components.model.grants import grant_findings, owner_findings
from ambient_components.model.keys import Key, SeparateKey, key_findings, shared_account_findings
from ambient_components.model.schedules import schedules_findings
from ambient_components.model.stack import Workspace
from ambient_components.model.storage import SeparateBucket
from ambient_components.platform.contract import INTEGRATION_SECRET, PLATFORM_NAMESPACE_DEFAULT, ROLES, Role
from ambient_components.platform.naming import key_id_problem
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.extras import AWS, not_installed
from ambient_components.rules.findings import Finding, as_problem, below, verdict_finding
from ambient_components.rules.keys import role_findings
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.rules.secrets import drift_findings
from ambient_components.rules.spelling import python_spelling
from ambient_components.rules.states import RELEASED, STATES, WorkspaceState
from ambient_components.rules.workspaces import note_findings, text_findings, workspace_findings

M = TypeVar("M", bound=Model)


def read_arguments(
    what: str, model: type[M], values: Mapping[str, Any], rules: Callable[[M], Iterable[Finding]] = lambda _: ()
) -> M:
    """Return a component's arguments as its model.

    Args:
        what: Kind and name of the resource, for messages.
        model: The arguments, in Python's spelling.
        values: What the program gave.
        rules: Finds further problems of the arguments.

    Raises:
        ValueError: All problems, one per line.
    """
    result, found = _read(model, values, rules)
    _refuse(what, found)
    return cast("M", result)


def _read(
    model: type[M], values: Mapping[str, Any], rules: Callable[[M], Iterable[Finding]]
) -> tuple[M | None, list[Finding]]:
    result, found = arguments(model, values, deferred=pulumi.Output)
    valid = result
    if valid is None:
        # So that all is told at once, rules about several arguments see those that are valid.
        wrong = {finding.path[0] for finding in found if finding.path}
        rest = {name: value for name, value in values.items() if name not in wrong}
        valid, _ = arguments(model, rest, deferred=pulumi.Output)
    with python_spelling():
        return result, [*found, *(rules(valid) if valid is not None else ())]


def read_key(name: str, values: Mapping[str, Any]) -> SeparateKey:
    """Return an ApiKey's arguments.

    Raises:
        ValueError: All problems, one per line.
    """
    return read_arguments(
        f"key {name!r}",
        SeparateKey,
        values,
        lambda key: key_findings(key, key.id, key.namespace, run_every=key.run_every),
    )


_CONTENT: Final = (
    "state",
    "adopt",
    "protect",
    "display_name",
    "description",
    "owners",
    "grants",
    "labels",
    "annotations",
    "pod_security",
    "settings",
    "limits",
    "schedules",
    "on_close",
)


def check_workspace(
    name: str, args: Mapping[str, Any]
) -> tuple[Workspace, SeparateBucket | None, dict[str, SeparateKey]]:
    """Check a Workspace's arguments, and return its content besides secrets, its bucket and its keys.

    Raises:
        ValueError: All problems, one per line.
    """
    given = {field: args[field] for field in _CONTENT if args.get(field) is not None}
    if args.get("on_drift") is not None:
        given["secrets"] = {"on_drift": args["on_drift"]}
    content, found = derive.arguments(Workspace, given, deferred=pulumi.Output)
    if isinstance(given.get("settings"), Mapping) and "ca_bundle" in given["settings"]:
        remedy = "give the content of the file as ca_bundle of the workspace"
        found.append(Finding(("settings", "ca_bundle"), "is for stack files", remedy, at_key=True))
    bucket, wrong = _workspace_bucket(str(args.get("namespace") or name), args)
    if content is not None:
        with python_spelling():
            found += below(("owners",), owner_findings(content.owners))
            found += below(("grants",), grant_findings(content.grants, ZoneInfo("UTC"), content.state))
            found += note_findings(content.labels, content.annotations)
            found += text_findings({"display_name": content.display_name, "description": content.description})
            found += below(("settings",), content.settings.findings())
            found += below(("limits",), content.limits.findings())
            found += below(("schedules",), schedules_findings(content.schedules))
        drift = content.secrets.on_drift.integrations
        found += below(("secrets", "on_drift"), drift_findings(drift, has_bucket=bool(args.get("bucket"))))
    found += below(("bucket",), wrong)
    keys: dict[str, SeparateKey] = {}
    namespace, run_every = str(args.get("namespace") or name), args.get("runEverySeconds") or 0
    rules = partial(
        key_findings,
        workspace=namespace,
        platform=args.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT,
        run_every=run_every,
    )
    for key_id, declared in (args.get("keys") or {}).items():
        found += verdict_finding(("keys", key_id), key_id_problem(key_id))
        # A key of a stack file is a model already, and has passed its checks.
        key, misfits = (
            (declared, []) if isinstance(declared, Key) else _read(Key, declared, partial(rules, key_id=key_id))
        )
        found += below(("keys", key_id), misfits)
        if key is not None:
            keys[key_id] = SeparateKey.of(
                key,
                namespace=namespace,
                id=key_id,
                owner=args.get("owner"),
                run_every=run_every,
                released=args.get("state") == RELEASED,
            )
    with python_spelling():
        found += below(("keys",), shared_account_findings(keys))
    _refuse(f"workspace {name!r}", [*workspace_findings(name, args), *found])
    return content or Workspace(), bucket, keys


def _workspace_bucket(namespace: str, args: Mapping[str, Any]) -> tuple[SeparateBucket | None, list[Finding]]:
    given, state = args.get("bucket"), args.get("state")
    if not given:
        return None, []
    context = {
        "owner": args["owner"],
        "workspace": namespace,
        "workspace_state": WorkspaceState(state) if state in STATES else WorkspaceState.ACTIVE,
        "used_in": f"{namespace}/{INTEGRATION_SECRET}",
    }
    if isinstance(given, SeparateBucket):  # of a stack file, which is checked
        return given.model_copy(update=context), [*_not_installed(given)]
    return _bucket({**given, **context})


def check_bucket(name: str, args: Mapping[str, Any]) -> SeparateBucket:
    """Check a Bucket's arguments, and return them.

    Raises:
        ValueError: All problems, one per line.
    """
    bucket, found = _bucket(args)
    _refuse(f"bucket {name!r}", found)
    return cast("SeparateBucket", bucket)


def _bucket(args: Mapping[str, Any]) -> tuple[SeparateBucket | None, list[Finding]]:
    bucket, found = derive.arguments(SeparateBucket, args, deferred=pulumi.Output)
    if bucket is not None:
        with python_spelling():
            found += [*bucket.findings(), *_not_installed(bucket)]
    return bucket, found


def role_of(text: str) -> Role:
    """Return the role with this name.

    Raises:
        ValueError: The role is unknown.
    """
    if text not in ROLES:
        raise ValueError("\n".join(str(as_problem(one)) for one in role_findings((), text)))
    return Role(text)


def _not_installed(bucket: SeparateBucket) -> Iterator[Finding]:
    """Find a driver that the program itself can't declare. Of other libraries the plugin says what it lacks."""
    if bucket.driver is BucketDriver.AWS:
        yield from verdict_finding(("driver",), not_installed(AWS))


def _refuse(prefix: str, found: Iterable[Finding]) -> None:
    # Warnings are for who reviews a stack file. A credential can be in the place of any name.
    if lines := [without_credentials(f"{prefix}: {as_problem(one)}") for one in found if not one.warning]:
        raise ValueError("\n".join(lines))

"""Rules for all arguments of a workspace."""

from collections.abc import Iterator, Mapping
from typing import Any

from ambient_components import naming
from ambient_components.contract import PLATFORM_NAMESPACE_DEFAULT, PodSecurity
from ambient_components.labels import annotations_problem, key_problem, label_value_problem
from ambient_components.rules.arguments import choice_findings
from ambient_components.rules.buckets import bucket_findings
from ambient_components.rules.closing import closing_findings
from ambient_components.rules.findings import Finding, below, verdict_finding
from ambient_components.rules.grants import grant_findings, owner_findings
from ambient_components.rules.keys import key_findings
from ambient_components.rules.limits import limit_findings
from ambient_components.rules.secrets import drift_findings, integration_findings, runner_findings
from ambient_components.rules.settings import setting_findings
from ambient_components.rules.states import WorkspaceState


def workspace_findings(name: str, args: Mapping[str, Any]) -> Iterator[Finding]:
    """Find arguments that the platform rejects, and collisions of object names.

    Args:
        name: Name of the workspace, unless `namespace` is set.
        args: The arguments of the component.
    """
    namespace = str(args.get("namespace") or name)
    yield from verdict_finding((), naming.workspace_name_problem(namespace))
    yield from choice_findings(("state",), args.get("state"), WorkspaceState, "state")
    yield from choice_findings(("podSecurity",), args.get("podSecurity"), PodSecurity, "pod security level")
    yield from below(("onClose",), closing_findings(args.get("onClose") or {}))
    yield from below(("runnerSecrets",), runner_findings(args.get("runnerSecrets") or ()))
    yield from below(("integrationSecrets",), integration_findings(args.get("integrationSecrets") or ()))
    yield from below(("owners",), owner_findings(args.get("owners") or ()))
    yield from below(("grants",), grant_findings(args.get("grants") or ()))
    yield from note_findings(args.get("labels") or {}, args.get("annotations") or {})
    yield from below(("settings",), setting_findings(args.get("settings") or {}))
    yield from below(("limits",), limit_findings(args.get("limits") or {}))
    bucket = args.get("bucket")
    if bucket:
        whole = {**bucket, "workspace": namespace, "workspaceState": args.get("state")}
        yield from below(("bucket",), bucket_findings(whole))
    yield from below(("onDrift",), drift_findings(args.get("onDrift") or {}, has_bucket=bool(bucket)))
    platform = args.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT
    for key_id, key in (args.get("keys") or {}).items():
        yield from verdict_finding(("keys", key_id), naming.key_id_problem(key_id))
        yield from below(("keys", key_id), key_findings(key, namespace, platform))


def note_findings(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Iterator[Finding]:
    """Find labels and annotations with invalid syntax or reserved keys."""
    for key, value in labels.items():
        yield from verdict_finding(("labels", key), key_problem(key), at_key=True)
        yield from verdict_finding(("labels", key), label_value_problem(value))
    for key in annotations:
        yield from verdict_finding(("annotations", key), key_problem(key), at_key=True)
    yield from verdict_finding(("annotations",), annotations_problem(annotations))

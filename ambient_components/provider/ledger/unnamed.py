"""Objects that no ledger of this run names: no guardrail has evaluated them, so they are not made."""

from collections.abc import Iterator, Mapping, Sequence

from ambient_components.access.bindings import expected_objects
from ambient_components.access.entries import Entry, ledger_in, unnamed_refusal
from ambient_components.cluster.objects import listing, mapping, name, role_ref, subjects, text
from ambient_components.cluster.revocation import ROLE_BINDING, SERVICE_ACCOUNT
from ambient_components.engine import urns
from ambient_components.errors import Problem
from ambient_components.platform.contract import cluster_role
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import UNKNOWN, has_unknown

Named = Mapping[str, Sequence[Entry]]
"""The entries that a workspace has in the ledger: of an excluded one, also the deployed entry."""


def named_in(olds: Values, news: Values) -> Named:
    deployed, requested = ledger_in(olds), ledger_in(news)
    kept = {workspace: deployed[workspace] for workspace in news.get("excluded") or () if workspace in deployed}
    return {
        workspace: [entries[workspace] for entries in (requested, kept) if workspace in entries]
        for workspace in requested.keys() | kept.keys()
    }


def unnamed(named: Named | None, token: str, inputs: Values, *, is_changed: bool) -> list[Problem]:
    """Return a refusal of an object that the run's ledger does not name. The update checks what is not known yet.

    Args:
        named: Entries of the ledger that this process has checked; None if it has checked none.
        is_changed: Whether this run creates it, or changes its inputs. With `--target` a deployed one is checked
            without its ledger, and may stay and renew what it has.
    """
    workspace = _workspace(inputs)
    if workspace is None:
        return []
    if named is None:
        target = "with --target, name the ledger too"
        problem = f"workspace {workspace!r}: no ledger was checked before this object"
        return [unnamed_refusal(workspace, problem, target)] if is_changed else []
    if workspace not in named:
        return [unnamed_refusal(workspace, f"workspace {workspace!r}: the program's ledger does not name it")]
    given = _access(token, inputs)
    if given is None or given in _declared(token, workspace, named[workspace]):
        return []
    what = f"{given[0]} of {listing(given[1:])}"
    problem = f"workspace {workspace!r}: its entry in the program's ledger does not have {what}"
    return [unnamed_refusal(workspace, problem)]


def _workspace(inputs: Values) -> str | None:
    """Return the namespace of an object of ours; None if it has none, or it is not known yet."""
    metadata = inputs.get("metadata")
    value = (metadata if isinstance(metadata, dict) else inputs).get("namespace")
    if value is None and isinstance(used_in := inputs.get("usedIn"), str):
        value = used_in.partition("/")[0]
    return value if isinstance(value, str) and value else None


def _access(token: str, inputs: Values) -> tuple[str, ...] | None:
    """Return what an object gives, and to whom; None if it gives no access by itself, or that is not known yet."""
    if token == urns.ROLE_BINDING and not has_unknown([inputs.get("roleRef"), inputs.get("subjects")]):
        return role_ref(inputs), *subjects(inputs)
    if token == urns.SERVICE_ACCOUNT and mapping(inputs.get("metadata")).get("name") is not UNKNOWN:
        return SERVICE_ACCOUNT, name(inputs)
    if token == urns.ACCESS_TOKEN and UNKNOWN not in (inputs.get("key"), inputs.get("serviceAccount")):
        return f"key {text(inputs.get('key'))}", f"{SERVICE_ACCOUNT} {text(inputs.get('serviceAccount'))}"
    return None


def _declared(token: str, workspace: str, entries: Sequence[Entry]) -> Iterator[tuple[str, ...]]:
    for entry in entries:
        if token == urns.ACCESS_TOKEN:
            for key_id, key in entry.keys.items():
                for generation in key.generations:
                    yield f"key {key_id}", f"{SERVICE_ACCOUNT} {key.account(workspace, key_id, generation)}"
            continue
        for (kind, object_name), expected in expected_objects(workspace, entry).items():
            if kind == ROLE_BINDING and expected.role is not None:
                yield f"ClusterRole/{cluster_role(expected.role)}", str(expected.subject)
            elif kind == SERVICE_ACCOUNT:
                yield SERVICE_ACCOUNT, object_name

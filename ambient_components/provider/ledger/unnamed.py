"""Workspaces that no ledger of this run names: no guardrail has evaluated their access, so nothing is made in them."""

from collections.abc import Collection

from ambient_components.errors import Problem, refusal
from ambient_components.provider.protocol.resource import Values
from ambient_components.rules.refusals import Rule


def unnamed(named: Collection[str] | None, inputs: Values, *, is_changed: bool) -> list[Problem]:
    """Return a refusal of an object in a workspace that the run's ledger does not name.

    Args:
        named: Workspaces of the ledger that this process has checked; None if it has checked none.
        inputs: Inputs of the object.
        is_changed: Whether this run creates it, or changes its inputs. With `--target` a deployed one is checked
            without its ledger, and may stay and renew what it has.
    """
    namespace = _namespace(inputs)
    if namespace is None or (not is_changed if named is None else namespace in named):
        return []
    what = "no ledger was checked before this object" if named is None else "the program's ledger does not name it"
    return [
        refusal(
            f"workspace {namespace!r}: {what}, so no guardrail has evaluated its access",
            "declare the workspace in an AccessLedger with the same provider, and depend on that: depends_on=[ledger]",
            "with --target, name the ledger too" if named is None else "",
            "for a program without guardrails, say so: unguarded=True of its provider",
            rule=Rule.UNNAMED_WORKSPACE,
            workspaces=(namespace,),
        )
    ]


def _namespace(inputs: Values) -> str | None:
    """Return the namespace of an object of ours; None if it has none, or it is not known yet."""
    metadata = inputs.get("metadata")
    value = (metadata if isinstance(metadata, dict) else inputs).get("namespace")
    if value is None and isinstance(used_in := inputs.get("usedIn"), str):
        value = used_in.partition("/")[0]
    return value if isinstance(value, str) and value else None

"""Inputs of a ledger's check: the deployed ledger, the new one, and the workspaces excluded from this run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from ambient_components.access.entries import (
    Ledger,
    guardrail_misfits,
    ledger_misfits,
    misfit_problems,
    path_of,
    read_ledger,
)
from ambient_components.errors import Problem, refusal, reject
from ambient_components.model.derive import read
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.provider.ledger.run_record import RunRecord
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import has_unknown
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import Acknowledgements
from ambient_components.shards.excluded import others, with_excluded


def moved_refusals(owner: str, moved: Iterable[str]) -> list[Problem]:
    """Return refusals to remove moved workspaces, which the fleet's files still have."""
    fleet = owner.rsplit("/", 1)[-1]
    return [
        refusal(
            f"workspace {name!r} is in the files, and belongs to another shard now (the number of shards, or its "
            "shard:, has changed): nothing is changed",
            f"to move it with all that it has, run: ambient reshard {fleet}",
            rule=Rule.OTHER_SHARD,
            workspaces=(name,),
        )
        for name in moved
    ]


_EXCLUDED, _MOVED, _ACKNOWLEDGED = "excluded", "moved", "acknowledged"
_NEVER_RECORDED = (_EXCLUDED, _MOVED, _ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class LedgerInputs:
    owner: str
    """PROJECT/FLEET."""
    guardrails: GuardrailsRecord
    record: RunRecord | None
    """Run record of the shard; None if the stack is not a shard."""
    before: Ledger
    """The deployed ledger."""
    requested: Ledger
    """The ledger from the files."""
    after: Ledger
    """The ledger after this run: excluded workspaces stay as deployed. Malformed entries are left out."""
    misfits: tuple[Problem, ...]
    """Problems of malformed guardrails and entries."""
    excluded: frozenset[str]
    """Workspaces excluded from this run: the engine does not change them, so nothing about them is refused."""
    moved: tuple[str, ...]
    """Deployed workspaces that the files assign to another shard, sorted."""
    acknowledged: Acknowledgements
    """Warnings that the check does not show."""
    to_record: Values | None
    """Inputs to record in the state; None for the new inputs."""

    @classmethod
    def read(cls, olds: Values, news: Values) -> Self:
        if has_unknown(news):
            reject("its inputs must be known before the update", "give names and roles as plain text")
        owner, deployed, workspaces = news.get("owner"), olds.get("workspaces") or {}, news.get("workspaces")
        if not isinstance(owner, str) or not owner:
            reject("owner is missing: the project and the fleet that these workspaces belong to")
        if not isinstance(workspaces, dict):
            reject("workspaces: a mapping of workspace names to their access is expected")
        excluded = frozenset(_names(news, _EXCLUDED))
        guardrails = news.get("guardrails")
        of_guardrails = () if guardrails is None else guardrail_misfits(guardrails)
        of_entries = ledger_misfits({name: entry for name, entry in workspaces.items() if name not in excluded})
        before, requested = read_ledger(deployed), read_ledger(workspaces)
        after = with_excluded(excluded, before, requested)
        of_others = {*_names(news, _MOVED)} - excluded
        to_record = {name: value for name, value in news.items() if name not in _NEVER_RECORDED}
        return cls(
            owner,
            read(GuardrailsRecord, "ledger", guardrails),
            RunRecord.of(news),
            before,
            requested,
            {name: entry for name, entry in after.items() if name not in of_entries},
            (
                *(refusal(f"{path_of(misfit.path)}: {misfit.problem}", misfit.remedy) for misfit in of_guardrails),
                *misfit_problems(of_entries),
            ),
            excluded,
            tuple(sorted(of_others & deployed.keys() - workspaces.keys())),
            _acknowledged(news.get(_ACKNOWLEDGED, {})),
            # Unchanged, so that excluded workspaces show no change.
            {**to_record, "workspaces": with_excluded(excluded, deployed, workspaces)}
            if len(to_record) < len(news)
            else None,
        )

    def remaining(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return the effective refusals: none for excluded workspaces, and for moved ones only that they moved."""
        of_included = others(problems, self.excluded)
        return [*moved_refusals(self.owner, self.moved), *others(of_included, self.moved)]


def _acknowledged(value: Any) -> Acknowledgements:
    if not isinstance(value, dict) or not all(isinstance(names, list) for names in value.values()):
        reject(f"{_ACKNOWLEDGED}: a mapping of names of workspaces to names of warnings is expected")
    return Acknowledgements.named(value)


def _names(values: Values, name: str) -> list[str]:
    names = values.get(name, [])
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        reject(f"{name}: a list of names of workspaces is expected")
    return names

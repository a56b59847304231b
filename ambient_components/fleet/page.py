"""A fleet as one self-contained page for a browser: shards by result, age of the last run, next dates. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ambient_components.fleet.decisions import Decision
from ambient_components.fleet.jobs import Job, Result
from ambient_components.html.page import Markup, Part, Row, Total, join, moment, name, page, table, tag
from ambient_components.rotation.state import time_of
from ambient_components.rules.durations import format_rounded

_BAD: Final = (Result.INTERRUPTED, Result.FAILED, Result.NEVER)
_LOOKS: Final = {Result.UP_TO_DATE: "well", **dict.fromkeys(_BAD, "bad")}
_UNKNOWN: Final = (
    "What a run would change: ambient plan.",
    "What others changed in the cluster: ambient access --live.",
)


@dataclass(frozen=True, slots=True)
class _Shard:
    id: str
    """The id on the page."""
    job: Job
    ended: datetime | None
    """The end of the last successful run."""
    due: datetime | None
    """When a run becomes necessary even without a change."""
    resources: int | None

    @property
    def look(self) -> str:
        return _LOOKS.get(self.job.result, "due")


def as_html(fleet: str, decisions: Sequence[Decision], now: datetime, *, changed: bool = False) -> str:
    known = [(decision, job) for decision in decisions for job in decision.jobs if not (changed and job.skip)]
    shards = [_shard(f"s{number}", *shard) for number, shard in enumerate(known)]
    notes = [tag("p", tag("em", note.text), class_="note") for decision in decisions for note in decision.notes]
    parts = [
        Part("overview", "By result", join(notes, _heat(shards, now)), len(shards)),
        Part("dates", "Next dates", _dates(shards, now)),
        Part("shards", "Shards", _table("Shards", shards, now), len(shards)),
    ]
    lead = [("Run records in the cluster, the backend's stacks and the files at ", moment(now), ".")]
    return page(f"Fleet: {name(fleet)}", lead, _totals(shards), parts, _UNKNOWN)


def _shard(id_: str, decision: Decision, job: Job) -> _Shard:
    record, inputs = decision.known.get(job.number), job.inputs
    done = record.done if record is not None else None
    dates = (time_of(done.next_action) if done else None, inputs.next_at if inputs else None)
    due = min((date for date in dates if date is not None), default=None)
    return _Shard(id_, job, time_of(done.ended) if done else None, due, done.resources if done else None)


def _totals(shards: Sequence[_Shard]) -> Iterator[Total]:
    yield Total(len(shards), "shard" if len(shards) == 1 else "shards", "shards")
    yield Total(sum(shard.job.workspaces for shard in shards), "workspaces", "shards")
    counts = Counter(shard.job.result for shard in shards)
    for result in reversed(Result):
        if counts[result]:
            yield Total(counts[result], result.value, "overview", "high" if result in _BAD else "")


def _heat(shards: Sequence[_Shard], now: datetime) -> Markup:
    order = sorted(shards, key=lambda shard: (-list(Result).index(shard.job.result), shard.job.stack))
    tiles = [
        tag(
            "li",
            tag(
                "a",
                _bare(shard),
                tag("small", shard.job.result.value),
                tag("small", f"success {_age(shard, now)}" if shard.ended else "no success"),
                href=shard.id,
            ),
            class_=shard.look,
        )
        for shard in order
    ]
    return tag("ul", tiles, class_="heat") if tiles else tag("p", "No shards.", class_="calm")


def _dates(shards: Sequence[_Shard], now: datetime) -> Markup:
    dated = sorted((shard for shard in shards if shard.due), key=lambda shard: (shard.due or now, shard.job.stack))
    return _table("Shards by next date", dated, now, link=True) if dated else tag("p", "No shard is due by date.")


def _table(caption: str, shards: Sequence[_Shard], now: datetime, *, link: bool = False) -> Markup:
    heads = ("Shard", "Result", "Why", "Last successful run", "Next date", "Workspaces", "Changed", "Resources")
    rows = [
        Row(
            [
                tag("a", _bare(shard), href=shard.id) if link else _bare(shard),
                tag("span", shard.job.result.value, class_=f"sev {_grade(shard)}"),
                shard.job.why,
                _last(shard, now),
                _next(shard, now),
                shard.job.workspaces,
                shard.job.changed,
                "-" if shard.resources is None else shard.resources,
            ],
            "" if link else shard.id,
        )
        for shard in shards
    ]
    return table(caption, heads, rows, class_="fleet")


def _grade(shard: _Shard) -> str:
    return {"bad": "high", "due": "medium"}.get(shard.look, "low")


def _bare(shard: _Shard) -> str:
    return name(shard.job.stack.rsplit("/", 1)[-1])


def _age(shard: _Shard, now: datetime) -> str:
    return f"{format_rounded(max(now - shard.ended, timedelta()))} ago" if shard.ended else "-"


def _last(shard: _Shard, now: datetime) -> Markup | str:
    return join(moment(shard.ended), tag("small", f" {_age(shard, now)}")) if shard.ended else "-"


def _next(shard: _Shard, now: datetime) -> Markup | str:
    if shard.due is None:
        return "-"
    left = f"in {format_rounded(shard.due - now)}" if shard.due > now else f"since {format_rounded(now - shard.due)}"
    return join(moment(shard.due), tag("small", f" {left}"))

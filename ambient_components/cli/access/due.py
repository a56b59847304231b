"""`ambient access --due`: the grants and keys of which the review is due, by the subjects that approve changes."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from ambient_components import clock
from ambient_components.cli.tables import table
from ambient_components.output import Format, Paint
from ambient_components.printable import json_text, one_line
from ambient_components.rules.findings import Path
from ambient_components.stackfile.checks.reviews import Due, due
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks.ledgers import check_workspaces
from ambient_components.stacks.project import Project, stack_path

_HEAD = ("place", "workspace", "subject", "role", "due", "reason")


def due_reviews(project: Project, stack: str, selected: Sequence[str], subject: str, within: timedelta) -> "Reviews":
    """Return the due reviews of a stack's files, without an engine and a cluster."""
    loaded = load_stack(stack_path(project, stack))
    check_workspaces(stack, loaded.file.workspaces, selected)
    items = due(loaded.file, clock.now(), within)
    chosen = [item for item in items if item.workspace in (selected or [item.workspace])]
    return Reviews(stack, loaded, [item for item in chosen if subject in ("", item.who)])


class Reviews:
    """The due reviews of a stack, with their places in its files."""

    def __init__(self, stack: str, loaded: LoadedStack, items: Sequence[Due]) -> None:
        self.stack, self.loaded = stack, loaded
        self.items = sorted(items, key=lambda item: item.reviewers)

    def text(self, form: Format, paint: Paint) -> str:
        if form is Format.JSON:
            return json_text({"stack": self.stack, "due": [self._row(item) for item in self.items]})
        return "\n".join(self._lines(paint)) or f"No review of {self.stack} is due"

    def _lines(self, paint: Paint) -> Iterator[str]:
        for reviewers, items in groupby(self.items, key=lambda item: item.reviewers):
            yield paint(one_line(" or ".join(reviewers) or "no reviewers in the file", 300), "bold")
            yield from table(_HEAD, map(self._cells, items), paint, indent="  ")

    def _cells(self, item: Due) -> tuple[str, ...]:
        day = f"after {item.review_by}" if item.review_by else "never reviewed"
        return self._place(item.path), item.workspace, item.who, item.role, day, item.reason

    def _place(self, path: Path) -> str:
        return str(self.loaded.sources.key(path))

    def _row(self, item: Due) -> dict[str, Any]:
        where = self.loaded.sources.key(item.path)
        return {
            "reviewers": [*item.reviewers],
            "workspace": item.workspace,
            "subject": item.who,
            "role": item.role,
            "reason": item.reason or None,
            "reviewBy": str(item.review_by) if item.review_by else None,
            "file": where.file,
            "line": where.line,
            "column": where.column,
        }

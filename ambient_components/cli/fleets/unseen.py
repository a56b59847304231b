"""A view that may lose its reader: engines under way must not die of it."""

from collections.abc import Callable

from ambient_components.cli.fleets.jobs import Job, View


class Unseen:
    """Hands everything on to a view, until that can't write any more: then nothing is told, and all goes on.

    As after `ambient up prod --format json | head`, or in a terminal that was closed.

    Args:
        view: what tells.
    """

    def __init__(self, view: View) -> None:
        self._view: View | None = view

    def started(self, job: Job) -> None:
        """As of a view."""
        self._told(lambda view: view.started(job))

    def ended(self, job: Job) -> None:
        """As of a view."""
        self._told(lambda view: view.ended(job))

    def tick(self) -> None:
        """As of a view."""
        self._told(lambda view: view.tick())

    def note(self, text: str) -> None:
        """As of a view."""
        self._told(lambda view: view.note(text))

    def close(self) -> None:
        """As of a view."""
        self._told(lambda view: view.close())

    def _told(self, tell: Callable[[View], object]) -> None:
        if self._view is None:
            return
        try:
            tell(self._view)
        except OSError:
            self._view = None

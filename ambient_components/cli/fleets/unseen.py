"""A progress view with an output that may close. Running engines must not fail because of it."""

from collections.abc import Callable

from ambient_components.cli.fleets.jobs import Job, View


class Unseen:
    """A view that passes everything on to another view until it can no longer write. The run continues silently.

    This happens after `ambient up prod --format json | head`, or if the terminal is closed.

    Args:
        view: The view that writes.
    """

    def __init__(self, view: View) -> None:
        self._view: View | None = view

    def started(self, job: Job) -> None:
        """See `View`."""
        self._told(lambda view: view.started(job))

    def ended(self, job: Job) -> None:
        """See `View`."""
        self._told(lambda view: view.ended(job))

    def tick(self) -> None:
        """See `View`."""
        self._told(lambda view: view.tick())

    def note(self, text: str) -> None:
        """See `View`."""
        self._told(lambda view: view.note(text))

    def close(self) -> None:
        """See `View`."""
        self._told(lambda view: view.close())

    def _told(self, tell: Callable[[View], object]) -> None:
        if self._view is None:
            return
        try:
            tell(self._view)
        except OSError:
            self._view = None

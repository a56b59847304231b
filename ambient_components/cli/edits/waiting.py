"""Waiting until the cluster shows that access has ended or begun."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ambient_components.cluster.client import Cluster
from ambient_components.errors import Problem, StepError

PATIENCE: Final = 30.0
"""Seconds until access must have ended. The API server caches authentication for up to 10 s."""
PAUSE: Final = 0.5


@dataclass
class Observer:
    """An observer of the cluster before and after a deployment."""

    cluster: Cluster
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def deadline(self) -> float:
        return self.clock() + PATIENCE

    def until_none(
        self, look: Callable[[], Problem | None], deadline: float, unanswered: Callable[[StepError], Problem]
    ) -> Problem | None:
        """Check until there is no problem or the time is over, and return the last problem."""
        while True:
            try:
                problem = look()
            except StepError as error:
                problem = unanswered(error)
            if problem is None or self.clock() >= deadline:
                return problem
            self.sleep(PAUSE)

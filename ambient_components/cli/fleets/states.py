"""What the back end knows of a project's stacks, all of them by one question: `pulumi stack ls --json`."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ambient_components.errors import fail


@dataclass(frozen=True, slots=True)
class State:
    """One stack's state, without its contents."""

    at: str
    """When it was written last, to the letter; empty: never."""
    resources: int | None
    """How many it has, where the back end says so."""

    @property
    def empty(self) -> bool:
        """Whether it has nothing, for sure."""
        return not self.at or self.resources == 0

    def written_since(self, begun: str, before: "State | None") -> bool:
        """Whether it was written by a run.

        Args:
            begun: when that began, RFC 3339.
            before: the same state as it was then.
        """
        if not self.at or (before is not None and self.at == before.at):
            return False
        return datetime.fromisoformat(self.at) >= datetime.fromisoformat(begun)


class Question:
    """`pulumi stack ls --json`, asked at once and answered later: meanwhile the files are loaded."""

    def __init__(self, program: str, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [program, "stack", "ls", "--json", "--non-interactive", "--color=never"],
            cwd=folder,
            env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._states: dict[str, State] | None = None

    def answer(self) -> dict[str, State]:
        """States by name of the stack, with and without its organisation.

        Raises:
            AmbientError: the back end does not answer.
        """
        if self._states is not None:
            return self._states
        stdout, stderr = self._process.communicate()
        if self._process.returncode != 0:
            from ambient_components.cli.engine import Answer, failed  # noqa: PLC0415

            failed(("stack", "ls", "--json"), Answer(self._process.returncode, stdout, stderr))
        self._states = read_states(stdout)
        return self._states


def read_states(text: str) -> dict[str, State]:
    """What `pulumi stack ls --json` printed.

    Raises:
        AmbientError: it is something else.
    """
    try:
        found = {
            str(item["name"]): State(item.get("lastUpdate") or "", item.get("resourceCount")) for item in _list(text)
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return fail(None, "", "`pulumi stack ls --json` printed something else than stacks")
    return {**{name.rsplit("/", 1)[-1]: state for name, state in found.items()}, **found}


def _list(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    if not isinstance(found, list):
        raise TypeError
    return found


def state_of(states: Mapping[str, State], stack: str) -> State | None:
    """The state of a stack; None: the back end has no such stack."""
    return states.get(stack) or states.get(stack.rsplit("/", 1)[-1])

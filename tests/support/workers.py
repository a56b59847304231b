"""How the workers of pytest-xdist share the tests: a file each, the long ones first, and nobody waits for a token.

Each worker is a process with a cluster, a store, an engine and a scan for secrets of its own. Two of them meet only in
the caches of built programs, which are written under another name and then renamed.
"""

from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

MINTED, EXPIRED = "test_a_real_token_is_minted", "test_a_real_token_has_expired"
"""A real token lives ten minutes: minted before all other tests, it is over when they are."""

WHILE_IT_LIVES = (
    "test_keys_expiry.py",
    "test_keys_cli.py",
    "test_keys_lifetimes.py",
    "test_keys_identity.py",
    "test_keys_delivery.py",
    "test_tokens.py",
    "test_dated_grants.py",
    "test_access_follows.py",
    "test_first_run.py",
    "test_guardrails.py",
    "test_refusals.py",
)
"""The engine tests of the worker that has this token, between the two: they should take it eleven minutes or more."""

_ENGINE = Path(__file__).parents[1] / "engine"


def arrange(items: list[pytest.Item]) -> None:
    """Put the tests in the order in which workers get them, which is also that of a run without workers."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, int]:
    if item.name == EXPIRED:
        # Last of all where one process runs all; the last of its share where there are workers.
        return 4, 0
    if item.path.parent != _ENGINE:
        return 2, 0
    if item.path.name in WHILE_IT_LIVES:
        return 1, -1 if item.name == MINTED else WHILE_IT_LIVES.index(item.path.name)
    # A long file takes long, and the last one should not be alone.
    return 3, -item.path.stat().st_size


def share(nodeid: str) -> str:
    """What one worker runs of a piece: a file, or the files of the real token."""
    file = Path(nodeid.partition("::")[0])
    return "the real token" if file.parent.name == _ENGINE.name and file.name in WHILE_IT_LIVES else str(file)


class ByFile(LoadFileScheduling):
    """A share is one worker's, in the order of `arrange`."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)

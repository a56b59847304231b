"""The years of a workspace's keys on the real engine and the real API server, by a moved clock.

The server's own clock is not moved: a token that has expired by the run's clock is still answered, until its token
Secret is deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ambient_components.rules.durations import format_seconds
from ambient_components.rules.lifetimes import Policy
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED
from tests.support.crash_stacks import Asked, ManyInAStack, Phase, recorded
from tests.support.crashes import Stops, killed_by, space_of
from tests.support.faults import Call, Fate, Proxy, Rule
from tests.support.machine import Machine
from tests.support.stacks import Result

DAY = 86_400


@dataclass
class RealKey:
    """One key in the stack file."""

    terms: dict[str, str]
    generation: int = 1
    overlap_until: int = 0
    """In seconds of the simulated time; 0: none."""
    delivered: bool = False
    adopt: set[str] = field(default_factory=set)


class Years:
    """A stack with one workspace, at a simulated time.

    Args:
        machine: The cluster.
        proxy: Before its API server.
        folder: Of the project.
        keys: By id.
    """

    def __init__(self, machine: Machine, proxy: Proxy, folder: Path, keys: dict[str, RealKey]) -> None:
        self.one, self.proxy, self.keys = ManyInAStack(machine, proxy, folder, 1), proxy, keys
        self.space = self.one.spaces[0]
        self.machine, self.at = machine, 0
        self.life: str | None = ACTIVE
        self.adopted = False
        self.revoked: set[str] = set()
        """Uids of token Secrets that were deleted by hand."""
        self.runs = self.crashed = self.most = 0
        self.complete = False
        """Whether the last run ended well."""
        self._began = datetime.now(UTC)
        self._minted = len(proxy.minted)

    # What happens.

    def run(self, *flags: str) -> Result:
        """`pulumi up`."""
        self.write()
        self.runs += 1
        result = self.one.stack.up(*flags, offset=self.offset)
        self.complete = result.code == 0
        assert "Traceback" not in result.text
        if not self.complete and self.overlapping:
            self.overlaps_end()  # a person reads why it is refused
        self.holds(complete=self.complete, refreshed="--refresh" in flags)
        return result

    def crash(self, call: int, *, answered: bool) -> None:
        """A run that is killed at the nth of its changes, if it makes so many."""
        self.write()
        self.runs += 1
        stops = Stops({self.space: (call, answered)})
        environment = self.one.environment(self._phase)
        text = killed_by(self.proxy, stops, self.one.command(), self.one.stack.folder, environment)
        self.machine.outputs.append(text)
        self.one.after_a_kill()
        self.crashed += bool(stops.reached)
        self.complete = False

    @contextmanager
    def failing(self, call: int, fate: Fate) -> Iterator[None]:
        """A run in which the nth change is refused, or has no answer."""
        seen = 0

        def choose(one: Call) -> Rule | None:
            nonlocal seen
            seen += one.changes and space_of(one) == self.space
            return Rule("", "", fate, 500) if seen == call and one.changes and space_of(one) == self.space else None

        with self.proxy.choosing(choose):
            yield

    def revoke(self, which: int) -> None:
        """Delete a token Secret by hand."""
        there = self.token_secrets()
        if there:
            name, uid = sorted(there.items())[which % len(there)]
            self.machine.delete(f"/api/v1/namespaces/{self.space}/secrets/{name}")
            self.revoked.add(uid)

    def delete_delivery(self) -> None:
        path = f"/api/v1/namespaces/{self.space}-app/secrets/the-key"
        if self.machine.get(path):
            self.machine.delete(path)

    def lose_state(self) -> None:
        """The file then adopts the accounts, as the refusal of the next run says."""
        path = f"/api/v1/namespaces/{self.space}/serviceaccounts?labelSelector=app=ambient-access-key"
        for item in (self.machine.get(path) or {"items": []})["items"]:
            name = item["metadata"]["name"]
            for key_id, key in self.keys.items():
                if name.startswith(f"ambient-key-{key_id}-"):
                    key.adopt.add(name)
        self.one.stack.lose_state()

    def let_go(self) -> None:
        """A released workspace leaves the file; all of it stays."""
        self.life = None
        self.run().ok()
        path = f"/api/v1/namespaces/{self.space}/serviceaccounts?labelSelector=app=ambient-access-key"
        names = [item["metadata"]["name"] for item in (self.machine.get(path) or {"items": []})["items"]]
        for key_id, key in self.keys.items():
            key.adopt |= {name for name in names if name.startswith(f"ambient-key-{key_id}-")}
        self.adopted = True

    def moves_to(self, life: str | None) -> None:
        """Another state of the workspace, where the files may say so."""
        self.overlaps_end()
        if life is None:
            if not self._is_released():
                return
            self.let_go()
        elif life == RELEASED and not self._is_whole():
            return  # refused: what is not deployed can't be let go
        else:
            self.adopted |= self.life is None
            self.life = life

    def overlaps_end(self) -> None:
        """What closing ends has no overlap any more, and neither has what was never deployed."""
        for key in self.keys.values():
            key.overlap_until = 0

    def _tokens(self) -> list[dict[str, Any]]:
        return [item for item in self.state if item["type"] == "ambient:index:AccessToken"]

    def _is_whole(self) -> bool:
        generations = {(item["inputs"]["key"], item["inputs"].get("generation") or 1) for item in self._tokens()}
        return self.complete and generations == {(key_id, key.generation) for key_id, key in self.keys.items()}

    def _is_released(self) -> bool:
        tokens = self._tokens()
        return self.complete and bool(tokens) and all(item["inputs"].get("released") for item in tokens)

    # What is so.

    @property
    def overlapping(self) -> bool:
        """Whether the file has an overlap of two identities."""
        return any(key.overlap_until for key in self.keys.values())

    @property
    def minted(self) -> list[str]:
        """All tokens that were ever minted for it."""
        return self.proxy.minted[self._minted :]

    @property
    def state(self) -> list[dict[str, Any]]:
        return self.one.resources()

    def holds(self, *, complete: bool, refreshed: bool = True) -> None:
        """After a run: what every moment must keep, and what a complete run must reach."""
        state = self.state
        known = recorded(state)
        there = self.token_secrets()
        by_account: dict[str, int] = {}
        for item in state:
            if item["type"] == "ambient:index:AccessToken":
                outputs = item["outputs"]
                number = len([one for one in (outputs["current"], *outputs["retiring"]) if one and not one.get("dead")])
                by_account[item["inputs"]["serviceAccount"]] = number
                assert number <= 2, f"{item['inputs']['serviceAccount']}: {number} tokens"
        self.most = max(self.most, len(there))
        if not complete or self.life is None:
            return
        expected = set(known) - (set() if refreshed else self.revoked)
        assert set(there.values()) <= {*known}, f"without a record: {set(there.values()) - {*known}}"
        if self.life == ACTIVE:
            assert expected <= set(there.values()), f"recorded and gone: {expected - set(there.values())}"
            currents = [
                item["outputs"]["current"]
                for item in state
                if item["type"] == "ambient:index:AccessToken" and not item["inputs"].get("former")
            ]
            assert len(currents) == len(self.keys)
            assert all(currents)
            assert len(by_account) <= 2 * len(self.keys)
        elif self.life == CLOSED:
            assert not there
        asked = Asked(self.machine, self.proxy)
        with asked.connected():
            self.machine.until(
                lambda: asked.answers(self.minted, self._alive(known)), "only those on record", seconds=20
            )

    def _alive(self, known: dict[str, str]) -> set[str]:
        """Uids of the token Secrets of tokens that must be answered."""
        return {*known} & set(self.token_secrets().values())

    def token_secrets(self) -> dict[str, str]:
        """Uids by name."""
        path = f"/api/v1/namespaces/{self.space}/secrets?labelSelector=ambient-components/handle=true"
        return {
            item["metadata"]["name"]: item["metadata"]["uid"]
            for item in (self.machine.get(path) or {"items": []})["items"]
        }

    # The file.

    def write(self) -> None:
        lines = []
        for key_id, key in self.keys.items():
            terms = {**key.terms, "generation": str(key.generation)}
            if key.overlap_until and key.overlap_until >= self.at:
                terms["overlapUntil"] = str((self._began + timedelta(seconds=key.overlap_until)).date())
            if key.delivered:
                terms["deliver"] = f"{{secret: {{namespace: {self.space}-app, name: the-key}}}}"
            if key.adopt:
                terms["adopt"] = f"[{', '.join(sorted(key.adopt))}]"
            lines.append(f"      {key_id}: {{{', '.join(f'{name}: {value}' for name, value in terms.items())}}}\n")
        entry = f"    protect: false\n    state: {self.life}\n    onClose: {{wait: 1s}}\n    keys:\n{''.join(lines)}"
        entry += "    adopt: true\n" if self.adopted else ""
        self.one.write(Phase("now", entry if self.life else "", self.offset))

    @property
    def offset(self) -> str:
        # The run's clock is moved by the simulated time that the real one has not reached.
        return format_seconds(self.at) if self.at else ""

    @property
    def _phase(self) -> Phase:
        return Phase("now", "", self.offset)


def terms_of(policy: Policy) -> dict[str, str]:
    """A policy as the stack file has it."""
    if policy.never:
        return {"lifetime": "never"}
    desired = {"lifetime": policy.lifetime, "rotateBefore": policy.rotate_before, "overlap": policy.overlap}
    return {"role": "view"} | {name: format_seconds(value) if value else "0" for name, value in desired.items()}

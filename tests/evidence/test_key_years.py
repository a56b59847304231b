"""Keys over years on the real engine and the real API server: a soak, and histories as `test_rotation_histories` has.

After each run: at most two tokens an identity, none without a record, those on record are answered and no others, and
none of a closed workspace. After each history one run with a refresh converges, and a further one does nothing.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components.rules.lifetimes import Policy, misfit
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED
from tests.support import evidence
from tests.support.faults import Fate, Proxy
from tests.support.key_years import DAY, RealKey, Years, terms_of
from tests.support.machine import Machine, claims

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

HISTORIES, SOAK = "rotation", "soak"
YEAR = 365 * DAY
POLICIES = (
    Policy(30 * DAY, 8 * DAY, 4 * DAY, DAY),
    Policy(90 * DAY, 40 * DAY, 7 * DAY, DAY),
    Policy(90 * DAY, 14 * DAY, 0, DAY),
    Policy(DAY, DAY // 2, DAY // 4, 3600),
)


@pytest.fixture(scope="module")
def proxy(machine: Machine) -> Iterator[Proxy]:
    with Proxy(machine.cluster) as proxy:
        yield proxy


def ends_well(years: Years) -> None:
    """Whatever happened, one run that looks converges, and the next has nothing to do."""
    if years.life is None:
        years.life = ACTIVE
    years.proxy.rules, years.proxy.cap = [], None
    years.run("--refresh").ok()
    years.holds(complete=True)
    again = years.one.stack.preview("--expect-no-changes", offset=years.offset)
    assert again.unchanged, again.text


def test_five_years_of_monthly_runs(machine: Machine, proxy: Proxy, tmp_path: Path) -> None:
    policies = {
        "year": Policy(YEAR, 80 * DAY, 40 * DAY, 30 * DAY),
        "half": Policy(180 * DAY, 70 * DAY, 35 * DAY, 30 * DAY),
        "quarter": Policy(90 * DAY, 45 * DAY, 10 * DAY, 30 * DAY),
    }
    assert [misfit(policy) for policy in policies.values()] == [None] * 3
    years = Years(machine, proxy, tmp_path, {name: RealKey(terms_of(policy)) for name, policy in policies.items()})
    years.keys["quarter"].delivered = True
    for month in range(61):
        years.at = month * 30 * DAY
        assert "no run came" not in years.run().ok().text
    ends_well(years)
    bound = [claims(token)["kubernetes.io"]["secret"]["name"] for token in years.minted]
    for name, policy in policies.items():
        assert sum(f"-{name}-" in one for one in bound) > 5 * YEAR // policy.lifetime, name
    evidence.count(SOAK, "years of monthly runs on the real API server, of a workspace with three keys", 5)
    _counted(SOAK, years)


LIFE = {ACTIVE: (CLOSED, RELEASED), CLOSED: (ACTIVE,), RELEASED: (ACTIVE, None), None: (ACTIVE,)}


def happens(years: Years, chance: random.Random, what: str) -> None:
    """One event of a history; of the names of `test_rotation_histories.Rotation`."""
    key = years.keys["ci"]
    if years.life != ACTIVE and what in ONLY_ACTIVE:
        return
    match what:
        case "run":
            years.run(*chance.choice(((), ("--refresh",))))
        case "crash":
            years.crash(chance.randint(1, 8), answered=chance.random() < 0.5)
        case "refused" | "unanswered":
            with years.failing(chance.randint(1, 8), Fate.REFUSED if what == "refused" else Fate.UNANSWERED):
                years.run()
        case "time_passes":
            years.at += chance.choice((DAY, 5 * DAY, 9 * DAY, 25 * DAY, 40 * DAY))
        case "rotates_the_identity":
            key.generation += 1
            key.overlap_until = years.at + chance.choice((0, 5 * DAY))
        case "changes_the_policy":
            key.terms = terms_of(chance.choice(POLICIES))
        case "life":
            years.moves_to(chance.choice(LIFE[years.life]))
        case "loses_the_state":
            years.lose_state()
        case "revokes_a_token":
            years.revoke(chance.randint(0, 3))
        case "deletes_the_delivery":
            years.delete_delivery()
        case "caps_the_life_of_tokens":
            years.proxy.cap = chance.choice((None, DAY, 30 * DAY))


ONLY_ACTIVE = {"loses_the_state", "rotates_the_identity"}
"""What is refused of a workspace that is closed or released."""

EVENTS = (
    *(["run"] * 4), *(["time_passes"] * 4), "crash", "crash", "refused", "unanswered", "rotates_the_identity",
    "changes_the_policy", "life", "life", "loses_the_state", "revokes_a_token", "deletes_the_delivery",
    "caps_the_life_of_tokens",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_over_the_years(machine: Machine, proxy: Proxy, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # chance that can be had again
    years = Years(machine, proxy, tmp_path, {"ci": RealKey(terms_of(POLICIES[seed % len(POLICIES)]))})
    years.keys["ci"].delivered = seed % 2 == 0
    years.run().ok()
    history = [chance.choice(EVENTS) for _ in range(16)]
    for what in history:
        happens(years, chance, what)
        print(what, years.at // DAY, years.life, flush=True)
    ends_well(years)
    evidence.count(HISTORIES, "histories on the real engine and API server", 1)
    _counted(HISTORIES, years)


def _counted(area: str, years: Years) -> None:
    assert years.most <= 3 * len(years.keys)
    evidence.count(area, "runs of the real engine", years.runs)
    evidence.count(area, "of these killed", years.crashed)
    evidence.count(area, "tokens that the real API server minted", len(years.minted))
    evidence.count(area, "of these valid at the end", len(years.token_secrets()))

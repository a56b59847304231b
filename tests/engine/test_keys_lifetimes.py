"""How long a token lives: what the platform's page offers, what a cluster grants, and what changes mint nothing."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components.model.guardrails import MAX_KEYS
from ambient_components.rules.durations import DAY, YEAR
from ambient_components.rules.lifetimes import NEVER
from sandbox.toolchain import Toolchain
from tests.support.machine import Machine, claims, started
from tests.support.stacks import Stack

LIVES = {
    "page-1d": ("lifetime: 1d", DAY),
    "page-7d": ("lifetime: 7d", 7 * DAY),
    "page-30d": ("lifetime: 30d", 30 * DAY),
    "page-90d": ("lifetime: 90d", 90 * DAY),
    "default": ("role: view", 90 * DAY),
    "page-1y": ("lifetime: 1y", YEAR),
    "least": ("lifetime: 10m", 600),
    "windows": ("lifetime: 10m, rotateBefore: 2m, overlap: 1m", 600),
    "once": ("lifetime: 10m, rotate: manual", 600),
    "no-expiration": ("lifetime: never", NEVER),
}
STATIC = "role: view, lifetime: never, static: true"


def file_of(**keys: str) -> str:
    lines = "".join(f"      {key_id}: {{{text}}}\n" for key_id, text in keys.items())
    crossed = {"nonExpiringKey": "never" in lines, "tooManyKeys": len(keys) > MAX_KEYS}
    allow = [
        f"      - {{guardrail: {guardrail}, reason: all lives are tried}}\n"
        for guardrail, yes in crossed.items()
        if yes
    ]
    allowed = "".join(["    exceptions:\n", *allow]) if allow else ""
    return f"workspaces:\n  THIS:\n    protect: false\n    keys:\n{lines}{allowed}"


def lives(token: str) -> int:
    reported = claims(token)
    return int(reported["exp"] - reported["iat"])


def test_every_life_of_the_platforms_page_is_granted_as_asked(stack: Stack) -> None:
    keys = {key_id: text for key_id, (text, _) in LIVES.items()}
    stack.write(file_of(**keys, static=STATIC))
    assert "every session of the workspace can read a static token" in stack.up().ok().text
    tokens = {key_id: stack.token(key_id) for key_id in (*LIVES, "static")}
    assert {stack.sessions(token) for token in tokens.values()} == {200}
    for key_id, (_, requested) in LIVES.items():
        assert lives(tokens[key_id]) == requested, key_id
        # From when its handle was made, which is up to a second earlier.
        assert 0 <= stack.tokens(key_id)["grantedSeconds"] - requested <= 2, key_id
    assert "exp" not in claims(tokens["static"])
    (token_secret,) = [token_secret for token_secret in stack.token_secrets() if "static" in token_secret]
    lies = stack.machine.get(f"/api/v1/namespaces/{stack.w}/secrets/{token_secret}")
    assert lies["type"] == "kubernetes.io/service-account-token"
    shown = stack.ambient("show", stack.name).ok().text
    assert set(re.findall(r"^ +(\S+) +\S+ +never ", shown, re.MULTILINE)) == {"no-expiration", "static"}

    stack.write(file_of(**keys))
    stack.up().ok()
    stack.ended(tokens["static"], "a static token whose key is removed")
    assert token_secret not in stack.token_secrets()
    assert {stack.sessions(tokens[key_id]) for key_id in LIVES} == {200}


def test_a_new_life_applies_from_the_next_rotation_and_a_manual_key_has_none(stack: Stack) -> None:
    stack.write(file_of(auto="role: view", once="role: view, rotate: manual"))
    stack.up().ok()
    auto, once, token_secrets = stack.token("auto"), stack.token("once"), stack.token_secrets()
    changed = "role: edit, name: Another label, description: More, lifetime: 30d"
    stack.write(file_of(auto=changed, once=f"{changed}, rotate: manual"))
    stack.up().ok()
    assert (stack.token("auto"), stack.token("once"), stack.token_secrets()) == (auto, once, token_secrets)
    # A view key may not read them.
    bindings = "apis/rbac.authorization.k8s.io/v1/namespaces/THIS/rolebindings"
    stack.machine.until(lambda: stack.status(bindings, auto) == 200, "the key has its new role")

    # 90 days were granted, and the renewal window is a quarter of 30 days by now.
    assert stack.preview("--expect-no-changes", offset="82d").unchanged
    stack.up(offset="83d").ok()
    assert lives(stack.token("auto")) == 30 * DAY
    assert stack.token("once") == once
    assert stack.preview("--expect-no-changes", offset="83d").unchanged
    stack.write(file_of(auto=changed, once=f"{changed}, rotate: manual, generation: 2"))
    stack.up(offset="83d").ok()
    assert lives(stack.token("once")) == 30 * DAY
    assert stack.sessions(stack.token("once")) == 200
    stack.ended(once, "the generation before of a manual key")


# A cluster that caps.


@pytest.fixture(scope="module")
def capped(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A second API server, which grants a day at the most."""
    flag = "--service-account-max-token-expiration=24h"
    with started(tmp_path_factory.mktemp("capped"), toolchain, flag) as machine:
        yield machine


@pytest.fixture
def short(capped: Machine, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(capped, f"capped-{secrets.token_hex(2)}", tmp_path)
    yield stack
    stack.remove()


def test_a_cluster_that_caps_is_told_before_it_locks_anybody_out(short: Stack) -> None:
    stack = short
    fitting = {"day": "role: view, lifetime: 1d", "week": "role: view, lifetime: 7d, rotateBefore: 6h, overlap: 3h"}
    stack.write(file_of(**fitting))
    assert "the cluster granted 1d where 7d were asked" in stack.up().ok().text
    stack.write(file_of(**fitting, default="role: view", endless="role: view, lifetime: never"))
    # With the others in one run the engine might stop at the first failed step, before it starts a fitting one.
    stack.up("--continue-on-error").refused(
        "the cluster caps the life of tokens: it granted 1d where 90d were asked, too short for the renewal "
        "window of 14d",
        "Write lifetime: 1d or less, with a rotateBefore that fits it, and maxTokenLifetime: 1d in the stack's config",
        "it granted 1d where one without an end was asked. Write a lifetime up to 1d",
    )
    assert {token_secret.split("-")[2] for token_secret in stack.token_secrets()} == set(fitting)
    assert [stack.sessions(stack.token(key)) for key in fitting] == [200, 200]
    assert [lives(stack.token(key)) for key in fitting] == [DAY, DAY]

    token_secrets = stack.token_secrets()
    stack.config("maxTokenLifetime", "24h")
    file = f"stacks/{stack.name}.yaml"
    for result in (stack.preview(), stack.up(), stack.ambient("validate", file)):
        result.refused(
            *(f"{file}:{place}: " for place in ("6:36", "7:16", "8:39")),
            f"workspaces.{stack.w}.keys.week.lifetime: 7d is longer than the cluster grants",
            f"workspaces.{stack.w}.keys.default.lifetime: 90d is longer than the cluster grants",
            f"workspaces.{stack.w}.keys.endless.lifetime: never is longer than the cluster grants",
            "maxTokenLifetime is 1d; allowed: up to 1d",
        )
    assert stack.token_secrets() == token_secrets
    stack.write(file_of(day=fitting["day"]))
    stack.up().ok()
    assert len(stack.token_secrets()) == len(stack.accounts()) == 1
    assert stack.preview("--expect-no-changes").unchanged

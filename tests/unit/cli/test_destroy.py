"""`ambient destroy`: what it says that goes, what it refuses, how it asks, and what it then runs."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli import destroy, prompts
from ambient_components.cli.app import run
from ambient_components.errors import refusal
from ambient_components.fleet.processes import Ended
from ambient_components.fleet.run_events import Failure, Reported
from ambient_components.stacks import pulumi as cli_engine
from ambient_components.stacks.destruction import (
    IF_EMPTY,
    KEPT,
    WITH_ALL,
    Destruction,
    fate,
    lines,
    read_destruction,
    refusals,
)


def resource(kind: str, name: str, inputs: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": kind, "urn": f"urn:pulumi:dev::p::{kind}::{name}", "custom": True, "inputs": inputs or {}, **more}


def namespace(name: str, **more: Any) -> dict[str, Any]:
    return resource("kubernetes:core/v1:Namespace", f"{name}/namespace", **more)


def binding(name: str) -> dict[str, Any]:
    return resource("ambient:index:RoleBinding", name)


def account(name: str) -> dict[str, Any]:
    return resource("ambient:index:ServiceAccount", name)


def bucket(workspace: str, inputs: Mapping[str, Any], kind: str = "ambient:index:S3Bucket", **more: Any) -> Any:
    return resource(kind, f"{workspace}/storage/bucket", {"bucket": f"{workspace}-sessions", **inputs}, **more)


AWS = "aws:s3/bucket:Bucket"


def ledger(guardrails: Mapping[str, Any] | None = None, **states: str) -> dict[str, Any]:
    workspaces = {name: {"state": state} for name, state in states.items()}
    inputs = {"owner": "p/dev", "workspaces": workspaces, **({"guardrails": guardrails} if guardrails else {})}
    return resource("ambient:index:AccessLedger", "access", inputs)


STACK = resource("pulumi:pulumi:Stack", "p-dev")
FULL = [
    STACK,
    ledger(pay="active", old="closed", lab="released"),
    namespace("pay"),
    binding("pay/owner/user:alice@example.com"),
    binding("pay/grant/group:devs"),
    binding("pay/grant/serviceaccount:ci::bot/x"),
    binding("pay/key/ci/g2"),
    {**binding("pay/grant/user:gone"), "delete": True},
    account("pay/key/ci/g1"),
    account("pay/key/ci/g2"),
    bucket("pay", {}),
    resource("ambient:index:Bucket", "pay/storage", custom=False),
    namespace("old"),
    binding("old/owner/user:alice@example.com"),
    namespace("lab", retainOnDelete=True),
    binding("lab/grant/user:bob"),
    bucket("lab", {"onDelete": "delete", "force": True}, retainOnDelete=True),
]


def of(*resources: Any) -> Any:
    return read_destruction({"deployment": {"resources": list(resources)}})


def received(found: Destruction, stack: str = "dev") -> list[str]:
    return [str(problem) for problem in refusals(found, f"ambient up {stack}")]


def test_what_a_program_declares_by_names_of_its_own_is_seen() -> None:
    """A workspace with a slash in its name, and buckets on their own, as docs/reference/library.md has them."""
    destruction = of(
        STACK,
        namespace("team/pay", protect=True),
        binding("team/pay/grant/user:a/b"),
        resource("ambient:index:S3Bucket", "data/bucket", {"bucket": "d-1", "onDelete": "delete", "force": True}),
        resource(AWS, "logs/bucket", {"bucket": "l-1"}, protect=True),
        resource("ambient:index:S3Bucket", "kept/bucket", {"bucket": "k-1"}),
        resource("ambient:index:Bucket", "data", custom=False),
        resource("random:index:RandomId", "salt", protect=True),
        resource("random:index:RandomId", "pepper"),
    )
    assert lines(destruction)[:4] == [
        "  team/pay  the namespace and 1 grant",
        "  data/bucket  bucket d-1: deleted with all that is in it",
        "  kept/bucket  bucket k-1: kept",
        "  logs/bucket  bucket l-1: deleted if it is empty",
    ]
    assert [text.split(": ")[0] for text in received(destruction)] == [
        "workspace 'team/pay' is protected",
        "S3Bucket 'data/bucket'",
        "Bucket 'logs/bucket' is protected",
        "RandomId 'salt' is protected",
    ]


def test_what_goes_is_told_by_workspace() -> None:
    assert lines(of(*FULL)) == [
        "  lab  released: stays unchanged; bucket lab-sessions: kept",
        "  old  closed: the namespace and 1 owner",
        "  pay  the namespace, 1 owner, 2 grants and 2 keys; bucket pay-sessions: kept",
        "",
        "This deletes 2 workspaces, 2 owners, 2 grants and 2 keys. Sessions and all that is in the namespaces go with "
        "them.",
    ]
    assert received(of(*FULL)) == []


@pytest.mark.parametrize(
    ("made", "end"),
    [
        (bucket("pay", {}), KEPT),
        (bucket("pay", {"onDelete": "keep", "force": True}), KEPT),
        (bucket("pay", {"onDelete": "delete"}), IF_EMPTY),
        (bucket("pay", {"onDelete": "delete", "force": True}), WITH_ALL),
        (bucket("pay", {"onDelete": "delete", "force": True}, retainOnDelete=True), KEPT),
        (bucket("pay", {}, AWS, retainOnDelete=True), KEPT),
        (bucket("pay", {"forceDestroy": True}, AWS, retainOnDelete=True), KEPT),
        (bucket("pay", {}, AWS), IF_EMPTY),
        (bucket("pay", {"forceDestroy": True}, AWS), WITH_ALL),
    ],
)
def test_what_becomes_of_a_bucket(made: Any, end: str) -> None:
    destruction = of(ledger(pay="active"), namespace("pay"), made)
    assert destruction.workspaces[0].bucket is not None
    assert fate(destruction.workspaces[0].bucket) == end
    assert f"bucket pay-sessions: {end}" in lines(destruction)[0]
    assert [text for text in received(destruction) if "deleted with all that is in it" in text] == (
        received(destruction) if end == WITH_ALL else []
    )


def test_what_is_protected_is_told_before_any_access_ends() -> None:
    destruction = of(ledger(pay="active"), namespace("pay", protect=True), bucket("pay", {}, protect=True))
    assert received(destruction) == [
        "workspace 'pay' is protected: a destroy would end all access to it, and then stop at its namespace: nothing "
        "is destroyed; close it ('state: closed'), or write 'protect: false' in its entry, and deploy: ambient up "
        "dev",
        "workspace 'pay': its bucket 'pay-sessions' is protected, and a destroy would stop at it: nothing is "
        "destroyed; close the workspace, or write 'protect: false' for the bucket, and deploy: ambient up dev",
    ]


@pytest.mark.parametrize(
    ("count", "guardrails", "refused"),
    [
        (3, None, False),
        (4, None, True),
        (4, {"exceptions": ["adminKey"]}, True),
        (9, {"exceptions": ["massRemoval"]}, False),
    ],
)
def test_many_workspaces_need_a_word_in_the_file(count: int, guardrails: Any, refused: bool) -> None:
    names = [f"w{number}" for number in range(count)]
    destruction = of(ledger(guardrails, **dict.fromkeys(names, "active")), *map(namespace, names))
    texts = received(destruction)
    assert bool(texts) is refused
    if refused:
        assert texts == [
            "4 workspaces would be deleted, and 3 are the most that may: nothing is destroyed; if that is meant, write "
            "at the top of the stack file: exceptions: [{guardrail: massRemoval, reason: WHY, until: DAY}], "
            "and deploy: ambient up dev"
        ]


def test_what_stays_is_not_counted() -> None:
    names = [f"w{number}" for number in range(9)]
    kept = [namespace(name, retainOnDelete=True) for name in names]
    assert received(of(ledger(**dict.fromkeys(names, "released")), *kept)) == []


def test_what_no_ledger_names_is_told_all_the_same() -> None:
    destruction = of(namespace("left", protect=True))
    assert [workspace.workspace for workspace in destruction.workspaces] == ["left"]
    assert received(destruction)


# The verb.


class FakePulumi:
    """Prints a state, and remembers what it was asked."""

    def __init__(self, *resources: Any) -> None:
        self.resources = list(resources)
        self.fails = False
        self.environ: Mapping[str, str] = {}
        self.calls: list[tuple[str, ...]] = []

    def with_backend(self, url: str) -> "FakePulumi":
        raise NotImplementedError

    def run(self, *arguments: str) -> str:
        self.calls.append(arguments)
        return json.dumps({"deployment": {"resources": self.resources}})

    def carry_out(self, _: object, verb: str, stack: str) -> Ended:
        """Instead of `fleet.processes.carry_out`, which reads the events of a process."""
        self.calls.append((verb, "--yes", "--skip-preview", "--stack", stack))
        reported = Reported(deleted=3)
        if self.fails:
            reported.failures[Failure("pay", "pay/namespace", refusal("forbidden"))] = None
        return Ended(verb, stack, reported, 255 if self.fails else 0, False, "", 1.5, "x.log")

    @property
    def destroyed(self) -> bool:
        return ("destroy", "--yes", "--skip-preview", "--stack", "dev") in self.calls


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    fake = FakePulumi(*FULL)

    def made(folder: Path, environ: Mapping[str, str]) -> FakePulumi:
        fake.environ = environ
        return fake

    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli_engine, "PulumiEngine", made)
    monkeypatch.setattr(destroy, "carry_out", fake.carry_out)
    return fake


def typed(monkeypatch: pytest.MonkeyPatch, answer: str | BaseException) -> list[str]:
    """Somebody sits at the terminal; what he is asked."""
    requested: list[str] = []

    def prompt(question: prompts.Question) -> str:
        requested.append(question.text)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(destroy, "prompt", prompt)
    return requested


def test_the_name_is_typed_and_all_goes(
    pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requested = typed(monkeypatch, "dev")
    assert run(["destroy", "dev"]) == 0
    assert requested == ["\nType dev to destroy it"]
    assert pulumi.calls == [
        ("stack", "export", "--stack", "dev"),
        ("destroy", "--yes", "--skip-preview", "--stack", "dev"),
    ]
    assert pulumi.environ["PULUMI_CONTINUE_ON_ERROR"] == "true"
    shown = capsys.readouterr().out
    assert shown.startswith("Stack dev:\n\n  lab  released: stays unchanged")
    assert shown.endswith(
        "\nDestroyed dev in 1.5 s: 3 objects deleted.\n"
        "The stack and its config stay. To remove it as well: pulumi stack rm dev --preserve-config\n"
    )


@pytest.mark.parametrize("answer", ["", "Dev", "yes", "prod"])
def test_another_name_destroys_nothing(
    pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    typed(monkeypatch, answer)
    assert run(["destroy", "dev"]) == 1
    assert f"ambient: {answer!r} is not 'dev': nothing is destroyed" in capsys.readouterr().err
    assert not pulumi.destroyed


def test_ctrl_c_destroys_nothing(pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, KeyboardInterrupt())
    assert run(["destroy", "dev"]) == 130
    assert not pulumi.destroyed


def test_without_a_terminal_the_name_is_a_flag(
    pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert run(["destroy", "dev"]) == 1
    assert "there is no terminal to ask at\n  hint: give --confirm dev" in capsys.readouterr().err
    assert not pulumi.destroyed
    assert run(["destroy", "dev", "--confirm", "dev"]) == 0
    assert pulumi.destroyed


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dev", "-s", "prod"],
        ["a b"],
        ["--yes", "dev"],
    ],
)
def test_wrong_usage(pulumi: FakePulumi, words: list[str]) -> None:
    assert run(["destroy", *words]) == 64
    assert pulumi.calls == []


@pytest.mark.parametrize("confirm", ["prod", "org/dev"])
def test_another_name_as_a_flag_destroys_nothing(
    pulumi: FakePulumi, capsys: pytest.CaptureFixture[str], confirm: str
) -> None:
    assert run(["destroy", "dev", "--confirm", confirm]) == 1
    assert f"--confirm {confirm!r} is not 'dev': nothing is destroyed" in capsys.readouterr().err
    assert pulumi.calls == []


@pytest.mark.parametrize("confirm", ["dev", "org/dev"])
def test_the_name_may_be_given_with_its_organisation(pulumi: FakePulumi, confirm: str) -> None:
    assert run(["destroy", "org/dev", "--confirm", confirm]) == 0
    assert ("destroy", "--yes", "--skip-preview", "--stack", "org/dev") in pulumi.calls


def test_what_a_guardrail_refuses_is_not_asked_about(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.resources.append(namespace("prod", protect=True))
    assert run(["destroy", "dev", "--confirm", "dev"]) == 3
    assert "ambient: workspace 'prod' is protected" in capsys.readouterr().err
    assert not pulumi.destroyed


def test_a_stack_with_nothing_is_left_alone(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.resources = [STACK]
    assert run(["destroy", "dev"]) == 0
    assert capsys.readouterr().out == "Stack dev has nothing: there is nothing to destroy.\n"
    assert not pulumi.destroyed


def test_a_destroy_that_fails_is_an_error(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.fails = True
    assert run(["destroy", "dev", "--confirm", "dev"]) == 1
    captured = capsys.readouterr()
    assert captured.err == (
        "\nambient: dev failed after 1.5 s with 1 error: 3 objects deleted.\n"
        "  pay (pay/namespace): forbidden\n"
        "Run it again: ambient destroy dev\nLog: x.log\n"
    )
    assert "stack rm" not in captured.out

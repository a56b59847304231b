"""`--state FILE` of `ambient access`, `report` and `plan`: an exported state in the place of the backend's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import run
from tests.support.planned import STACK, FakePulumi, fake_pulumi, make_project, state

VERBS = ("access", "report")
ALL = (*VERBS, "plan")
LEDGER = "ambient:index:AccessLedger"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_project(tmp_path, monkeypatch)


@pytest.fixture
def saved(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Writes the state that `--state` reads. There is no engine, no cluster and no passphrase."""
    for name in ("PATH", "KUBECONFIG", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.setenv(name, "/nowhere")

    def to_file(content: Any) -> None:
        Path("state.json").write_text(content if isinstance(content, str) else json.dumps(content))

    return to_file


def ask(verb: str, *flags: str, file: str = "state.json") -> int:
    return run([verb, "prod", *(["--offline"] if verb == "plan" else []), "--state", file, *flags])


def subjects(capsys: pytest.CaptureFixture[str]) -> set[str]:
    reported = json.loads(capsys.readouterr().out)
    assert reported["source"] == "state"
    # The state of these tests has no RoleBindings: all that its ledger declares is pending.
    holders = reported.get("pending") or [holder for finding in reported["findings"] for holder in finding["who"]]
    return {one["subject"] for one in holders}


@pytest.mark.parametrize("verb", VERBS)
def test_the_state_is_read_and_not_the_files(
    verb: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    saved(state(STACK.replace("group: devs", "group: former")))
    assert ask(verb, "--format", "json") == 0
    found = subjects(capsys)
    assert "group:former" in found
    assert "group:devs" not in found


@pytest.mark.parametrize("verb", VERBS)
def test_a_fleet_has_a_folder(verb: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    text = json.dumps(state())
    Path("stacks/Pulumi.prod.yaml").write_text("config:\n  p:shards: 3\n")
    saved(text)
    assert ask(verb) == 1
    assert "state.json is no folder, and prod is a fleet" in capsys.readouterr().err
    Path("states").mkdir()
    assert ask(verb, file="states") == 1
    assert "states lacks the states of 3 of 3 shards of 'prod': prod-00, prod-01, prod-02" in capsys.readouterr().err
    for shard, group in ((0, "devs"), (2, "ops"), (1, "sre")):
        if shard == 1:
            # An incomplete answer to who has access is worse than none.
            assert ask(verb, "--format", "json", file="states") == 1
            assert capsys.readouterr().err == (
                "ambient: states lacks the states of 1 of 3 shards of 'prod': prod-01\n"
                "  hint: pulumi stack export --stack prod-01 > states/prod-01.json\n"
            )
        own = text.replace("urn:pulumi:prod::", f"urn:pulumi:prod-0{shard}::").replace('"pay', f'"pay{shard}')
        Path(f"states/prod-0{shard}.json").write_text(own.replace("group:devs", f"group:{group}"))
    assert ask(verb, "--format", "json", file="states") == 0
    assert {"group:devs", "group:ops", "group:sre"} <= subjects(capsys)
    # A shard is one stack.
    assert run([verb, "prod-02", "--state", "states/prod-02.json", "--format", "json"]) == 0
    assert "group:devs" not in subjects(capsys)
    assert run([verb, "prod-02", "--state", "states/prod-00.json"]) == 1
    assert "is the state of stack 'prod-00' of project 'p', not of 'prod-02'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_names_several_stacks_has_no_state(
    verb: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    saved(state())
    Path("stacks/prod.yaml").write_text("stacks: [eu, us]\n")
    assert ask(verb) == 1
    assert "'prod' has no state: its file names several stacks\n  hint: name one: eu, us" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "resources",
    [[], [{"urn": "urn:pulumi:prod::p::pulumi:pulumi:Stack::p-prod", "type": "pulumi:pulumi:Stack"}]],
    ids=["empty", "of another program"],
)
def test_a_state_without_a_ledger(
    verb: str, resources: list[Any], saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    saved({"version": 3, "deployment": {"resources": resources}})
    assert ask(verb) == 1
    reported = capsys.readouterr().err
    assert (
        "state.json has no access ledger: nothing was deployed, or by another program\n  hint: look at --files"
        in reported
    )


@pytest.mark.parametrize("deployed", [True, False])
def test_a_plan_without_a_ledger_is_no_comparison(
    deployed: bool, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a first run that failed, or of another program; a state without resources was never deployed."""
    stack = {"urn": "urn:pulumi:prod::p::pulumi:pulumi:Stack::p-prod", "type": "pulumi:pulumi:Stack"}
    saved({"version": 3, "deployment": {"resources": [stack] if deployed else []}})
    assert ask("plan") == 2
    reported = capsys.readouterr()
    assert "1 workspace made" in reported.out
    assert reported.err == (
        "ambient: state.json has no access ledger: everything is shown as new\n" if deployed else ""
    )


@pytest.mark.parametrize("verb", ALL)
def test_a_missing_file(verb: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(verb, file="absent.json") == 1
    reported = capsys.readouterr().err
    assert "absent.json can't be read: " in reported
    assert "hint: pulumi stack export --stack prod > FILE" in reported


@pytest.mark.parametrize("verb", ALL)
@pytest.mark.parametrize(
    "text",
    [
        "", "no state", "[]", "{}", '{"deployment": 5}', '{"version": 3, "deployment": {"resources": [5]}}',
        '{"deployment": {"resources": 5}}', '{"deployment": {"resources": [{"urn": 5}]}}',
        '{"deployment": {"resources": [{"urn": "urn:pulumi:prod::p::a:b:C::x"}]}}',
    ],
)  # fmt: skip
def test_what_is_no_exported_state(
    verb: str, text: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    saved(text)
    assert ask(verb) == 1
    reported = capsys.readouterr().err
    assert "state.json is no exported state" in reported or "state.json can't be read" in reported
    assert "Traceback" not in reported


@pytest.mark.parametrize("verb", ALL)
def test_the_state_of_another_stack(
    verb: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    saved(json.dumps(state()).replace("urn:pulumi:prod::p::", "urn:pulumi:stage::p::"))
    assert ask(verb) == 1
    assert "is the state of stack 'stage' of project 'p', not of 'prod' of 'p'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ALL)
def test_a_format_of_the_future(verb: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    saved(state() | {"version": 4})
    assert ask(verb) == 0
    saved(state() | {"version": 5})
    assert ask(verb) == 1
    reported = capsys.readouterr().err
    assert (
        "state.json has format version 5 of exported states; known: up to 4\n  hint: a newer Pulumi wrote it"
        in reported
    )


@pytest.mark.parametrize("verb", VERBS)
def test_files_and_a_state_do_not_go_together(
    verb: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi: FakePulumi = fake_pulumi(monkeypatch)
    assert ask(verb, "--files") == 64
    assert "--state" in capsys.readouterr().err
    assert pulumi.calls == []


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ("2026-11-20T09:10:11.987654321+01:00", " of 2026-11-20T08:10:11Z"),
        ("2026-11-20T08:10:11Z", " of 2026-11-20T08:10:11Z"),
        ("yesterday", ""),
        (5, ""),
    ],
)
def test_a_plan_says_of_which_time_the_state_is(
    time: object, shown: str, saved: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    export = state()
    export["deployment"]["manifest"] = {"time": time}
    saved(export)
    assert ask("plan") == 0
    head = f"prod at 2026-11-25T12:00:00Z, offline: compared with the state{shown}, without asking the cluster\n"
    assert capsys.readouterr().out.startswith(head)
    assert ask("plan", "--format", "markdown") == 0
    assert f"offline: compared with the state{shown}, without asking the cluster.\n" in capsys.readouterr().out
    assert ask("plan", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out).get("stateAt") == (shown.removeprefix(" of ") or None)

"""`ambient up`, and plans that are saved: what was reviewed is deployed, and nothing else."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from ambient_components.engine.command import Answer
from ambient_components.engine.state import state_digest
from ambient_components.model import derive
from ambient_components.plan import saved as plan_saved
from ambient_components.plan.document import digest
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import stack_guardrails
from ambient_components.stackfile.loader import load_stack
from tests.support.planned import NOW, RBAC, STACK, FakePulumi, fake_pulumi, ledger, make_project, state, write
from tests.support.plans import preview, step


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_project(tmp_path, monkeypatch)


@pytest.fixture
def pulumi(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    return fake_pulumi(monkeypatch)


@pytest.fixture
def changed(pulumi: FakePulumi) -> FakePulumi:
    """A change that is not deployed, and an engine that would do it."""
    before = ledger()
    write(("{group: devs, role: edit}", "{group: devs, role: admin}"))
    pulumi.plans(before, ledger(), step("replace", RBAC, "pay/grant/group:devs"))
    return pulumi


UP = ("up", "--yes", "--skip-preview", "--stack", "prod")


class TestUp:
    def test_it_shows_the_page_and_deploys(self, changed: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["up", "prod", "--yes"]) == 0
        assert changed.ups == [UP]
        assert "group:devs  edit -> admin" in capsys.readouterr().out
        assert changed.environ["PULUMI_CONTINUE_ON_ERROR"] == "true"

    def test_it_asks(self, changed: FakePulumi, monkeypatch: pytest.MonkeyPatch) -> None:
        assert run(["up", "prod"]) == 1  # nobody is there
        assert changed.calls == []
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        answers = iter([False, True])
        monkeypatch.setattr("typer.confirm", lambda *_, **__: next(answers))
        assert run(["up", "prod"]) == 1
        assert changed.ups == []
        assert run(["up", "prod"]) == 0
        assert changed.ups == [UP]

    def test_a_state_that_was_written_after_the_plan_is_refused(
        self, changed: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def answer(*_: object, **__: object) -> bool:
            # Another user deploys while the question waits.
            changed.state["deployment"]["resources"][1]["modified"] = "2026-11-25T12:30:00Z"
            return True

        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("typer.confirm", answer)
        assert run(["up", "prod"]) == 1
        assert capsys.readouterr().err == (
            "ambient: the stack was deployed or refreshed since this plan was made: nothing is deployed\n"
            "  hint: run it again: ambient up prod\n"
        )
        assert changed.ups == []

    def test_with_nothing_to_do_it_does_nothing(self, pulumi: FakePulumi) -> None:
        assert run(["up", "prod", "--yes"]) == 0
        assert pulumi.ups == []

    def test_a_guardrail_refuses(self, pulumi: FakePulumi) -> None:
        Path("stacks/prod.yaml").write_text("workspaces:\n  other: {}\n")
        pulumi.answer = Answer(255, json.dumps({"diagnostics": []}), "")
        assert run(["up", "prod", "--yes"]) == 3
        assert pulumi.ups == []


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
TOKEN = "ambient:index:AccessToken"  # a type token
CLUSTER_RBAC = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"


def makes(kind: str, inputs: dict[str, Any], op: str = "create", **more: Any) -> dict[str, Any]:
    return step(op, kind, "pay/x", newState={"inputs": inputs, **more})


class TestContents:
    """What is called the same and makes something else is not what was reviewed."""

    def refused(self, pulumi: FakePulumi, one: dict[str, Any], other: dict[str, Any]) -> bool:
        pulumi.plans(ledger(), ledger(), one)
        assert run(["plan", "prod", "--save", "plan.json"]) == 2
        pulumi.plans(ledger(), ledger(), other)
        refused = run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert refused is not bool(pulumi.ups)
        return refused

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (makes(TOKEN, {"deliver": "ops/token"}), makes(TOKEN, {"deliver": "evil/token"})),
            (makes(TOKEN, {"lifetimeSeconds": 1}), makes(TOKEN, {"lifetimeSeconds": 2})),
            (
                makes("kubernetes:core/v1:ResourceQuota", {"spec": {"hard": {"cpu": "8"}}}, "update"),
                makes("kubernetes:core/v1:ResourceQuota", {"spec": {"hard": {"cpu": "8000"}}}, "update"),
            ),
            (
                makes(CLUSTER_RBAC, {"roleRef": {"name": "view"}}),
                makes(CLUSTER_RBAC, {"roleRef": {"name": "cluster-admin"}}),
            ),
            (makes(RBAC, {}, provider="urn::a"), makes(RBAC, {}, provider="urn::b")),
            (makes(RBAC, {}), makes(RBAC, {}, retainOnDelete=True)),
            # Called made up, and written by somebody.
            (makes(RBAC, {"a": "pay/x-one", "__defaults": ["a"]}), makes(RBAC, {"a": "all", "__defaults": ["a"]})),
            (makes(RBAC, {}, "import", id="a"), makes(RBAC, {}, "import", id="b")),
        ],
    )
    def test_another_content_is_refused_and_told(
        self, one: dict[str, Any], other: dict[str, Any], pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.refused(pulumi, one, other)
        kind = one["urn"].split("$")[1].split("::")[0]
        reported = capsys.readouterr().err
        assert f"  ~ steps: {one['op']} {kind} pay/x: with other content\n" in reported
        assert "this is not what was reviewed" in reported

    @pytest.mark.parametrize(
        "change",
        [
            ("role: view, until: 2126-12-31", "role: view, until: 2126-12-30"),
            ("guardrails: {maxKeys: 20}", "guardrails: {maxKeys: 2000}"),
            ("{role: edit, lifetime: 30d}", "{role: edit, lifetime: 60d}"),
        ],
        ids=" ".join,
    )
    def test_all_that_the_ledger_would_record_is_reviewed(
        self, change: tuple[str, str], pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def requested(text: str) -> None:
            Path("stacks/prod.yaml").write_text(text)
            file, document = load_stack("stacks/prod.yaml").file, preview({}, ledger())
            document["steps"][0]["newState"]["inputs"]["guardrails"] = derive.write(
                stack_guardrails(file, Calendar.of(file)), "ledger"
            )
            pulumi.answer = Answer(0, json.dumps(document), "")

        pulumi.state = {"version": 3, "deployment": None}
        text = f"guardrails: {{maxKeys: 20}}\n{STACK}".replace("until: 2026-12-31", "until: 2126-12-31")
        requested(text)
        assert run(["plan", "prod", "--save", "plan.json"]) == 2
        assert text.count(change[0]) == 1
        requested(text.replace(*change))
        capsys.readouterr()
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "  ~ steps: create ambient:index:AccessLedger access: with other content\n" in capsys.readouterr().err
        assert pulumi.ups == []

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            # The engine prints [secret]; and as a state has it.
            ({"a": "[secret]", "b": 1}, {"b": 1, "a": "[secret]"}),
            ({"a": {**SECRET, "ciphertext": "v1:x"}}, {"a": {**SECRET, "ciphertext": "v1:y"}}),
            ({"a": [{**SECRET, "plaintext": "1234"}]}, {"a": [{**SECRET, "plaintext": "5678"}]}),
            # Names that a plugin makes up.
            (
                {"bucket": "pay/x-1a2b", "arn": "arn:pay/x-1a2b", "__defaults": ["bucket"]},
                {"bucket": "pay/x-3c4d", "arn": "arn:pay/x-3c4d", "__defaults": ["bucket"]},
            ),
            (
                {"metadata": {"name": "pay/x-1a2b", "annotations": {"pulumi.com/autonamed": "true"}}},
                {"metadata": {"name": "pay/x-3c4d", "annotations": {"pulumi.com/autonamed": "true"}}},
            ),
        ],
    )
    def test_secrets_and_what_moves_by_itself_are_not_compared(
        self, one: dict[str, Any], other: dict[str, Any], pulumi: FakePulumi
    ) -> None:
        assert not self.refused(pulumi, makes(RBAC, one), makes(RBAC, other))

    def test_a_made_up_name_does_not_hide_what_was_written(self, pulumi: FakePulumi) -> None:
        assert self.refused(
            pulumi,
            makes(RBAC, {"bucket": "pay/x-1a2b", "acl": "private", "__defaults": ["bucket"]}),
            makes(RBAC, {"bucket": "pay/x-1a2b", "acl": "public", "__defaults": ["bucket"]}),
        )


class TestSaved:
    @pytest.fixture
    def plan(self, changed: FakePulumi, capsys: pytest.CaptureFixture[str]) -> FakePulumi:
        assert run(["plan", "prod", "--save", "plan.json", "--max-age", "2h"]) == 2
        capsys.readouterr()
        changed.calls.clear()
        changed.offsets.clear()
        return changed

    def later(self, monkeypatch: pytest.MonkeyPatch, **delta: int) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(**delta))

    def test_what_was_reviewed_is_deployed_at_its_moment(
        self, plan: FakePulumi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.later(monkeypatch, hours=1)
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 0
        # The state is read again before the run. The preview runs beside the first reading.
        calls = [call[0] for call in plan.calls]
        assert [name for name in calls if name != "preview"] == ["stack", "version", "stack", "up"]
        assert "preview" in calls[:3]
        assert plan.offsets == ["-1h"] * 5

    def test_one_that_is_too_old_is_refused(
        self, plan: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.later(monkeypatch, hours=2, seconds=1)
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "may be used for 2h: it is too old" in capsys.readouterr().err
        assert plan.ups == []

    def test_another_state_is_refused(self, plan: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
        plan.state["deployment"]["resources"][1]["modified"] = "2026-11-25T12:30:00Z"
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "its state is another one" in capsys.readouterr().err
        assert plan.ups == []

    def test_another_plan_is_refused_and_the_difference_told(
        self, plan: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = plan.state["deployment"]["resources"][0]["inputs"]["workspaces"]
        write(("{group: devs, role: edit}", "{group: devs, role: admin}"), ("group: temps", "group: all"))
        plan.plans(before, ledger(), step("replace", RBAC, "pay/grant/group:devs"))
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        reported = capsys.readouterr().err
        assert "  + access: gained pay group:all view grant" in reported
        assert "  + access: lost pay group:temps view grant" in reported
        assert "this is not what was reviewed" in reported
        assert plan.ups == []

    @pytest.mark.parametrize(("part", "value"), [
        ("at", "2026-11-25T11:00:00Z"), ("maxAge", "3h"), ("refresh", True), ("state", "x"), ("stack", "dev"),
        ("versions", {}), ("contents", []),
    ])  # fmt: skip
    def test_no_part_of_the_file_is_another_by_accident(
        self, part: str, value: object, plan: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        saved = json.loads(Path("plan.json").read_text())
        assert saved[part] != value
        Path("plan.json").write_text(json.dumps({**saved, part: value}))
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "was changed since it was saved" in capsys.readouterr().err
        assert plan.ups == []

    def test_no_plan_may_be_used_for_longer_than_a_week(
        self, plan: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        saved = {**json.loads(Path("plan.json").read_text()), "maxAge": "3650d"}
        del saved["digest"]
        Path("plan.json").write_text(json.dumps({**saved, "digest": digest(saved)}))
        self.later(monkeypatch, days=3000)
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "may be used for 10y\n  hint: allowed: 7d at most" in capsys.readouterr().err
        assert plan.ups == []

    def test_other_programs_are_refused(
        self, plan: FakePulumi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        plan.version = "v3.300.0"
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "the plan was made by pulumi v3.274.1, and this is pulumi v3.300.0" in capsys.readouterr().err
        plan.version = "v3.274.1"
        monkeypatch.setattr(plan_saved, "VERSION_OF_AMBIENT", "99")
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "and this is ambient 99: it may do something else" in capsys.readouterr().err
        assert plan.ups == []

    def test_a_plan_of_another_stack_or_that_somebody_edited_is_refused(
        self, plan: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("stacks/dev.yaml").write_text(STACK)
        assert run(["up", "dev", "--plan", "plan.json", "--yes"]) == 1
        assert "the plan is for stack 'prod', not for 'dev'" in capsys.readouterr().err
        saved = json.loads(Path("plan.json").read_text())
        saved["plan"]["access"]["gained"] = []
        Path("plan.json").write_text(json.dumps(saved))
        assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert "was changed since it was saved" in capsys.readouterr().err
        for text in ("", "[]", "{}", '{"ambientPlan": 1}'):
            Path("plan.json").write_text(text)
            assert run(["up", "prod", "--plan", "plan.json", "--yes"]) == 1
        assert plan.ups == []

    def test_a_refused_plan_is_not_saved(self, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
        Path("stacks/prod.yaml").write_text("workspaces:\n  other: {}\n")
        pulumi.answer = Answer(255, json.dumps({"diagnostics": []}), "")
        assert run(["plan", "prod", "--save", "plan.json"]) == 3
        assert not Path("plan.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"parent": "p"}, {"provider": "p"}, {"protect": True}, {"retainOnDelete": True}, {"deletedWith": "u"},
        {"pendingReplacement": True}, {"taint": True}, {"external": True}, {"initErrors": ["x"]},
    ],
    ids=str,
)  # fmt: skip
def test_the_digest_of_a_state_has_what_the_engine_goes_by(change: dict[str, Any]) -> None:
    one, other = ({"deployment": {"resources": [{"urn": "u", "id": "i", **more}]}} for more in ({}, change))
    assert state_digest(one) != state_digest(other)


def test_the_digest_of_a_state_has_what_a_killed_run_was_at() -> None:
    whole: dict[str, Any] = {"deployment": {"resources": []}}
    pending = [{"type": "creating", "resource": {"urn": "u"}}]
    killed = {"deployment": {"resources": [], "pending_operations": pending}}
    assert state_digest(whole) != state_digest(killed)
    assert state_digest(whole) == state_digest({"deployment": {"resources": [], "pending_operations": []}})


def test_the_digest_of_a_state_is_is_not_that_of_its_ciphertext(project: Path) -> None:
    one, other = state(), state()
    token = next(item for item in other["deployment"]["resources"] if item["type"].endswith("AccessToken"))
    token["outputs"]["token"]["ciphertext"] = "v1:y"
    assert state_digest(one) == state_digest(other)
    token["outputs"]["current"]["handle"] = "h2"
    assert state_digest(one) != state_digest(other)

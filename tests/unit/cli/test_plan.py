"""`ambient plan`: offline, by the engine's preview, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import run
from ambient_components.engine.command import Answer
from ambient_components.errors import Problem, Where, refusal
from ambient_components.problem_json import MISSING_VALUE, encode
from tests.support.planned import RBAC, FakePulumi, fake_pulumi, ledger, make_project, state, write
from tests.support.plans import step

BAD_LEDGER = "error: ambient:index:AccessLedger resource 'access' has a problem: "


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_project(tmp_path, monkeypatch)


@pytest.fixture
def pulumi(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    return fake_pulumi(monkeypatch)


def offline(*flags: str) -> int:
    return run(["plan", "prod", "--offline", "--state", "state.json", *flags])


@pytest.fixture
def deployed(project: Path) -> Callable[..., None]:
    """Writes the state that `--state` reads."""

    def to_file(export: dict[str, Any] | None = None) -> None:
        Path("state.json").write_text(json.dumps(export or state()))

    to_file()
    return to_file


class TestOffline:
    def test_nothing_to_do(self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
        assert offline() == 0
        page = capsys.readouterr().out
        made_of = "offline: compared with the state, without asking the cluster"
        assert page.startswith(f"prod at 2026-11-25T12:00:00Z, {made_of}\nNo changes\n")
        assert "What this page can't know" in page

    def test_changes(self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
        write(("{group: devs, role: edit}", "{group: devs, role: admin}"), ("ci:", "nightly:"))
        assert offline() == 2
        page = capsys.readouterr().out
        assert "\n1 admin gained · 1 edit gained · 0 lowered · 1 removed\n" in page
        assert "  ~  pay  group:devs  edit -> admin" in page
        assert "  +  pay  key:nightly  none -> edit  a new key" in page
        why = "it is gone from the files; its token would have been valid until 2026-12-20T00:00:00Z"
        assert f"  -  pay  key:ci       edit -> none  {why}\n" in page

    def test_neither_engine_nor_cluster_nor_passphrase(
        self, deployed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("PATH", "KUBECONFIG", "PULUMI_CONFIG_PASSPHRASE"):
            monkeypatch.setenv(name, "/nowhere")
        assert offline() == 0

    def test_without_a_file_the_state_is_exported(self, pulumi: FakePulumi) -> None:
        assert run(["plan", "prod", "--offline"]) == 0
        assert pulumi.calls == [("stack", "export", "--stack", "prod")]

    def test_a_guardrail_refuses(self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
        Path("stacks/prod.yaml").write_text("workspaces:\n  other: {}\n")
        assert offline() == 3
        page = capsys.readouterr().out
        assert "Refused: nothing would be changed" in page
        assert "workspace 'pay' is gone from the files, but it was not closed" in page
        assert "Workspaces removed (1)" in page

    def test_a_guardrail_is_named_with_its_workspace(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(("{role: edit, lifetime: 30d}", "{role: admin, lifetime: 30d}"))
        assert offline("--format", "json") == 3
        reported = json.loads(capsys.readouterr().out)
        assert [(guardrail["rule"], guardrail["workspaces"]) for guardrail in reported["guardrails"]] == [
            ("adminKey", ["pay"])
        ]
        assert [
            (guardrail["file"], guardrail["line"], guardrail["column"]) for guardrail in reported["guardrails"]
        ] == [("stacks/prod.yaml", 9, 18)]
        write(("    keys:", "    exceptions: [{guardrail: adminKey, reason: x}]\n    keys:"))
        assert offline() == 2

    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ([("owners: [user:alice@example.com]", "owners: [group:system:authenticated]")], "4:14"),
            ([("{group: devs, role: edit}", "{group: 'system:authenticated', role: edit}")], "6:17"),
            ([("owners: [user:alice@example.com]", "owners: []")], "3:3"),
            ([("lifetime: 30d", "lifetime: never")], "9:34"),
        ],
        ids=["owner", "grant", "no admin", "key"],
    )
    def test_a_refusal_has_its_place(
        self, changes: list[tuple[str, str]], place: str, deployed: Callable[..., None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        write(*changes)
        assert offline() == 3
        assert f"  !  stacks/prod.yaml:{place}: workspace 'pay': " in capsys.readouterr().out

    def test_a_refusal_of_another_rule_has_the_place_of_its_workspace(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        deployed(state(Path("stacks/prod.yaml").read_text().replace("lifetime: 30d", "lifetime: 30d, generation: 3")))
        assert offline() == 3
        page = capsys.readouterr().out
        assert "  !  stacks/prod.yaml:3:3: workspace 'pay': key 'ci': generation 1 is behind the deployed 3" in page

    def test_acknowledged_warnings_are_counted(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        known = "acknowledge: [{rule: grantEnding, reason: they leave, date: 2026-11-01}]\n"
        write(("until: 2026-12-31", "until: 2026-12-01"))
        deployed(state(Path("stacks/prod.yaml").read_text()))
        assert offline() == 0
        assert "  warnings: 1\n" in capsys.readouterr().out
        write(("timezone", f"{known}timezone"), ("until: 2026-12-31", "until: 2026-12-01"))
        assert offline() == 0
        page = capsys.readouterr().out
        assert "  acknowledged warnings: 1 (--verbose)\n" in page
        assert "Warnings" not in page
        assert offline("--verbose") == 0
        assert " [grantEnding]; acknowledged on 2026-11-01: they leave\n" in capsys.readouterr().out
        assert offline("--format", "json") == 0
        (warning,) = json.loads(capsys.readouterr().out)["warnings"]
        assert warning["acknowledged"] == {"reason": "they leave", "date": "2026-11-01"}

    def test_a_date_is_told_as_early_as_its_grant_says(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert offline() == 0
        assert "Coming by date" not in capsys.readouterr().out  # in 36 days
        write(("until: 2026-12-31}", "until: 2026-12-31, warnAhead: 40d}"))
        assert offline() == 0
        assert "group:temps  view ends: its last day is 2026-12-31" in capsys.readouterr().out
        write(("until: 2026-12-31}", "from: 2026-12-03, warnAhead: 2d}"))
        deployed(state(Path("stacks/prod.yaml").read_text()))
        assert offline() == 0
        assert "Coming by date" not in capsys.readouterr().out
        write(("until: 2026-12-31}", "from: 2026-12-03, warnAhead: 30d}"))
        assert offline() == 0
        assert "group:temps  view begins: it begins 2026-12-03" in capsys.readouterr().out

    def test_the_future(self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
        assert offline("--at", "2027-01-01", "--format", "json") == 2
        reported = json.loads(capsys.readouterr().out)
        assert reported["at"] == "2026-12-31T23:00:00Z"
        assert [assignment["subject"] for assignment in reported["access"]["lost"]] == ["group:temps"]
        assert [(key["key"], key["what"]) for key in reported["keys"]] == [("ci", "rotated")]
        assert offline("--at", "2026-12-31") == 2  # its last day: the key is due
        assert "group:temps  view ends: its last day is 2026-12-31" in capsys.readouterr().out

    def test_pending_since_the_last_run(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        export = state()
        gone = ("pay/grant/group:devs", "pay/key/ci/g1")
        export["deployment"]["resources"] = [
            resource for resource in export["deployment"]["resources"] if not resource["urn"].endswith(gone)
        ]
        deployed(export)
        assert offline() == 2
        page = capsys.readouterr().out
        assert "\n0 admin gained · 2 edit gained · 0 lowered · 0 removed\n" in page
        assert "  +  pay  group:devs  none -> edit  pending" in page
        assert "  +  pay  key:ci      none -> edit  declared before, but has no token" in page
        assert "Pending" not in page
        assert offline("--format", "json") == 2
        document = json.loads(capsys.readouterr().out)
        assert [waiting["text"] for waiting in document["pending"]] == [
            "generation 1 of key ci is declared, and not made", "group:devs has nothing, and is declared as edit"
        ]  # fmt: skip

    def test_a_stack_that_was_never_deployed(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        deployed({"version": 3, "deployment": None})
        assert offline() == 2
        assert "1 workspace made" in capsys.readouterr().out

    def test_a_limit_for_a_comment_of_several_stacks(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        groups = "".join(f"      - {{group: g{n}, role: view}}\n" for n in range(2000))
        write(("    keys:", f"{groups}    keys:"))
        # Red, and not merely pending: what is left out may be what matters.
        assert offline("--format", "markdown", "--limit", "20000") == 1
        page, error = capsys.readouterr()
        assert 19_000 < len(page) <= 20_000
        assert "0 admin gained · 2000 view gained · 0 lowered · 0 removed" in page
        assert "> [!CAUTION]\n> This page is incomplete: " in page
        assert error.startswith("ambient: This page is incomplete: ")
        assert offline("--format", "markdown", "--limit", "400000") == 2

    def test_buckets_are_where_the_config_says(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        bucket = "    storage: {bucket: {name: pay-sessions}}\n    keys:"
        write(("    keys:", bucket))
        config = "config:\n  p:objectStore: {endpoint: https://minio.example.com, KEYS secretKey: {secure: v1:x}}\n"
        Path("stacks/Pulumi.prod.yaml").write_text(config.replace("KEYS ", ""))
        assert offline() == 1
        assert "objectStore.accessKey" in capsys.readouterr().err
        Path("stacks/Pulumi.prod.yaml").write_text(config.replace("KEYS", "accessKey: x,"))
        assert offline("--format", "json") == 2
        reported = json.loads(capsys.readouterr().out)
        assert [(one["bucket"], one["what"]) for one in reported["buckets"]] == [
            ("pay-sessions", "made"), ("pay-sessions", "new access key"),
        ]  # fmt: skip
        export = state(Path("stacks/prod.yaml").read_text())
        entry = export["deployment"]["resources"][0]["inputs"]["workspaces"]["pay"]["bucket"]
        entry["endpoint"] = "https://old.example.com"
        deployed(export)
        assert offline() == 2
        assert "endpoint https://old.example.com -> https://minio.example.com" in capsys.readouterr().out
        # On AWS the region is pulumi-aws's own.
        write(("    keys:", bucket.replace("name:", "driver: aws, name:")))
        Path("stacks/Pulumi.prod.yaml").write_text("config:\n  aws:region: eu-central-1\n")
        entry |= {"driver": "aws", "endpoint": "x"}
        deployed(export)
        assert offline() == 2
        assert "endpoint x -> https://s3.eu-central-1.amazonaws.com" in capsys.readouterr().out

    def test_a_checkpoint_out_of_a_bucket_is_no_exported_state(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        deployed({"version": 3, "checkpoint": {"stack": "prod", "latest": state()["deployment"]}})
        assert offline() == 1
        reported = capsys.readouterr().err
        assert (
            "state.json is a checkpoint out of a bucket, and no exported state\n  hint: pulumi stack export" in reported
        )

    def test_files_that_are_wrong_are_an_error(
        self, deployed: Callable[..., None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(("role: edit, lifetime", "rle: edit, lifetime"))
        assert offline() == 1
        assert "stacks/prod.yaml:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--state", "x"],
        ["--offline", "--refresh"],
        ["--offline", "--diff"],
        ["--offline", "--save", "x"],
        ["--at", "2027-01-01", "--save", "x"],
        ["--max-age", "1h"],
        ["--save", "x", "--max-age", "soon"],
        ["--save", "x", "--max-age", "7d1s"],
        ["--at", "2020-01-01"],
        ["--at", "tomorrow"],
        ["--format", "yaml"],
        ["--limit", "20000"],
        ["--format", "markdown", "--limit", "100"],
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_wrong_usage(flags: list[str], pulumi: FakePulumi) -> None:
    assert run(["plan", "prod", *flags]) == 64
    assert pulumi.calls == []


class TestOnline:
    def test_the_steps_of_the_engine_are_what_is_shown(
        self, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = ledger()
        write(("{group: devs, role: edit}", "{group: devs, role: admin}"))
        pulumi.plans(before, ledger(), step("replace", RBAC, "pay/grant/group:devs", detailedDiff={"roleRef.name": {}}))
        assert run(["plan", "prod", "--diff"]) == 2
        page = capsys.readouterr().out
        assert page.startswith(
            "prod at 2026-11-25T12:00:00Z\n1 admin gained · 0 lowered · 0 removed\n"
            "  compared with the cluster: only access (--refresh: all objects)\n"
        )
        assert "group:devs  edit -> admin" in page
        assert f"  ~  {RBAC}  pay/grant/group:devs  replace: roleRef.name" in page
        # In this order: a run in between then differs from the state, and is noticed.
        assert pulumi.calls == [("stack", "export", "--stack", "prod"), ("preview", "--json", "--stack", "prod")]

    def test_the_future_moves_the_clocks_of_program_and_provider(self, pulumi: FakePulumi) -> None:
        assert run(["plan", "prod", "--at", "2026-11-26T12:00:00Z"]) == 0
        assert pulumi.offsets == ["1d", "1d"]

    def test_a_refused_preview_is_a_page_all_the_same(
        self, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("stacks/prod.yaml").write_text("workspaces:\n  other: {}\n")
        text = "workspace 'pay' is gone from the files, but it was not closed"
        assert run(["plan", "prod", "--offline", "--format", "json"]) == 3
        guardrail = json.loads(capsys.readouterr().out)["guardrails"][0]
        problem = refusal(
            guardrail["problem"], tuple(guardrail["hints"]), rule=guardrail["rule"], workspaces=guardrail["workspaces"]
        )
        failing = [{"severity": "error", "message": f"{BAD_LEDGER}{encode(problem)}\n"}]
        pulumi.answer = Answer(255, json.dumps({"diagnostics": failing}), "")
        assert run(["plan", "prod", "--format", "json"]) == 3
        reported = json.loads(capsys.readouterr().out)
        assert reported["guardrails"][0]["problem"].startswith(text)
        assert reported["errors"] == []
        assert reported["workspaces"] == [
            {"workspace": "other", "what": "made"},
            {"workspace": "pay", "what": "removed"},
        ]

    def test_secrets_without_a_value_are_errors_that_a_run_would_meet(
        self, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = ledger()
        write(("{group: devs, role: edit}", "{group: devs, role: admin}"))
        pulumi.plans(before, ledger(), step("replace", RBAC, "pay/grant/group:devs"))
        problems = [
            Problem(
                Where("stacks/prod.yaml", line, 5), "workspaces.pay", f"no {name}", ("set it",), MISSING_VALUE, ("pay",)
            )
            for line, name in ((12, "a"), (9, "b"))
        ]
        answer = json.loads(pulumi.answer.stdout)
        answer["diagnostics"] = [{"severity": "warning", "message": "\n".join(map(encode, problems)), "urn": ""}]
        pulumi.answer = Answer(0, json.dumps(answer), "")
        assert run(["plan", "prod"]) == 1
        page = capsys.readouterr().out
        assert page.splitlines()[1] == "`ambient up` would fail: 2 errors."
        assert "  requested changes: 1 admin gained · 0 lowered · 0 removed\n" in page
        assert (
            "Errors (2)\n"
            "  !  stacks/prod.yaml:9:5: workspaces.pay: no b\n"
            "     hint: set it\n"
            "  !  stacks/prod.yaml:12:5: workspaces.pay: no a\n"
            "     hint: set it\n"
        ) in page
        assert run(["plan", "prod", "--without-secrets"]) == 2
        page = capsys.readouterr().out
        assert page.splitlines()[1] == "1 admin gained · 0 lowered · 0 removed"
        assert "Warnings (2)\n  !  stacks/prod.yaml:9:5" in page
        assert run(["up", "prod", "--yes"]) == 1
        assert pulumi.ups == []

    def test_a_preview_that_fails_is_an_error(self, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
        over = "error: Resource monitor has terminated, shutting down\n"
        reported = (f"{BAD_LEDGER}{encode(refusal('you may not list secrets'))}\n", over)
        failing = [{"severity": "error", "message": text} for text in reported]
        pulumi.answer = Answer(255, json.dumps({"diagnostics": failing}), "")
        assert run(["plan", "prod"]) == 1
        page = capsys.readouterr().out
        assert "Errors (1)\n  !  you may not list secrets\n" in page

    def test_an_engine_that_says_nothing_readable(self, pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
        pulumi.answer = Answer(255, "", "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE")
        assert run(["plan", "prod"]) == 1
        assert "the stack is encrypted with a passphrase, and none is set" in capsys.readouterr().err
        pulumi.answer = Answer(0, "hello", "")
        assert run(["plan", "prod"]) == 1
        assert "printed something else than a preview" in capsys.readouterr().err

"""`ambient keys list`, over a Pulumi that answers from memory and an API server that does; and the help of `keys`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.keys.list import SOURCE_OF_USE
from tests.support.fake_api import SYSTEM_UID, FakeApi
from tests.support.keys_cli import FakePulumi, Shown, key_resources, project, pulumi, state

__all__ = ["project", "pulumi"]


@pytest.fixture
def api(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """The stacks' cluster; payments/ci was made 30 days ago, and used two days ago."""
    with FakeApi() as server:
        file = project / "kubeconfig"
        file.write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(file))
        metadata = server.add(
            "/api/v1/namespaces/payments/serviceaccounts",
            "ambient-key-ci-1",
            labels={"app": "ambient-access-key"},
            annotations={"ambient-code.io/last-used-at": "2026-11-23T12:00:00Z"},
        )
        metadata["creationTimestamp"] = "2026-10-26T12:00:00Z"
        server.add("/api/v1/namespaces/payments/serviceaccounts", "default")
        yield server


ROW = "payments/ci    view  30 days ago  2 days ago  2027-01-24 (60 days)  current  rotate from 2027-01-10"
HEAD = "workspace/key  role  created      last used   expires               state    next"
UNASKED = (
    "workspace/key  role  created  last used  expires               state    next\n"
    "payments/ci    view  ?        ?          2027-01-24 (60 days)  current  rotate from 2027-01-10\n"
)


class TestList:
    def test_one_stack(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        assert run(["keys", "list", "dev"]) == 0
        assert capsys.readouterr() == (f"{HEAD}\n{ROW}\n\n{SOURCE_OF_USE}\n", "")
        assert pulumi.calls == [("stack", "export", "--stack", "dev")]
        (requested,) = api.seen("GET", "serviceaccounts")
        assert requested.query["labelSelector"] == "app=ambient-access-key"

    def test_all_stacks_that_are_deployed_and_have_a_file(
        self, pulumi: FakePulumi, api: FakeApi, capsys: Shown
    ) -> None:
        pulumi.states["of-another-project"] = state()
        assert run(["keys", "list"]) == 0
        assert capsys.readouterr() == (f"dev\n{HEAD}\n{ROW}\n\nprod\n{HEAD}\n{ROW}\n\n{SOURCE_OF_USE}\n", "")
        del pulumi.states["prod"]
        assert run(["keys", "list"]) == 0
        assert capsys.readouterr() == (f"{HEAD}\n{ROW}\n\n{SOURCE_OF_USE}\n", "")

    def test_workspaces(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        lab = [
            resource | {"urn": resource["urn"].replace("payments/", "lab/")}
            for resource in key_resources("nightly", "edit")
        ]
        pulumi.states["dev"] = state(*key_resources("ci"), *lab)
        assert run(["keys", "list", "dev", "--offline", "-w", "payments"]) == 0
        assert capsys.readouterr() == (UNASKED, "")
        assert run(["keys", "list", "-w", "lab", "--format", "json", "--offline"]) == 2
        assert [(key["stack"], key["id"]) for key in json.loads(capsys.readouterr().out)["keys"]] == [
            ("dev", "nightly")
        ]
        assert run(["keys", "list", "dev", "-w", "paymants"]) == 1
        assert capsys.readouterr().err == (
            "ambient: stack 'dev' has no workspace 'paymants'\n  hint: did you mean 'payments'?\n"
        )

    def test_nothing_is_deployed(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.states.clear()
        assert run(["keys", "list"]) == 1
        assert capsys.readouterr() == (
            "",
            "ambient: no stack of this project is deployed\n"
            "  hint: name one, or check where the state is: pulumi whoami -v\n",
        )

    def test_a_stack_that_is_not_there(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["keys", "list", "stage"]) == 1
        shown = capsys.readouterr()
        assert (shown.out, shown.err.endswith("no stack named 'stage' found\n")) == ("", True)

    def test_a_stack_without_keys(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        pulumi.states["dev"] = state(keys={})
        assert run(["keys", "list", "dev"]) == 0
        assert capsys.readouterr().out == "There are no keys.\n"
        pulumi.states["dev"] = {"deployment": {"resources": []}}
        assert run(["keys", "list", "dev"]) == 0
        assert "the state is lost or in another backend: ambient docs killed-run" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("stack", "expires", "code"),
        [
            ("dev", "2026-11-26T12:00:01Z", 0),
            ("dev", "2026-11-26T12:00:00Z", 2),
            ("prod", "2026-12-02T12:00:01Z", 0),
            ("prod", "2026-12-02T12:00:00Z", 2),  # runEvery: 7d
        ],
    )
    def test_time_to_the_next_run(
        self, pulumi: FakePulumi, api: FakeApi, capsys: Shown, stack: str, expires: str, code: int
    ) -> None:
        pulumi.states[stack] = state(*key_resources("ci", expires=expires))
        assert run(["keys", "list", stack]) == code
        assert ("before the next run" in capsys.readouterr().out) is (code == 2)

    @pytest.mark.parametrize("text", [None, "workspaces: {x: {protect: 1}}\n"])
    def test_without_a_file_that_can_be_read_the_next_run_is_tomorrow(
        self, pulumi: FakePulumi, api: FakeApi, project: Path, text: str | None
    ) -> None:
        file = project / "stacks/prod.yaml"
        file.unlink() if text is None else file.write_text(text)
        pulumi.states["prod"] = state(*key_resources("ci", expires="2026-11-26T12:00:01Z"))
        assert run(["keys", "list", "prod"]) == 0

    @pytest.mark.parametrize(("idle", "code"), [("2d", 2), ("2d1s", 0), ("100y", 0)])
    def test_idle(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown, idle: str, code: int) -> None:
        assert run(["keys", "list", "dev", "--idle", idle]) == code
        assert ("  ! no use seen for 2 days\n" in capsys.readouterr().out) is (code == 2)

    def test_one_of_many_stacks_that_needs_attention_is_enough(
        self, pulumi: FakePulumi, api: FakeApi, capsys: Shown
    ) -> None:
        pulumi.states["prod"] = state()
        assert run(["keys", "list"]) == 2
        ending = f"  ! declared, and not made: ambient up\n\n{SOURCE_OF_USE}\n\n1 of 2 keys need attention\n"
        assert capsys.readouterr().out.endswith(ending)

    def test_offline_no_cluster_is_asked(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        assert run(["keys", "list", "dev", "--offline", "--idle", "1d"]) == 0
        assert capsys.readouterr() == (UNASKED, "")
        assert api.log == []

    @pytest.mark.parametrize(
        ("uid", "reported"),
        [("other", "this is another cluster than the stack's"), (SYSTEM_UID, "403: no list for you")],
    )
    def test_a_cluster_that_does_not_answer_takes_nothing_else_away(
        self, pulumi: FakePulumi, api: FakeApi, project: Path, capsys: Shown, uid: str, reported: str
    ) -> None:
        (project / "stacks/Pulumi.dev.yaml").write_text(f"config: {{p:clusterUid: {uid}}}\n")
        api.fail("GET", "serviceaccounts", 403, "no list for you")
        assert run(["keys", "list", "dev", "--idle", "1d"]) == 0
        shown = capsys.readouterr()
        assert shown.out == UNASKED
        assert shown.err.startswith("ambient: dev: when keys were used is not known: ")
        assert reported in shown.err

    def test_a_context_of_the_config_is_taken(
        self, pulumi: FakePulumi, api: FakeApi, project: Path, capsys: Shown
    ) -> None:
        config = f"config: {{p:clusterUid: {SYSTEM_UID}, p:context: elsewhere}}\n"
        (project / "stacks/Pulumi.dev.yaml").write_text(config)
        assert run(["keys", "list", "dev"]) == 0
        assert "elsewhere" in capsys.readouterr().err

    def test_json_and_csv_stay_clean_where_something_is_said(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["keys", "list", "--format", "json"]) == 0
        shown = capsys.readouterr()
        document = json.loads(shown.out)
        assert document["now"] == "2026-11-25T12:00:00Z"
        assert [(key["stack"], key["lastUsed"]) for key in document["keys"]] == [("dev", None), ("prod", None)]
        assert sum(line.startswith("ambient: ") for line in shown.err.splitlines()) == 2
        assert run(["keys", "list", "dev", "--format", "csv"]) == 0
        head, line = capsys.readouterr().out.splitlines()
        assert head.startswith("stack,workspace,id,generation,")
        assert line.startswith("dev,payments,ci,1,ci,,view,,,2027-01-24T12:00:00Z,current,rotate,")

    @pytest.mark.parametrize("form", ["table", "json", "csv"])
    def test_no_secret_is_asked_for_or_shown(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown, form: str) -> None:
        assert run(["keys", "list", "--format", form]) == 0
        assert "hunter2" not in "".join(capsys.readouterr())
        assert not pulumi.asked_for_secrets

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["dev", "-s", "prod"], "two stacks are named, 'dev' and 'prod'"),
            (["bad name!"], "can't name a stack"),
            (["dev", "payments/ci"], "unexpected extra argument"),
            (["dev", "--idle", "0d"], "'0d' is not a duration"),
            (["dev", "--idle", "101y"], "101y is too long: 100y is the most"),
            (["dev", "--format", "jsn"], "did you mean 'json'?"),
        ],
    )
    def test_wrong_usage(self, pulumi: FakePulumi, capsys: Shown, arguments: list[str], message: str) -> None:
        assert run(["keys", "list", *arguments]) == 64
        shown = capsys.readouterr()
        assert (shown.out, pulumi.calls) == ("", [])
        assert message in " ".join(shown.err.split())


@pytest.mark.parametrize("verb", ["list", "show", "deliver"])
def test_help_teaches_by_examples(capsys: Shown, verb: str) -> None:
    assert run(["keys", verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"\n    ambient keys {verb} prod" in text
    assert "exit codes: 0 " in text


def test_the_verbs_of_keys(capsys: Shown) -> None:
    assert run(["keys", "-h"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text for verb in ("list", "show", "deliver", "rotate", "revoke"))

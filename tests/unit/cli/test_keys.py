"""`ambient keys list`, `show` and `deliver`, over a Pulumi that answers from memory and an API server that does."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from ambient_components.errors import fail
from ambient_components.stacks import pulumi as cli_engine
from tests.support.fake_api import SYSTEM_UID, FakeApi

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.hunter2-ci.signature"
OTHER = "eyJhbGciOiJSUzI1NiJ9.hunter2-report.signature"
FILES = {
    "Pulumi.yaml": "name: p\nruntime: python\nstackConfigDir: stacks\n",
    "stacks/dev.yaml": "workspaces: {}\n",
    "stacks/prod.yaml": "include: [{path: common.yaml, sections: [templates]}]\nrunEvery: 7d\nworkspaces: {}\n",
    "stacks/common.yaml": "templates: {}\n",
    "stacks/Pulumi.dev.yaml": f"config: {{p:clusterUid: {SYSTEM_UID}}}\n",
    "stacks/Pulumi.prod.yaml": f"config: {{p:clusterUid: {SYSTEM_UID}}}\n",
}


def resource(kind: str, name: str, inputs: Any = None, outputs: Any = None) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::p::parent$x:{kind}::{name}"
    return {"urn": urn, "type": f"x:{kind}", "inputs": inputs or {}, "outputs": outputs or {}}


def key_resources(name: str, role: str = "view", expires: str = "2027-01-24T12:00:00Z", **more: Any) -> list[Any]:
    """A key of the workspace payments: NAME, or NAME/gN."""
    key_id, _, generation = name.partition("/g")
    logical = f"payments/key/{key_id}/g{generation or 1}"
    token_secret = {"handle": "h", "uid": "u", "generation": 1, "issuedAt": "2026-10-26T12:00:00Z", "dead": None}
    outputs = {
        "token": {"ciphertext": "v1:hunter2"},
        "current": {**token_secret, "expiresAt": expires},
        "nextAction": {"what": "rotate", "at": "2027-01-10T12:00:00Z"},
        **more,
    }
    account = {"name": f"ambient-key-{key_id}-{generation or 1}"}
    return [
        resource("ServiceAccount", logical, {"metadata": account}),
        resource("RoleBinding", logical, {"roleRef": {"name": f"ambient-project-{role}"}}),
        resource("AccessToken", logical, outputs=outputs),
    ]


def state(*resources: Any, keys: Mapping[str, Any] | None = None, **entry: Any) -> dict[str, Any]:
    """A state with one workspace, payments."""
    declared = {"ci": {"role": "view", "generation": 1}} if keys is None else keys
    workspaces = {"payments": {"state": "active", "owners": [], "grants": {}, "keys": declared, **entry}}
    ledger = {**resource("AccessLedger", "access", {"workspaces": workspaces}), "type": "ambient:index:AccessLedger"}
    provider = {"type": "passphrase", "state": {"salt": "hunter2"}}
    return {"deployment": {"secrets_providers": provider, "resources": [ledger, *resources]}}


def binding(name: str, role: str) -> dict[str, Any]:
    return resource("RoleBinding", f"payments/{name}", {"roleRef": {"name": f"ambient-project-{role}"}})


class FakePulumi:
    """Answers from memory, and remembers what it was asked."""

    def __init__(self) -> None:
        self.states = {"dev": state(*key_resources("ci")), "prod": state(*key_resources("ci"))}
        self.outputs: dict[str, Any] = {"payments/ci": TOKEN, "payments/report": OTHER}
        self.url: str | None = "s3://states"
        self.calls: list[tuple[str, ...]] = []
        self.environ: Mapping[str, str] = {}

    def with_backend(self, url: str) -> "FakePulumi":
        raise NotImplementedError

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.calls.append(arguments)
        match arguments:
            case ("stack", "ls", "--json"):
                return json.dumps([{"name": name} for name in self.states])
            case ("stack", "export", "--stack", stack) if stack in self.states:
                return json.dumps(self.states[stack])
            case ("stack", "output", "--json", "--show-secrets", "--stack", stack) if stack in self.states:
                return json.dumps(self.outputs)
            case ("whoami", "--json") if self.url:
                return json.dumps({"user": "me", "url": self.url})
            case ("whoami", "--json"):
                fail(None, "", "`pulumi whoami --json` failed: this command requires logging in")
        return fail(None, "", f"`pulumi {' '.join(arguments)}` failed: no stack named {arguments[-1]!r} found")

    @property
    def asked_for_secrets(self) -> bool:
        return any("--show-secrets" in call for call in self.calls)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


@pytest.fixture
def pulumi(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    fake = FakePulumi()
    monkeypatch.setattr(cli_engine, "PulumiEngine", lambda _folder: fake)
    return fake


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


Shown = pytest.CaptureFixture[str]
ROW = "payments/ci    view  30 days ago  2 days ago  2027-01-24 (60 days)  current  rotate from 2027-01-10"
HEAD = "workspace/key  role  created      last used   expires               state    next"
UNASKED = (
    "workspace/key  role  created  last used  expires               state    next\n"
    "payments/ci    view  ?        ?          2027-01-24 (60 days)  current  rotate from 2027-01-10\n"
)


class TestList:
    def test_one_stack(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        assert run(["keys", "list", "dev"]) == 0
        assert capsys.readouterr() == (f"{HEAD}\n{ROW}\n", "")
        assert pulumi.calls == [("stack", "export", "--stack", "dev")]
        (asked,) = api.seen("GET", "serviceaccounts")
        assert asked.query["labelSelector"] == "app=ambient-access-key"

    def test_all_stacks_that_are_deployed_and_have_a_file(
        self, pulumi: FakePulumi, api: FakeApi, capsys: Shown
    ) -> None:
        pulumi.states["of-another-project"] = state()
        assert run(["keys", "list"]) == 0
        assert capsys.readouterr() == (f"dev\n{HEAD}\n{ROW}\n\nprod\n{HEAD}\n{ROW}\n", "")
        del pulumi.states["prod"]
        assert run(["keys", "list"]) == 0
        assert capsys.readouterr() == (f"{HEAD}\n{ROW}\n", "")

    def test_stacks_of_an_organisation(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        pulumi.states = {"my-org/dev": state(*key_resources("ci")), "dev": state(*key_resources("ci"))}
        assert run(["keys", "list", "my-org/dev"]) == 0
        assert pulumi.calls == [("stack", "export", "--stack", "my-org/dev")]
        assert capsys.readouterr().out == f"{HEAD}\n{ROW}\n"

    @pytest.mark.parametrize("arguments", [["dev"], ["-s", "dev"], ["dev", "--stack", "dev"]])
    def test_ways_to_say_it(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown, arguments: list[str]) -> None:
        assert run(["keys", "list", *arguments]) == 0
        assert capsys.readouterr().out == f"{HEAD}\n{ROW}\n"

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

    @pytest.mark.parametrize(
        ("stack", "expires", "options", "code"),
        [
            ("dev", "2026-11-26T12:00:01Z", [], 0),
            ("dev", "2026-11-26T12:00:00Z", [], 2),
            ("prod", "2026-12-02T12:00:01Z", [], 0),
            ("prod", "2026-12-02T12:00:00Z", [], 2),  # runEvery: 7d
            ("prod", "2026-12-02T12:00:00Z", ["--within", "6d23h"], 0),
            ("dev", "2026-12-02T12:00:00Z", ["--within", "7d"], 2),
            ("dev", "2027-11-25T12:00:00Z", ["--within", "100y"], 2),
        ],
    )
    def test_time_to_the_next_run(
        self, pulumi: FakePulumi, api: FakeApi, capsys: Shown, stack: str, expires: str, options: list[str], code: int
    ) -> None:
        pulumi.states[stack] = state(*key_resources("ci", expires=expires))
        assert run(["keys", "list", stack, *options]) == code
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
        assert ("  ! not used for 2 days\n" in capsys.readouterr().out) is (code == 2)

    def test_one_of_many_stacks_that_needs_attention_is_enough(
        self, pulumi: FakePulumi, api: FakeApi, capsys: Shown
    ) -> None:
        pulumi.states["prod"] = state()
        assert run(["keys", "list"]) == 2
        assert capsys.readouterr().out.endswith("  ! declared, and not made: pulumi up\n\n1 of 2 keys need attention\n")

    def test_offline_no_cluster_is_asked(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        assert run(["keys", "list", "dev", "--offline", "--idle", "1d"]) == 0
        assert capsys.readouterr() == (UNASKED, "")
        assert api.log == []

    @pytest.mark.parametrize(
        ("trouble", "said"),
        [
            ("none", "no cluster to talk to"),
            ("silent", "the cluster at http://127.0.0.1:1 does not answer"),
            ("other", "this is another cluster than the stack's"),
            ("forbidden", "403: no list for you"),
            ("unauthorized", "the credentials of the kubeconfig are refused"),
            ("login page", "the answer is not an API server's"),
        ],
    )
    def test_a_cluster_that_does_not_answer_takes_nothing_else_away(
        self,
        pulumi: FakePulumi,
        api: FakeApi,
        project: Path,
        capsys: Shown,
        monkeypatch: pytest.MonkeyPatch,
        trouble: str,
        said: str,
    ) -> None:
        match trouble:
            case "none":
                monkeypatch.setenv("KUBECONFIG", "nowhere")
            case "silent":
                text = (project / "kubeconfig").read_text().replace(api.url, "http://127.0.0.1:1")
                (project / "kubeconfig").write_text(text)
            case "other":
                (project / "stacks/Pulumi.dev.yaml").write_text("config: {p:clusterUid: other}\n")
            case "forbidden":
                api.fail("GET", "serviceaccounts", 403, "no list for you")
            case "unauthorized":
                api.fail("GET", ".", 401, "Unauthorized")
            case _:
                page = FakeApi.answer
                monkeypatch.setattr(FakeApi, "answer", lambda *one: _html(page(*one)))
        assert run(["keys", "list", "dev", "--idle", "1d"]) == 0
        shown = capsys.readouterr()
        assert shown.out == UNASKED
        assert shown.err.startswith("ambient: dev: when keys were used is not known: ")
        assert said in shown.err
        assert len(shown.err.splitlines()) == 1

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
        found = json.loads(shown.out)
        assert found["now"] == "2026-11-25T12:00:00Z"
        assert [(one["stack"], one["lastUsed"]) for one in found["keys"]] == [("dev", None), ("prod", None)]
        assert len(shown.err.splitlines()) == 2
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
            (["dev", "--within", "7"], "'7' is not a duration"),
            (["dev", "--idle", "0d"], "'0d' is not a duration"),
            (["dev", "--within", "9999999999y"], "9999999999y is too long; allowed: up to 100y"),
            (["dev", "--idle", "101y"], "101y is too long; allowed: up to 100y"),
            (["dev", "--format", "jsn"], "did you mean 'json'?"),
        ],
    )
    def test_wrong_usage(self, pulumi: FakePulumi, capsys: Shown, arguments: list[str], message: str) -> None:
        assert run(["keys", "list", *arguments]) == 64
        shown = capsys.readouterr()
        assert (shown.out, pulumi.calls) == ("", [])
        assert message in " ".join(shown.err.split())


def _html(answer: Any) -> Any:
    answer.body = "<html>Log in</html>"
    return answer


BY_STATE = "  anyone who reads the state (s3://states) and can decrypt it (secrets provider: passphrase)\n"
MINTERS = "owners, admin and edit may mint tokens of every account here\n"


class TestShow:
    @pytest.mark.parametrize(
        "arguments", [["dev", "payments/ci"], ["payments/ci", "-s", "dev"], ["dev", "payments/ci", "--stack", "dev"]]
    )
    def test_the_key_alone_is_on_standard_output(self, pulumi: FakePulumi, capsys: Shown, arguments: list[str]) -> None:
        assert run(["keys", "show", *arguments]) == 0
        assert capsys.readouterr() == (f"{TOKEN}\n", f"payments/ci can be read by:\n{BY_STATE}")

    @pytest.mark.parametrize("flag", ["--quiet", "-q"])
    def test_quiet(self, pulumi: FakePulumi, capsys: Shown, flag: str) -> None:
        assert run(["keys", "show", "dev", "payments/ci", flag]) == 0
        assert capsys.readouterr() == (f"{TOKEN}\n", "")
        assert ("whoami", "--json") not in pulumi.calls

    def test_all_who_can_read_it_or_get_as_far(self, pulumi: FakePulumi, capsys: Shown) -> None:
        target = {"namespace": "ops", "name": "ci-key", "key": "token"}
        pulumi.states["dev"] = state(
            *key_resources("ci", "admin", static=True, deliver=target),
            *key_resources("deploy", "edit"),
            *key_resources("report"),
            binding("owner/user:alice", "admin"),
            binding("grant/user:alice", "admin"),
            binding("grant/group:devs", "edit"),
            binding("grant/user:eve", "view"),
            binding("grant/user:left-over", "edit"),
            keys={"ci": {"role": "admin"}, "deploy": {"role": "edit"}, "report": {"role": "view"}},
            owners=["user:alice"],
            grants={"user:alice": "admin", "group:devs": "edit", "user:eve": "view", "user:new": "admin"},
        )
        assert run(["keys", "show", "dev", "payments/ci"]) == 0
        assert capsys.readouterr().err == (
            "payments/ci can be read by:\n"
            + BY_STATE
            + "  anyone who may read Secrets in namespace ops (it lies in ci-key)\n"
            "  every session of workspace payments, and its admins: it lies in a Secret there\n"
            "  not this key, but one of the same rights can be made by user:alice, user:new, group:devs, "
            f"user:left-over, key deploy: {MINTERS}"
        )

    def test_two_generations_of_another_key_are_one_maker(self, pulumi: FakePulumi, capsys: Shown) -> None:
        keys = {"ci": {}, "cd": {"role": "edit", "generation": 2, "overlapping": 1, "overlapUntil": "2026-12-31"}}
        pulumi.states["dev"] = state(
            *key_resources("ci"), *key_resources("cd", "edit"), *key_resources("cd/g2", "edit"), keys=keys
        )
        assert run(["keys", "show", "dev", "payments/ci"]) == 0
        assert capsys.readouterr().err.endswith(f"can be made by key cd: {MINTERS}")

    @pytest.mark.parametrize(
        ("url", "providers", "said"),
        [
            (None, {"type": "cloud"}, "the state (?) and can decrypt it (secrets provider: cloud)"),
            ("file:///s", None, "the state (file:///s) and can decrypt it (secrets provider: none)"),
            ("https://api.pulumi.com", {}, "(secrets provider: none)"),
        ],
    )
    def test_where_the_state_lies(
        self, pulumi: FakePulumi, capsys: Shown, url: str | None, providers: Any, said: str
    ) -> None:
        pulumi.url = url
        pulumi.states["dev"]["deployment"]["secrets_providers"] = providers
        assert run(["keys", "show", "dev", "payments/ci"]) == 0
        shown = capsys.readouterr()
        assert said in shown.err
        assert shown.out == f"{TOKEN}\n"

    def test_the_newest_generation_is_shown(self, pulumi: FakePulumi, capsys: Shown) -> None:
        entry = {"ci": {"role": "view", "generation": 2, "overlapping": 1, "overlapUntil": "2026-12-31"}}
        former = key_resources("ci", expires="2026-11-24T00:00:00Z")
        pulumi.states["dev"] = state(*former, *key_resources("ci/g2"), keys=entry)
        assert run(["keys", "show", "dev", "payments/ci", "-q"]) == 0
        assert capsys.readouterr().out == f"{TOKEN}\n"

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("payments/ci2", "has no key 'payments/ci2'\n  hint: did you mean 'ci'?; a key is there after pulumi up"),
            (
                "paymnts/ci",
                "has no key 'paymnts/ci'\n  hint: did you mean 'payments/ci'?; a key is there after pulumi up",
            ),
            (
                "payments/nightly",
                "has no key 'payments/nightly'\n  hint: it has payments/ci; a key is there after pulumi up",
            ),
            ("x/y", "has no key 'x/y'\n  hint: it has payments/ci; a key is there after pulumi up"),
        ],
    )
    def test_a_key_that_is_not_there(self, pulumi: FakePulumi, capsys: Shown, name: str, said: str) -> None:
        assert run(["keys", "show", "dev", name]) == 1
        assert capsys.readouterr() == ("", f"ambient: stack 'dev' {said}\n")
        assert not pulumi.asked_for_secrets

    def test_a_stack_without_keys(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.states["dev"] = {"deployment": {}}
        assert run(["keys", "show", "dev", "payments/ci"]) == 1
        assert "has no key 'payments/ci'\n  hint: it has none; a key is" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"expires": "2026-11-25T12:00:00Z"}, "no longer works: it expired\n  hint: run pulumi up first"),
            (
                {"current": {"handle": "h", "dead": "it was revoked: its token Secret was deleted"}},
                "no longer works: it was revoked: its token Secret was deleted\n  hint: run pulumi up first",
            ),
            (
                {"expires": "2026-11-25T12:00:00Z", "manual": True},
                "no longer works: it expired\n  hint: give it another one: ambient keys rotate dev payments/ci",
            ),
            (
                {"retain": "none", "deliver": {"namespace": "ops", "name": "ci-key", "key": "token"}},
                "is not in the state (retain: none)\n  hint: it is delivered: kubectl get secret -n ops ci-key -o yaml",
            ),
            (
                {
                    "retain": "none",
                    "deliver": {"namespace": "ops", "name": "ci-key", "key": "token"},
                    "undelivered": "Secret ops/ci-key is gone",
                },
                "is not in the state (retain: none)\n"
                "  hint: and not delivered: Secret ops/ci-key is gone; run pulumi up first",
            ),
        ],
    )
    def test_a_key_that_cannot_be_shown(
        self, pulumi: FakePulumi, capsys: Shown, more: dict[str, Any], said: str
    ) -> None:
        pulumi.states["dev"] = state(*key_resources("ci", **more))
        assert run(["keys", "show", "dev", "payments/ci"]) == 1
        assert capsys.readouterr() == ("", f"ambient: key payments/ci {said}\n")
        assert not pulumi.asked_for_secrets

    @pytest.mark.parametrize("outputs", [{}, {"payments/ci": None}, {"payments/ci": ""}])
    def test_a_key_without_an_output(self, pulumi: FakePulumi, capsys: Shown, outputs: dict[str, Any]) -> None:
        pulumi.outputs = outputs
        assert run(["keys", "show", "dev", "payments/ci"]) == 1
        assert capsys.readouterr() == (
            "",
            "ambient: stack 'dev' has no output 'payments/ci'\n  hint: run pulumi up first\n",
        )

    @pytest.mark.parametrize("name", [TOKEN, f"payments/{TOKEN}", f"{TOKEN}/ci"])
    def test_a_token_in_place_of_a_name_is_not_said(self, pulumi: FakePulumi, capsys: Shown, name: str) -> None:
        assert run(["keys", "show", "dev", name]) in (1, 64)
        assert "hunter2" not in "".join(capsys.readouterr())

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "which stack?"),
            (["dev"], "which key? Name it after the stack: payments/ci, for instance"),
            (["-s", "dev"], "which key?"),
            (["dev", "payments"], "'payments' is no name of a key; allowed: WORKSPACE/KEY, such as payments/ci"),
            (["dev", "payments/"], "is no name of a key"),
            (["dev", "/ci"], "is no name of a key"),
            (["dev", "payments/ci/g1"], "is no name of a key"),
            (["dev", "payments/ci", "-s", "prod"], "two stacks are named"),
            (["dev", "payments/ci", "more"], "unexpected extra argument"),
            (["../dev", "payments/ci"], "can't name a stack"),
        ],
    )
    def test_wrong_usage(self, pulumi: FakePulumi, capsys: Shown, arguments: list[str], message: str) -> None:
        assert run(["keys", "show", *arguments]) == 64
        shown = capsys.readouterr()
        assert shown.out == ""
        assert message in " ".join(shown.err.split())
        assert not pulumi.asked_for_secrets


PROGRAM = """\
import os, sys
from pathlib import Path

print("said by the program")
Path("stdin").write_bytes(sys.stdin.buffer.read())
Path("arguments").write_bytes(Path("/proc/self/cmdline").read_bytes())
Path("environment").write_text(repr(dict(os.environ)))
Path("rest").write_text(repr(sys.argv[1:]))
"""


@pytest.fixture
def program(project: Path) -> list[str]:
    """A program that writes down all that it got."""
    (project / "program.py").write_text(PROGRAM)
    return [sys.executable, str(project / "program.py")]


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


def names() -> list[str]:
    return sorted(path.name for path in Path("out").iterdir())


class TestDeliverToAFile:
    @pytest.fixture(autouse=True)
    def _folder(self, pulumi: FakePulumi, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (project / "out").mkdir()
        return project / "out"

    def deliver(self, *arguments: str) -> int:
        return run(["keys", "deliver", *(arguments or ("dev", "payments/ci", "--file", "out/key"))])

    @pytest.mark.parametrize(
        "arguments",
        [
            ["dev", "payments/ci", "--file", "out/key"],
            ["payments/ci", "--stack", "dev", "--file", "out/key"],
            ["--file", "out/key", "-s", "dev", "payments/ci"],
            ["dev", "payments/ci", "-s", "dev", "--file", "out/key"],
        ],
    )
    def test_it_is_written_and_not_shown(self, project: Path, capsys: Shown, arguments: list[str]) -> None:
        assert self.deliver(*arguments) == 0
        assert capsys.readouterr() == ("", "payments/ci: written to out/key\n")
        assert (project / "out/key").read_bytes() == TOKEN.encode()
        assert names() == ["key"]

    @pytest.mark.parametrize("mask", [0, 0o022, 0o077])
    @pytest.mark.parametrize("before", [None, "", "another key", TOKEN])
    def test_its_owner_alone_can_read_it(self, project: Path, mask: int, before: str | None) -> None:
        file = project / "out/key"
        if before is not None:
            file.write_text(before)
            file.chmod(0o644)
        old = os.umask(mask)
        try:
            assert self.deliver() == 0
        finally:
            os.umask(old)
        assert (mode(file), file.read_text()) == (0o600, TOKEN)

    def test_the_same_key_again_leaves_the_file_alone(self, project: Path, capsys: Shown) -> None:
        assert self.deliver() == 0
        file = project / "out/key"
        os.utime(file, (1, 1))
        before = file.stat()
        capsys.readouterr()
        assert self.deliver() == 0
        assert capsys.readouterr() == ("", "payments/ci: already in out/key\n")
        after = file.stat()
        assert (after.st_ino, after.st_mtime) == (before.st_ino, before.st_mtime)

    def test_whoever_reads_meanwhile_reads_one_key_or_the_other(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = project / "out/key"
        file.write_text("another key")
        seen = []

        def look(source: Path, target: Path) -> None:
            seen.append((file.read_text(), source.read_text(), mode(source), source.absolute().parent))
            source.rename(target)

        with file.open() as reader:
            monkeypatch.setattr(Path, "replace", look)
            assert self.deliver() == 0
            assert reader.read() == "another key"
        assert seen == [("another key", TOKEN, 0o600, project / "out")]
        assert file.read_text() == TOKEN

    @pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_what_fails_leaves_all_as_it_was(
        self, project: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
    ) -> None:
        file = project / "out/key"
        file.write_text("another key")
        file.chmod(0o640)

        def fails(*_: object) -> None:
            raise trouble

        monkeypatch.setattr(Path, "replace", fails)
        assert self.deliver() == (1 if isinstance(trouble, OSError) else 130)
        assert (file.read_text(), mode(file), names()) == ("another key", 0o640, ["key"])
        shown = capsys.readouterr()
        assert "hunter2" not in "".join(shown)
        if isinstance(trouble, OSError):
            assert shown.err == (
                "ambient: out/key can't be written: No space left on device\n"
                "  hint: name a file in a folder that you may "
                "write to\n"
            )

    @pytest.mark.parametrize("content", ["somebody's file", TOKEN])
    def test_a_link_is_not_followed(self, project: Path, capsys: Shown, content: str) -> None:
        elsewhere = project / "elsewhere"
        elsewhere.write_text(content)
        elsewhere.chmod(0o644)
        (project / "out/key").symlink_to(elsewhere)
        assert self.deliver() == 1
        assert capsys.readouterr().err == (
            "ambient: out/key is there, and is no plain file\n  hint: name the file itself\n"
        )
        assert (project / "out/key").is_symlink()
        assert (elsewhere.read_text(), mode(elsewhere), names()) == (content, 0o644, ["key"])

    def test_a_link_to_nothing_is_not_followed(self, project: Path) -> None:
        (project / "out/key").symlink_to(project / "nothing")
        assert self.deliver() == 1
        assert not (project / "nothing").exists()

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_what_is_no_file_stays(self, project: Path, make: Callable[[Path], None]) -> None:
        make(project / "out/key")
        before = (project / "out/key").stat()
        assert self.deliver() == 1
        assert (project / "out/key").stat() == before
        assert names() == ["key"]

    @pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout", "out", "."])
    def test_a_device_and_a_folder_stay(self, project: Path, capsys: Shown, path: str) -> None:
        before = Path(path).lstat()
        assert self.deliver("dev", "payments/ci", "--file", path) == 1
        assert "is no plain file" in capsys.readouterr().err
        assert (Path(path).lstat().st_ino, Path(path).lstat().st_mode) == (before.st_ino, before.st_mode)

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("nowhere/key", "No such file or directory"),
            ("Pulumi.yaml/key", "Not a directory"),
            ("/proc/key", "No such file or directory"),  # for root too
            ("out/" + "k" * 250, "File name too long"),
        ],
    )
    def test_where_nothing_can_be_written(self, project: Path, capsys: Shown, path: str, why: str) -> None:
        assert self.deliver("dev", "payments/ci", "--file", path) == 1
        assert capsys.readouterr() == (
            "",
            f"ambient: {path} can't be written: {why}\n  hint: name a file in a folder that you may write to\n",
        )
        assert names() == []

    def test_a_folder_of_somebody_elses(self, project: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(**_: object) -> None:
            raise PermissionError(13, "Permission denied")  # nothing is, to root

        monkeypatch.setattr("tempfile.mkstemp", denied)
        assert self.deliver() == 1
        assert "ambient: out/key can't be written: Permission denied\n  hint: name a file" in capsys.readouterr().err

    def test_a_key_that_does_not_work_is_not_delivered(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.states["dev"] = state(*key_resources("ci", expires="2026-11-25T12:00:00Z"))
        assert self.deliver() == 1
        assert "no longer works: it expired" in capsys.readouterr().err
        assert names() == []


class TestDeliverToAProgram:
    @pytest.mark.parametrize(
        "before",
        [
            ["dev", "payments/ci", "--"],
            ["--stack", "dev", "payments/ci", "--"],
            ["payments/ci", "-s", "dev", "--"],
            ["dev", "payments/ci", "-s", "dev", "--"],
            ["my-org/dev", "payments/ci", "-s", "my-org/dev", "--"],
        ],
    )
    def test_it_is_on_standard_input_and_nowhere_else(
        self, pulumi: FakePulumi, project: Path, program: list[str], capfd: Shown, before: list[str]
    ) -> None:
        pulumi.states["my-org/dev"] = pulumi.states["dev"]
        rest = ["-x", "--file", "y", "--stack", "prod", "a b", "--", "-"]
        assert run(["keys", "deliver", *before, *program, *rest]) == 0
        assert (project / "stdin").read_bytes() == TOKEN.encode()
        assert (project / "rest").read_text() == repr(rest)
        assert "hunter2" not in (project / "arguments").read_text() + (project / "environment").read_text()
        assert capfd.readouterr() == ("said by the program\n", f"payments/ci: handed to {program[0]}\n")
        assert ("whoami", "--json") not in pulumi.calls

    def test_it_gets_nothing_that_deploys_the_stack(
        self, pulumi: FakePulumi, project: Path, program: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        withheld = [
            "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_ACCESS_TOKEN", "PULUMI_BACKEND_URL",
            "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "AMBIENT_X", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
            "ARM_CLIENT_SECRET", "AZURE_STORAGE_KEY", "GOOGLE_CREDENTIALS", "MINIO_PASSWORD",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "aws_secret_access_key",
        ]  # fmt: skip
        for name in (*withheld, "GH_TOKEN", "VAULT_TOKEN", "AWS_PROFILE"):
            monkeypatch.setenv(name, f"of-{name}")
        assert run(["keys", "deliver", "dev", "payments/ci", "--env", "AWS_PROFILE", "--", *program]) == 0
        environment = (project / "environment").read_text()
        assert [name for name in withheld if f"of-{name}" in environment] == []
        for name in ("GH_TOKEN", "VAULT_TOKEN", "AWS_PROFILE"):
            assert f"of-{name}" in environment

    @pytest.mark.parametrize(
        ("script", "code"), [("exit 3", "3"), ("cat > /dev/null; exit 255", "255"), ("kill -TERM $$", "-15")]
    )
    def test_a_program_that_fails(self, pulumi: FakePulumi, capfd: Shown, script: str, code: str) -> None:
        assert run(["keys", "deliver", "dev", "payments/ci", "--", "sh", "-c", script]) == 1
        assert capfd.readouterr() == (
            "",
            f"ambient: sh failed (exit code {code}): payments/ci may not be there\n",
        )

    def test_a_program_that_reads_nothing(self, pulumi: FakePulumi, capfd: Shown) -> None:
        pulumi.outputs["payments/ci"] = TOKEN + "x" * 1_000_000  # more than a pipe holds
        assert run(["keys", "deliver", "dev", "payments/ci", "--", "true"]) == 0

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["no-such-program"], "'no-such-program' can't be run: No such file or directory"),
            (["./Pulumi.yaml"], "'./Pulumi.yaml' can't be run: Permission denied"),
        ],
    )
    def test_a_program_that_is_not_there(self, pulumi: FakePulumi, capfd: Shown, words: list[str], why: str) -> None:
        assert run(["keys", "deliver", "dev", "payments/ci", "--", *words]) == 1
        assert capfd.readouterr() == ("", f"ambient: {why}\n  hint: name a program that is on PATH\n")

    def test_ctrl_c(self, pulumi: FakePulumi, capfd: Shown) -> None:
        script = "kill -INT $PPID; exec sleep 30"
        # A shell starts what it puts into the background with Ctrl-C ignored, and Python leaves it so.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            code = run(["keys", "deliver", "dev", "payments/ci", "--", "sh", "-c", script])
        finally:
            signal.signal(signal.SIGINT, before)
        assert code == 130
        assert capfd.readouterr() == ("", "")

    def test_a_key_that_is_not_there_starts_nothing(
        self, pulumi: FakePulumi, project: Path, program: list[str], capfd: Shown
    ) -> None:
        assert run(["keys", "deliver", "dev", "payments/ci2", "--", *program]) == 1
        assert not (project / "stdin").exists()
        assert "did you mean 'ci'?" in capfd.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "which stack?"),
            (["dev"], "which key?"),
            (["-s", "dev", "--file", "x"], "which key?"),
            (["dev", "payments/ci"], "give either --file PATH, or a program after --"),
            (["dev", "payments/ci", "--"], "give either --file PATH, or a program after --"),
            (["payments/ci", "-s", "dev"], "give either --file PATH, or a program after --"),
            (["dev", "payments/ci", "--file", "x", "--", "true"], "give either"),
            (["payments/ci", "-s", "dev", "--file", "x", "--", "true"], "give either"),
            (["dev", "payments/ci", "-s", "prod", "--", "true"], "two stacks are named, 'dev' and 'prod'"),
            (["dev", "payments/ci", "-s", "prod", "--file", "x"], "two stacks are named, 'dev' and 'prod'"),
            (["dev", "ci", "--file", "x"], "'ci' is no name of a key"),
            (["dev", "payments/ci", "true", "--nope"], "No such option"),
        ],
    )
    def test_wrong_usage(
        self, pulumi: FakePulumi, project: Path, capsys: Shown, arguments: list[str], message: str
    ) -> None:
        assert run(["keys", "deliver", *arguments]) == 64
        shown = capsys.readouterr()
        assert shown.out == ""
        assert message in " ".join(shown.err.split())
        assert not (project / "x").exists()
        assert not pulumi.asked_for_secrets


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

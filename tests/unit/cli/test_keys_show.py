"""`ambient keys show`: the key alone, and who else may read it."""

from typing import Any

import pytest

from ambient_components.cli.app import run
from tests.support.keys_cli import TOKEN, FakePulumi, Shown, key_resources, project, pulumi, resource, state

__all__ = ["project", "pulumi"]


def binding(name: str, role: str) -> dict[str, Any]:
    return resource("RoleBinding", f"payments/{name}", {"roleRef": {"name": f"ambient-project-{role}"}})


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
        ("url", "providers", "reported"),
        [
            (None, {"type": "cloud"}, "the state (?) and can decrypt it (secrets provider: cloud)"),
            ("file:///s", None, "the state (file:///s) and can decrypt it (secrets provider: none)"),
            ("https://api.pulumi.com", {}, "(secrets provider: none)"),
        ],
    )
    def test_where_the_state_lies(
        self, pulumi: FakePulumi, capsys: Shown, url: str | None, providers: Any, reported: str
    ) -> None:
        pulumi.url = url
        pulumi.states["dev"]["deployment"]["secrets_providers"] = providers
        assert run(["keys", "show", "dev", "payments/ci"]) == 0
        shown = capsys.readouterr()
        assert reported in shown.err
        assert shown.out == f"{TOKEN}\n"

    def test_the_newest_generation_is_shown(self, pulumi: FakePulumi, capsys: Shown) -> None:
        entry = {"ci": {"role": "view", "generation": 2, "overlapping": 1, "overlapUntil": "2026-12-31"}}
        former = key_resources("ci", expires="2026-11-24T00:00:00Z")
        pulumi.states["dev"] = state(*former, *key_resources("ci/g2"), keys=entry)
        assert run(["keys", "show", "dev", "payments/ci", "-q"]) == 0
        assert capsys.readouterr().out == f"{TOKEN}\n"

    @pytest.mark.parametrize(
        ("name", "reported"),
        [
            (
                "payments/ci2",
                "has no key 'payments/ci2'\n  hint: did you mean 'ci'?\n  hint: a key is there after ambient up",
            ),
            (
                "paymnts/ci",
                "has no key 'paymnts/ci'\n  hint: did you mean 'payments/ci'?\n  hint: a key is there after ambient up",
            ),
            (
                "payments/nightly",
                "has no key 'payments/nightly'\n  hint: it has payments/ci\n  hint: a key is there after ambient up",
            ),
            ("x/y", "has no key 'x/y'\n  hint: it has payments/ci\n  hint: a key is there after ambient up"),
        ],
    )
    def test_a_key_that_is_not_there(self, pulumi: FakePulumi, capsys: Shown, name: str, reported: str) -> None:
        assert run(["keys", "show", "dev", name]) == 1
        assert capsys.readouterr() == ("", f"ambient: stack 'dev' {reported}\n")
        assert not pulumi.asked_for_secrets

    def test_a_stack_without_keys(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.states["dev"] = {"deployment": {}}
        assert run(["keys", "show", "dev", "payments/ci"]) == 1
        assert "has no key 'payments/ci'\n  hint: it has none\n  hint: a key is" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("more", "reported"),
        [
            ({"expires": "2026-11-25T12:00:00Z"}, "no longer works: it expired\n  hint: run ambient up first"),
            (
                {"current": {"handle": "h", "dead": "it was revoked: its token Secret was deleted"}},
                "no longer works: it was revoked: its token Secret was deleted\n  hint: run ambient up first",
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
                "is not in the state (retain: none), and not delivered: Secret ops/ci-key is gone\n"
                "  hint: run ambient up first",
            ),
        ],
    )
    def test_a_key_that_cannot_be_shown(
        self, pulumi: FakePulumi, capsys: Shown, more: dict[str, Any], reported: str
    ) -> None:
        pulumi.states["dev"] = state(*key_resources("ci", **more))
        assert run(["keys", "show", "dev", "payments/ci"]) == 1
        assert capsys.readouterr() == ("", f"ambient: key payments/ci {reported}\n")
        assert not pulumi.asked_for_secrets

    @pytest.mark.parametrize("outputs", [{}, {"payments/ci": None}, {"payments/ci": ""}])
    def test_a_key_without_an_output(self, pulumi: FakePulumi, capsys: Shown, outputs: dict[str, Any]) -> None:
        pulumi.outputs = outputs
        assert run(["keys", "show", "dev", "payments/ci"]) == 1
        assert capsys.readouterr() == (
            "",
            "ambient: stack 'dev' has no output 'payments/ci'\n  hint: run ambient up first\n",
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
            (["dev", "payments"], "'payments' is no name of a key of the form WORKSPACE/KEY, such as payments/ci"),
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

    def test_a_key_that_the_platform_made_has_none(self, pulumi: FakePulumi, capsys: Shown) -> None:
        account, binding_of, _ = key_resources("ci")
        account["inputs"]["ofPlatform"] = True
        key = {"role": "view", "generation": 1, "serviceAccount": "ambient-key-ci-3f2a91bc"}
        pulumi.states["dev"] = state(account, binding_of, keys={"ci": key})
        assert run(["keys", "show", "dev", "payments/ci"]) == 1
        shown, said = capsys.readouterr()
        assert shown == ""
        assert "key payments/ci has no token of this stack: the platform showed its own once" in said
        assert "to issue one: ambient keys rotate dev payments/ci" in said

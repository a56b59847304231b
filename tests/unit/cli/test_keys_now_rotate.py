"""`ambient keys rotate --now`: what must be in the plan, and what is proved at the cluster."""

import os
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.edits import deployment
from ambient_components.engine.texts import PASSPHRASE_VARIABLES
from ambient_components.platform.naming import key_account
from tests.support.keys_edit import STORE
from tests.support.keys_now import (
    ACCOUNTS,
    EXPORT,
    INTERRUPT,
    PREVIEW,
    READ,
    REVIEW,
    SECRETS,
    STACK,
    UP,
    Deployed,
    Shown,
    W,
    rotated,
    step,
    token_of,
)

ROTATE = ("keys", "rotate", "dev", "payments/ci", "--leaked", "--now")
ACCOUNT = key_account(W, "ci", 1)


def text() -> str:
    return Path("stacks/dev.yaml").read_text()


class TestRotateNow:
    @pytest.mark.parametrize("ours", [False, True])
    def test_it_is_over_and_the_new_one_works(self, stack: Deployed, capsys: Shown, *, ours: bool) -> None:
        if ours:
            stack.resources.clear()
            stack.add("ci", 1, ours=True)
            stack.steps = rotated("ci", 1, 2, ours=True)
        assert run(ROTATE) == 0
        assert stack.calls == [EXPORT, READ, PREVIEW, UP, READ]
        assert stack.environ["PULUMI_CONTINUE_ON_ERROR"] == "true"
        assert stack.environ["PATH"] == os.environ["PATH"]
        assert capsys.readouterr() == (
            "stacks/dev.yaml:4: payments/ci: generation 1 -> 2, no overlap\n"
            "\nVerified at the cluster of dev:\n"
            "  payments/ci: generation 1 is over: its ServiceAccount is gone, and 1 known token refused (401), which "
            "worked before\n"
            "  payments/ci: generation 2 works: the API server accepts its token\n"
            "  payments: not known: key payments/ci could mint tokens of key report, and those stay valid until these "
            "are renewed\n"
            "Deployed dev in 9.5 s: 2 objects created, 1 deleted.\n"
            f"\n{STORE.format('payments')}"
            "\nNext:\n  ambient keys rotate dev --workspace payments --leaked --now --renew-accounts\n"
            "  ambient keys deliver dev payments/ci --file FILE    # the new key\n"
            "  git diff stacks/dev.yaml\n  git commit stacks/dev.yaml\n",
            "",
        )
        # Each token was shown to the API server alone, by a client without the deployer's credentials.
        requested = [request.headers["Authorization"] for request in stack.api.seen("POST", REVIEW)]
        assert set(requested) == {f"Bearer {token_of('ci', 1)}", f"Bearer {token_of('ci', 2)}"}

    def test_the_facts_on_many_keys_are_six_lines_and_notes_stay(self, stack: Deployed, capsys: Shown) -> None:
        stack.steps += rotated("report", 1, 2)
        deployed = stack.on_up
        stack.on_up = lambda: (deployed(), stack.add("report", 2), stack.end("report", 1))
        stack.make("of-a-session", 1)
        assert run(["keys", "rotate", "dev", "--workspace", "payments", "--leaked", "--now"]) == 0
        verdict = capsys.readouterr().out.split("\n\n")[1].splitlines()
        assert [line.split(":")[0] for line in verdict] == [
            "Verified at the cluster of dev",
            *["  payments/ci"] * 2,
            "  payments/report",
            "  and 1 more like these",
            "  payments",  # a note: whose tokens the keys could mint
            "Deployed dev in 9.5 s",
        ]

    def test_an_interrupted_deployment_ends_at_once(self, stack: Deployed, capsys: Shown) -> None:
        stack.broken[UP] = INTERRUPT
        assert run(ROTATE) == 130
        shown = capsys.readouterr()
        assert "Continue with: ambient up dev" in shown.err
        assert "erified" not in shown.out

    def test_a_stale_checkout(self, stack: Deployed, capsys: Shown) -> None:
        stack.end("ci", 1)
        stack.add("ci", 2)
        stack.steps = rotated("ci", 2, 3)
        stack.on_up = lambda: (stack.add("ci", 3), stack.end("ci", 2))
        assert run(ROTATE) == 0
        assert "ci: {role: edit, generation: 3}" in text()
        assert "payments/ci: generation 1 -> 3 (2 is deployed), no overlap" in capsys.readouterr().out
        assert not stack.works(token_of("ci", 2))

    @pytest.mark.parametrize(
        ("left", "missing"),
        [
            (0, "payments/ci: no token of generation 2 is made"),
            (4, "payments/ci: generation 1 is not deleted"),
        ],
    )
    def test_a_plan_that_is_not_enough(self, stack: Deployed, capsys: Shown, left: int, missing: str) -> None:
        stack.steps = stack.steps[:left]
        assert run(ROTATE) == 1
        assert UP not in stack.calls
        err = capsys.readouterr().err
        assert f"ambient: nothing is deployed, as the plan for dev is not enough: {missing}\n  hint: see why: " in err
        assert f"at once: kubectl delete serviceaccount -n payments {ACCOUNT}\n" in err

    def test_every_named_key_is_asked_for(self, stack: Deployed, capsys: Shown) -> None:
        assert run(["keys", "rotate", "dev", "payments/ci", "payments/report", "--leaked", "--now"]) == 1
        assert UP not in stack.calls
        err = capsys.readouterr().err
        assert "payments/report: no token of generation 2 is made" in err
        assert "payments/ci:" not in err

    def test_whatever_else_is_pending_is_named_and_nothing_is_deployed(self, stack: Deployed, capsys: Shown) -> None:
        stack.steps += [step("create", "x:y:Z", f"lab/grant/user:{number:02}") for number in range(23)]
        assert run(ROTATE) == 1
        assert UP not in stack.calls
        lines = capsys.readouterr().err.splitlines()
        assert lines[:2] == [
            "ambient: the plan for dev holds more than this, so nothing is deployed:",
            "  create  lab/grant/user:00",
        ]
        assert lines[-4:] == [
            "  create  lab/grant/user:19",
            "  and 3 more",
            "stacks/dev.yaml is edited. To deploy all of it: ambient up dev",
            f"to end the old identity at once: kubectl delete serviceaccount -n payments {ACCOUNT}",
        ]
        # The same once more: the generation that is written and not deployed stays.
        assert run(ROTATE) == 1
        assert "generation 2 stays: it is not deployed yet" in capsys.readouterr().out
        assert "generation: 2" in text()

    def test_a_file_that_is_left_alone_is_not_edited(self, stack: Deployed, capsys: Shown) -> None:
        Path("stacks/dev.yaml").write_text(STACK.replace("{role: edit}", "{role: edit, generation: 2}"))
        stack.steps += [step("create", "x:y:Z", "lab/grant/user:bob")]
        assert run(["keys", "rotate", "dev", "payments/ci", "--now"]) == 1
        reported = capsys.readouterr()
        assert "payments/ci: already requested: generation 2 is not deployed yet" in reported.out
        assert "\nno file is edited now. To deploy all of it: ambient up dev\n" in reported.err

    def test_an_old_token_that_still_works(self, stack: Deployed, capsys: Shown) -> None:
        stack.zombies.add(token_of("ci", 1))
        assert run(ROTATE) == 1
        shown = capsys.readouterr()
        assert "payments/ci: generation 2 works" in shown.out
        assert "  ambient keys rotate dev --workspace payments --leaked --now --renew-accounts\n" in shown.out
        assert shown.err == (
            "ambient: payments/ci: generation 1 is not over: its token still works\n"
            "  hint: kubectl delete serviceaccount -n "
            f"payments {ACCOUNT}, and then check again\n"
        )

    def test_it_is_asked_until_it_is_refused(self, stack: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deployment, "PATIENCE", 30.0)
        monkeypatch.setattr(deployment, "PAUSE", 0.0)
        stack.zombies.add(token_of("ci", 1))
        seen = stack.api.seen

        def review(_request: Any) -> None:
            if len(seen("POST", REVIEW)) > 4:
                stack.zombies.clear()

        stack.api.rule("POST", REVIEW, review)
        assert run(ROTATE) == 0

    @pytest.mark.parametrize("status", [403, 404, 502])
    def test_only_401_is_a_refusal(self, stack: Deployed, capsys: Shown, status: int) -> None:
        deployed = stack.on_up
        stack.on_up = lambda: (deployed(), stack.api.fail("POST", REVIEW, status))
        assert run(ROTATE) == 1
        err = capsys.readouterr().err
        assert f"generation 1: its end is not proved: the API server answers its token with {status}, not 401" in err
        assert f"generation 2 does not work: the API server answers its token with {status}\n  hint: ambient up" in err

    def test_a_new_token_of_another_account(self, stack: Deployed, capsys: Shown) -> None:
        deployed = stack.on_up

        def wrong() -> None:
            deployed()
            stack.tokens[token_of("ci", 2)] = stack.tokens[token_of("report", 1)]

        stack.on_up = wrong
        assert run(ROTATE) == 1
        assert "payments/ci: generation 2 does not work: the API server answers" in capsys.readouterr().err

    def test_without_an_overlap_a_failed_new_identity_protects_nothing(self, stack: Deployed, capsys: Shown) -> None:
        stack.on_up = lambda: None
        stack.broken[UP] = "exit code 255"
        stack.api.add(
            f"/apis/rbac.authorization.k8s.io/v1/namespaces/{W}/rolebindings",
            f"ambient-key-edit-ci-{ACCOUNT[-8:]}",
            subjects=[],
        )
        stack.api.objects[f"{ACCOUNTS}/{ACCOUNT}"]["metadata"]["finalizers"] = ["hunter/2"]
        assert run(ROTATE) == 1
        assert not stack.works(token_of("ci", 1))
        assert stack.api.names(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{W}/rolebindings") == []
        assert [name for name in stack.api.names(SECRETS) if "-ci-" in name] == []
        shown = capsys.readouterr()
        assert "  payments/ci: generation 1 is over: its ServiceAccount is gone, and 1 known token refused" in shown.out
        assert "stacks/dev.yaml is edited, and not all of it is deployed\n  hint: ambient up dev\n" in shown.err
        assert "ambient: payments/ci: generation 2 is not made\n  hint: ambient up\n" in shown.err

    def test_with_an_overlap_a_failed_new_identity_leaves_the_old_one_alone(
        self, stack: Deployed, capsys: Shown
    ) -> None:
        stack.on_up = lambda: None
        stack.broken[UP] = "exit code 255"
        assert run(["keys", "rotate", "dev", "payments/ci", "--now"]) == 1
        assert stack.works(token_of("ci", 1))
        assert "payments/ci: generation 2 is not made" in capsys.readouterr().err

    def test_with_an_overlap_the_one_before_works_on_and_older_ones_end(self, stack: Deployed, capsys: Shown) -> None:
        Path("stacks/dev.yaml").write_text(STACK.replace("{role: edit}", "{role: edit, generation: 2}"))
        stack.add("ci", 2)
        stack.steps = [step("create", "AccessToken", f"{W}/key/ci/g3"), *rotated("ci", 1, 3)[-2:]]
        stack.on_up = lambda: (stack.add("ci", 3), stack.end("ci", 1))
        assert run(["keys", "rotate", "dev", "payments/ci", "--now"]) == 0
        assert [stack.works(token_of("ci", one)) for one in (1, 2, 3)] == [False, True, True]
        out = capsys.readouterr().out
        assert "generation 1 is over" in out
        assert "generation 2 is over" not in out

    def test_a_finalizer_that_cannot_be_taken_away(self, stack: Deployed, capsys: Shown) -> None:
        def kept() -> None:
            stack.add("ci", 2)
            account = stack.api.objects[f"{ACCOUNTS}/{ACCOUNT}"]
            account["metadata"] |= {"finalizers": ["x/y"], "deletionTimestamp": "2026-11-26T00:00:00Z"}
            stack.api.fail("PATCH", ACCOUNTS, 403)
            stack.api.rule("DELETE", ACCOUNTS, lambda _: None)
            stack.api.fail("DELETE", ACCOUNTS, 500)

        stack.on_up = kept
        assert run(ROTATE) == 1
        err = capsys.readouterr().err
        assert f"generation 1 is not over: its ServiceAccount {ACCOUNT} is still there, and a finalizer keeps it" in err
        assert f"kubectl patch serviceaccount -n payments {ACCOUNT} --type=merge -p" in err

    def test_an_account_that_was_replaced_before(self, stack: Deployed) -> None:
        """Its tokens are nowhere on record, so the account itself has to go."""
        stack.api.objects[f"{ACCOUNTS}/{ACCOUNT}"]["metadata"]["uid"] = "uid-of-the-insiders"
        stack.on_up = lambda: stack.add("ci", 2)
        assert run(ROTATE) == 0
        assert not stack.there("ci", 1)

    def test_an_account_that_only_the_cluster_has(self, stack: Deployed, capsys: Shown) -> None:
        """The state was lost: nothing in the plan ends the old account."""
        stack.resources.clear()
        stack.steps = [step("create", "AccessToken", f"{W}/key/ci/g2")]
        stack.on_up = lambda: stack.add("ci", 2)
        assert run(ROTATE) == 0
        assert not stack.works(token_of("ci", 1))
        assert "generation 1 is over: its ServiceAccount is gone\n" in capsys.readouterr().out

    def test_a_token_that_only_a_delivered_secret_has(self, stack: Deployed) -> None:
        import base64  # noqa: PLC0415

        target = {"namespace": "ops", "name": "ci-key", "key": "token"}
        stack.resources.clear()
        stack.add("ci", 1, retained=False, deliver=target)

        def holds(token: str) -> None:
            encoded = base64.b64encode(token.encode()).decode()
            data = {"token": encoded, "previous-token": "***", "other": 7}
            stack.api.add("/api/v1/namespaces/ops/secrets", "ci-key", data=data)

        holds(token_of("ci", 1))

        def deployed() -> None:
            stack.end("ci", 1)
            stack.add("ci", 2, retained=False, deliver=target)
            holds(token_of("ci", 2))

        stack.on_up = deployed
        assert run(ROTATE) == 0
        stack.zombies.add(token_of("ci", 2))
        stack.steps = rotated("ci", 2, 3)

        def kept() -> None:
            stack.end("ci", 2)
            stack.add("ci", 3, retained=False, deliver=target)

        stack.on_up = kept
        assert run(ROTATE) == 1  # the old token works, and the new one is nowhere

    def test_a_cluster_that_does_not_answer(self, stack: Deployed, capsys: Shown) -> None:
        stack.api.fail("GET", ACCOUNTS, 500)
        assert run(ROTATE) == 1
        assert UP not in stack.calls
        assert "can't be asked what becomes of the keys, so nothing is deployed: " in capsys.readouterr().err

    def test_another_cluster(self, stack: Deployed, capsys: Shown) -> None:
        Path("stacks/Pulumi.dev.yaml").write_text("config: {p:clusterUid: another}\n")
        assert run(ROTATE) == 1
        assert UP not in stack.calls
        assert "this is another cluster than the stack's" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("reported", "received"),
        [
            ("disk full", "failed: disk full"),
            ('{; "steps": [; "hunter2"', "failed\n  hint: to see why: pulumi preview --stack dev"),
        ],
    )
    def test_a_plan_that_cannot_be_made(self, stack: Deployed, capsys: Shown, reported: str, received: str) -> None:
        stack.broken[PREVIEW] = reported
        assert run(ROTATE) == 1
        assert UP not in stack.calls
        err = capsys.readouterr().err
        assert f"ambient: `pulumi preview --json --stack dev` {received}\n" in err
        assert (
            "ambient: stacks/dev.yaml is edited, and nothing is deployed\n"
            "  hint: fix it, then run the same command again: it deploys this change alone, and proves it" in err
        )
        assert f"to end the old identity at once: kubectl delete serviceaccount -n payments {ACCOUNT}" in err
        assert "hunter2" not in err

    @pytest.mark.parametrize("output", ["", "[]", "Previewing update (dev)"])
    def test_what_is_no_plan(self, stack: Deployed, capsys: Shown, output: str) -> None:
        stack.output = output
        assert run(ROTATE) == 1
        assert "printed something else than a plan" in capsys.readouterr().err
        assert UP not in stack.calls

    def test_a_state_that_cannot_be_read(self, stack: Deployed, capsys: Shown) -> None:
        stack.broken[EXPORT] = "no stack named 'dev' found"
        assert run(ROTATE) == 1
        assert stack.calls == [EXPORT]
        assert text() == STACK
        assert capsys.readouterr().err == (
            "ambient: `pulumi stack export --stack dev` failed: no stack named 'dev' found\n"
            "ambient: nothing is written and nothing is deployed\n"
            f"  hint: to end it at once: kubectl delete serviceaccount -n payments {ACCOUNT}    "
            "# by the files; all names: kubectl get serviceaccounts -n payments\n"
        )

    def test_a_state_that_cannot_be_decrypted(self, stack: Deployed, capsys: Shown) -> None:
        stack.broken[READ] = "incorrect passphrase"
        assert run(ROTATE) == 1
        assert stack.calls == [EXPORT, READ, EXPORT]
        err = capsys.readouterr().err
        assert "the passphrase is not the one of this stack" in err
        assert (
            "stacks/dev.yaml is edited, and nothing is deployed\n"
            "  hint: fix it, then run the same command again: it deploys this change alone, and proves it\n"
            f"  hint: to end the old identity at once: kubectl delete serviceaccount -n payments {ACCOUNT}\n"
        ) in err

    def test_a_passphrase_that_is_missing(
        self, stack: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: Shown
    ) -> None:
        for name in PASSPHRASE_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        with Path("stacks/Pulumi.dev.yaml").open("a", encoding="utf-8") as file:
            file.write("encryptionsalt: v1:x\n")
        assert run(ROTATE) == 1
        head = "ambient: nothing is written and nothing is deployed\n"
        assert capsys.readouterr().err.startswith(
            f"{head}  hint: to end it at once: kubectl delete serviceaccount -n payments {ACCOUNT}  "
        )
        assert run((*ROTATE[:4], "--now")) == 1
        assert capsys.readouterr().err.startswith(f"{head}ambient: stack 'dev' is encrypted with a passphrase")
        assert (stack.calls, text()) == ([], STACK)

    def test_no_token_is_shown(self, stack: Deployed, capsys: Shown) -> None:
        stack.zombies.add(token_of("ci", 1))
        stack.broken[UP] = "exit code 255"
        assert run(ROTATE) == 1
        shown = capsys.readouterr()
        assert "hunter2" not in shown.out + shown.err + repr(stack.calls)

"""`ambient keys revoke --now`: what must be in the plan, and what is proved at the cluster."""

from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import run
from ambient_components.platform.naming import key_account
from tests.support.keys_edit import STORE
from tests.support.keys_now import ACCOUNTS, EXPORT, PREVIEW, READ, STACK, UP, Deployed, Shown, W, revoked, token_of

REVOKE = ("keys", "revoke", "dev", "payments/ci", "--now")


class TestRevokeNow:
    @pytest.fixture(autouse=True)
    def _revocation(self, stack: Deployed) -> None:
        stack.steps = revoked("ci", 1)
        stack.on_up = lambda: stack.end("ci", 1)

    def test_it_is_over(self, stack: Deployed, capsys: Shown) -> None:
        assert run(REVOKE) == 0
        assert stack.calls == [READ, PREVIEW, UP, READ]
        assert "generation 1 is over: its ServiceAccount is gone, and 1 known token" in capsys.readouterr().out

    @pytest.mark.parametrize("recorded", [False, True])
    def test_a_key_that_the_file_lost_before(self, stack: Deployed, capsys: Shown, *, recorded: bool) -> None:
        """Also if a run that failed has ended the declaration in the ledger, and nothing else."""
        if recorded:
            stack.ledger = {W: {"keys": {"ci": {"role": "edit", "lifetime": 86400}}}}
        assert run(REVOKE[:-1]) == 0
        assert stack.calls == []
        capsys.readouterr()
        assert run(REVOKE[:-1]) == 0
        line = "payments/ci: removed from the files already, and still deployed\n"
        assert capsys.readouterr().out == f"{line}\n{STORE.format(W)}\nNext:\n  ambient up dev\n"
        assert run(REVOKE) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{line}\nVerified at the cluster of dev:\n  payments/ci: generation 1 is over: ")
        assert "key payments/ci could mint tokens of key report" in out
        assert not stack.works(token_of("ci", 1))
        assert run(REVOKE) == 1
        error = "payments: has no key 'ci', and nothing is deployed for it\n  hint: it has report\n"
        ended = "  hint: if this stack gave it access that was revoked before, that has ended\n"
        assert error + ended in capsys.readouterr().err

    def test_a_lost_key_beside_one_of_the_file(self, stack: Deployed, capsys: Shown) -> None:
        assert run(REVOKE[:-1]) == 0
        stack.steps += revoked("report", 1)
        stack.on_up = lambda: (stack.end("ci", 1), stack.end("report", 1))
        assert run(("keys", "revoke", "dev", "payments/ci", "payments/report", "--now")) == 0
        assert "payments/report: generation 1 is over" in capsys.readouterr().out
        assert "report" not in Path("stacks/dev.yaml").read_text()

    def test_a_lost_key_whose_state_cannot_be_read(self, stack: Deployed, capsys: Shown) -> None:
        assert run(REVOKE[:-1]) == 0
        stack.broken[EXPORT] = "no stack named 'dev' found"
        assert run(REVOKE) == 1
        assert capsys.readouterr().err.endswith(
            "ambient: nothing is written and nothing is deployed\n"
            "  hint: to end it at once: kubectl delete serviceaccount -n payments NAME    "
            "# by the files; all names: kubectl get serviceaccounts -n payments\n"
        )
        assert run(REVOKE[:-1]) == 1
        err = capsys.readouterr().err
        assert "warning: what is deployed is not known\n" in err
        assert err.endswith("payments: has no key 'ci'\n  hint: it has report\n")

    def test_a_state_that_cannot_be_decrypted(self, stack: Deployed, capsys: Shown) -> None:
        stack.broken[READ] = "incorrect passphrase"
        assert run(REVOKE) == 1
        delete = f"kubectl delete serviceaccount -n payments {key_account(W, 'ci', 1)}"
        assert f"  hint: to end the old identity at once: {delete}\n" in capsys.readouterr().err
        Path("stacks/dev.yaml").write_text(STACK)
        stack.broken[EXPORT] = "the backend is away"
        assert run(REVOKE) == 1
        assert f"  hint: to end it at once: {delete}    # by" in capsys.readouterr().err

    @pytest.mark.parametrize("left", [0, 2])
    def test_a_plan_without_its_deletion(self, stack: Deployed, capsys: Shown, left: int) -> None:
        stack.steps = stack.steps[:left]
        assert run(REVOKE) == 1
        assert UP not in stack.calls
        assert "not enough: payments/ci: generation 1 is not deleted\n  hint: see why" in capsys.readouterr().err

    def test_a_deployment_that_fails_keeps_nothing_alive(self, stack: Deployed, capsys: Shown) -> None:
        stack.on_up = lambda: None
        stack.broken[UP] = "exit code 255"
        assert run(REVOKE) == 1
        assert not stack.works(token_of("ci", 1))
        shown = capsys.readouterr()
        assert "generation 1 is over" in shown.out
        assert "is edited, and not all of it is deployed" in shown.err

    def test_a_key_that_was_never_deployed(self, stack: Deployed, capsys: Shown) -> None:
        stack.end("ci", 1)
        stack.steps = []
        assert run(REVOKE) == 0
        assert UP not in stack.calls
        out = capsys.readouterr().out
        assert "Nothing was to be deployed: the plan for dev is empty." in out
        assert "payments/ci: no identity of it is deployed, and the cluster has no ServiceAccount of it" in out

    @pytest.mark.parametrize(
        "metadata",
        [
            {"annotations": None, "labels": None},
            {"finalizers": ["a/b", "c/d"], "annotations": {"x": "y" * 5000}},
            {"labels": {"app": "\u202e"}, "ownerReferences": "no list"},
        ],
    )
    def test_odd_objects_beside_it(self, stack: Deployed, metadata: dict[str, Any]) -> None:
        for name in ("odd", key_account(W, "ci", 2)):
            stack.api.add(ACCOUNTS, name)
            stack.api.objects[f"{ACCOUNTS}/{name}"]["metadata"] |= metadata
        assert run(REVOKE) == 0

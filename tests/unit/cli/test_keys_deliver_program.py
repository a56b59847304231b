"""`ambient keys deliver` to a program."""

import signal
import sys
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from tests.support.keys_cli import TOKEN, FakePulumi, Shown, project, pulumi

__all__ = ["project", "pulumi"]

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

"""Frequent failures of `pulumi`, as it prints them (3.274.1), and what is shown instead."""

from pathlib import Path

import pytest

from ambient_components.documentation import page
from ambient_components.engine.backend import export
from ambient_components.engine.command import Answer, CommandError, failed
from ambient_components.errors import AmbientError

LOST = page("tasks/killed-run", "a-lost-state")


def text(error: AmbientError) -> str:
    return "\n".join(problem.text for problem in error.problems)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (
            "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
            "no backend for the state is selected, or it needs a login\n"
            "  hint: for this shell: export PULUMI_BACKEND_URL=URL, such as s3://my-states or file://~\n"
            "  hint: for everyone who uses this project, in Pulumi.yaml: backend: {url: URL}\n"
            "  hint: for all projects of this machine: pulumi login URL",
        ),
        (
            "error: no stack named 'nope' found",
            "the backend has no stack 'nope'\n  hint: if it is new: ambient init nope\n"
            "  hint: if it was deployed, its runs may have used another backend: compare PULUMI_BACKEND_URL and "
            f"pulumi whoami -v\n  hint: if its state is lost: {LOST}",
        ),
        (
            "error: 2 errors occurred:\n\t* write /state/.pulumi/x.json: no space left on device\n\t* Unknown",
            "no space is left on the disk of /state/.pulumi/x.json\n"
            "  hint: free some, also in TMPDIR, and run it again: the state has all that was recorded before",
        ),
        (
            "error: getting stack configuration: get stack secrets manager: passphrase must be set with "
            "PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
            "the stack is encrypted with a passphrase, and none is set\n"
            "  hint: set PULUMI_CONFIG_PASSPHRASE_FILE to a file that contains it, or PULUMI_CONFIG_PASSPHRASE",
        ),
        (
            "error: getting stack configuration: get stack secrets manager: incorrect passphrase",
            "the passphrase is not the one of this stack\n"
            "  hint: check PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, if set",
        ),
        ("error: disk full", "`pulumi up` failed: disk full"),
        ("error: etcdserver: no space left on device", "`pulumi up` failed: etcdserver: no space left on device"),
        (
            "error: PUT http://minio/data: no space left on device",
            "`pulumi up` failed: PUT http://minio/data: no space left on device",
        ),
    ],
)
def test_frequent_failures_are_explained(printed: str, shown: str) -> None:
    with pytest.raises(CommandError) as caught:
        failed(("up",), Answer(255, "", printed))
    assert text(caught.value) == shown
    assert caught.value.output == printed


class Backend:
    """A backend with two stacks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> str:
        if arguments[:2] == ("stack", "ls"):
            return '[{"name": "dev"}, {"name": "org/prod"}]'
        return failed(arguments, Answer(6, "", f"error: no stack named '{arguments[-1]}' found"))


@pytest.mark.parametrize("deployed", [False, True], ids=["new", "with a config"])
def test_an_unknown_stack_is_answered_with_the_known_ones(tmp_path: Path, *, deployed: bool) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\n")
    if deployed:
        (tmp_path / "Pulumi.prd.yaml").touch()
    with pytest.raises(AmbientError) as caught:
        export(Backend(tmp_path), "prd")  # type: ignore[arg-type]  # only what is used
    causes = [
        "  hint: if it is new: ambient init prd",
        "  hint: if it was deployed, its runs may have used another backend: compare PULUMI_BACKEND_URL and "
        "pulumi whoami -v",
        f"  hint: if its state is lost: {LOST}",
    ]
    assert text(caught.value).splitlines() == [
        "the backend has no stack 'prd'",
        "  hint: did you mean 'prod'?",
        "  hint: known: dev, prod",
        *(causes if deployed else ["  hint: to create it: ambient init prd"]),
    ]

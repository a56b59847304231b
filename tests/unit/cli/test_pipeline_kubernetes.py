"""`ambient pipeline kubernetes`: the printed objects, and what is refused before they are printed."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambient_components.cli import app
from ambient_components.cli.pipeline.kubernetes import EVERY_NIGHT, EVERY_TEN_MINUTES
from tests.support.commands import complaint
from tests.support.projects import write_project

DIGEST = "registry.example.com/ambient@sha256:" + "d" * 64
COMMIT = "c" * 40
REPO = "https://git.example.com/platform/workspaces.git"
OPTIONS = {"--image": DIGEST, "--repo": REPO, "--commit": COMMIT, "--backend": "s3://state?region=eu-central-1"}
STACK = "workspaces: {aa: {}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    files = {
        "stacks/prod.yaml": STACK,
        "stacks/Pulumi.prod.yaml": 'config:\n  ours:shards: "20"\n',
        "stacks/lab.yaml": STACK,
        "stacks/here.yaml": STACK,
        "stacks/Pulumi.here.yaml": "config:\n  ours:context: laptop\n",
        "stacks/all.yaml": "stacks: [prod, lab]\n",
    }
    return write_project(tmp_path, files, "ours")


def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0, **options: str) -> str:
    given = {**OPTIONS, **{f"--{name}": value for name, value in options.items()}}
    flags = [word for flag, value in given.items() if value for word in (flag, value)]
    assert app.run(["pipeline", "kubernetes", *words, *flags]) == code
    reported = capsys.readouterr()
    return reported.out if code == 0 else reported.err


def by_kind(text: str) -> dict[str, Any]:
    return {item["kind"]: item for item in yaml.safe_load_all(text)}


def test_a_fleet_is_one_index_a_shard(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--fleet", "acme/prod")
    assert text.startswith("# Deploys the fleet acme/prod by the schedule '*/10 * * * *' (UTC), in the cluster itself.")
    items = by_kind(text)
    account = {"kind": "ServiceAccount", "name": "ambient-prod", "namespace": "ambient-deployer"}
    assert items["ClusterRoleBinding"]["subjects"] == items["RoleBinding"]["subjects"] == [account]
    assert items["ClusterRoleBinding"]["roleRef"]["name"] == "ambient-deployer"
    # Another deployer's binding of that role stays.
    assert items["ClusterRoleBinding"]["metadata"]["name"] == "ambient-deployer-ambient-prod"
    # Beside it the account may write one ConfigMap, and nothing else.
    assert items["Role"]["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["ambient-prod"], "verbs": ["patch"]},
    ]
    spec = items["CronJob"]["spec"]
    job = spec["jobTemplate"]["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == (EVERY_TEN_MINUTES, "Forbid")
    assert (job["completions"], job["parallelism"], job["completionMode"]) == (20, 8, "Indexed")
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"] == ["ambient", "up", "acme/prod", "--shard", "$(AMBIENT_RUN_INDEX)", "--yes"]
    assert complaint(["ambient", "up", "acme/prod", "--shard", "19", "--yes"]) == ""
    assert all(image == DIGEST for image in _images(job))
    (checkout,) = job["template"]["spec"]["initContainers"]
    # The one that talks to the Git host gets no credential of the run.
    assert "envFrom" not in checkout
    subprocess.run(["bash", "-n"], input=checkout["command"][2], text=True, check=True)


def _images(job: dict[str, Any]) -> list[str]:
    pod = job["template"]["spec"]
    return [container["image"] for container in (*pod["initContainers"], *pod["containers"])]


def test_a_stack_or_a_small_fleet_is_one_pod(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stack in ("lab", "prod"):
        job = by_kind(printed(capsys, stack))["CronJob"]["spec"]["jobTemplate"]["spec"]
        assert job["completions"] == 1
        assert job["template"]["spec"]["containers"][0]["command"] == ["ambient", "up", stack, "--yes"]


def test_the_run_that_corrects_drift_is_another_cronjob_of_the_same_account(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    often, nightly = (by_kind(printed(capsys, "--fleet", "prod", *more)) for more in ((), ("--refresh",)))
    assert {kind: item for kind, item in often.items() if kind != "CronJob"} == {
        kind: item for kind, item in nightly.items() if kind != "CronJob"
    }
    assert nightly["CronJob"]["metadata"]["name"] == "ambient-prod-refresh"
    assert nightly["CronJob"]["spec"]["schedule"] == EVERY_NIGHT
    pod = nightly["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][-2:] == ["--refresh", "--yes"]
    assert pod["serviceAccountName"] == "ambient-prod"


def git(folder: Path, *words: str) -> str:
    words = ("-c", "user.name=a", "-c", "user.email=a@example.com", *words)
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def project(folder: Path) -> Path:
    """A project below the top of a repository."""
    top = folder / "top"
    project = write_project(top / "deploy", {"stacks/lab.yaml": STACK}, "ours")
    git(top, "init", "--quiet")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "one")
    return project


def test_a_pod_fetches_exactly_the_commit(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = git(project, "rev-parse", "HEAD")
    (project / "stacks/lab.yaml").write_text("workspaces: {bb: {}}\n")
    git(project, "commit", "--quiet", "-a", "-m", "two")
    job = by_kind(printed(capsys, "lab"))["CronJob"]["spec"]["jobTemplate"]["spec"]
    script = job["template"]["spec"]["initContainers"][0]["command"][2]

    def checkout(place: Path, commit: str) -> int:
        given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "REPOSITORY": f"file://{project.parent}"}
        given |= {"COMMIT": commit, "FOLDER": str(place / "deploy")}
        words = ["sh", "-euc", script.replace("/tmp/project", str(place))]  # noqa: S108
        return subprocess.run(words, env=given, capture_output=True, check=False).returncode

    there = tmp_path / "there"
    assert checkout(there, first) == 0
    assert (there / "deploy/stacks/lab.yaml").read_text() == STACK
    assert (there / "deploy/.venv").readlink() == Path("/opt/ambient")
    assert git(there, "rev-parse", "HEAD") == first
    assert checkout(tmp_path / "nowhere", "0" * 40) != 0


def test_what_the_checkout_knows_is_the_default(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(project, "remote", "add", "origin", "git@git.example.com:platform/workspaces.git")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setenv("PULUMI_BACKEND_URL", "gs://state")
        text = printed(capsys, "lab", repo="", commit="", backend="")
        assert app.run(["pipeline", "kubernetes", "--image", DIGEST]) == 0
        assert capsys.readouterr() == (text, "")
        (project / "stacks/lab.yaml").write_text("workspaces: {bb: {}}\n")
        assert app.run(["pipeline", "kubernetes", "--image", DIGEST]) == 0
        assert "files differ from the commit" in capsys.readouterr().err
    pod = by_kind(text)["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    variables = {item["name"]: item["value"] for item in pod["initContainers"][0]["env"]}
    assert variables["REPOSITORY"] == "ssh://git@git.example.com/platform/workspaces.git"
    assert variables["COMMIT"] == git(project, "rev-parse", "HEAD")
    assert variables["FOLDER"] == pod["containers"][0]["workingDir"] == "/tmp/project/deploy"  # noqa: S108
    assert {"name": "PULUMI_BACKEND_URL", "value": "gs://state"} in pod["containers"][0]["env"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("git://git.example.com/a.git", "allowed: https://HOST/PATH or ssh://git@HOST/PATH"),
        ("http://git.example.com/a.git", "allowed: https://HOST/PATH"),
        ("/srv/git/a.git", "allowed: https://HOST/PATH"),
        ("ext::sh -c true", "allowed: https://HOST/PATH"),
        ("git@git.example.com::a", "allowed: https://HOST/PATH"),
        ("-oProxyCommand=x@git.example.com:a", "allowed: https://HOST/PATH"),
        ('git@git.example.com:a"b', "allowed: https://HOST/PATH"),
        ("https://token@git.example.com/a.git", "the repository's URL has a credential"),
        ("https://ci:token@git.example.com/a.git", "the repository's URL has a credential"),
        ("ssh://git:made-up@git.example.com/a.git", "the repository's URL has a credential"),
    ],
)
def test_a_repository_is_fetched_by_https_or_ssh(
    folder: Path, capsys: pytest.CaptureFixture[str], url: str, said: str
) -> None:
    text = " ".join(printed(capsys, "lab", code=64, repo=url).split())
    assert "--repo" in text
    assert said in text


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("image", "", "build it from the Dockerfile"),
        ("image", "registry.example.com/ambient:1", "a tag can be moved"),
        ("commit", "main", "is no whole commit"),
        ("commit", "", "git rev-parse"),
        ("backend", "", "allowed: s3://"),
        ("backend", "file://~", "is nothing that a pod can reach"),
        ("backend", "postgres://me:hunter2@db/state", "the URL has a credential, which everyone who may read"),
        ("schedule", "hourly", "fields instead of five"),
        ("namespace", "Ambient", "is not a namespace"),
    ],
)
def test_wrong_options(folder: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, said: str) -> None:
    text = " ".join(printed(capsys, "lab", code=64, **{option: value}).replace("│", " ").split())
    assert f"--{option}" in text
    assert said in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fleet", "lab"), "lab is a plain stack, and has no shards"),
        (("--fleet", "all"), "all names several stacks"),
        (("all",), "all names several stacks"),
        (("here",), "'laptop' is a name in a kubeconfig, and a pod has none"),
        (("nothing",), "there is no such stack file"),
    ],
)
def test_stacks_that_no_pod_can_deploy(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert said in printed(capsys, *words, code=1)


def test_a_pods_host_name_has_63_characters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The CronJob's name, the time of the Job, and the index: `ambient-STACK-refresh-29743080-0`."""
    for length in (34, 35):
        (folder / "stacks" / f"{'s' * length}.yaml").write_text(STACK)
    assert "name: ambient-sss" in printed(capsys, "s" * 34)
    assert "allowed here: 34 characters" in printed(capsys, "s" * 35, code=1)

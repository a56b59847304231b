"""Runners of printed pipelines on this machine: `act` for GitHub, gitlab-ci-local for GitLab.

Both run what the files say: checkout, steps, outputs, matrix, conditions, artifacts. Where a step asks a cloud or the
forge, a stand-in beside the tests answers. Neither has approvals, OIDC, permissions or concurrency groups.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.git_project import Repository
from tests.support.gitlab_server import GitLabServer
from tests.support.stacks import REPOSITORY

PIPELINES = REPOSITORY / "tests/engine/pipelines"
ROLE = "arn:aws:iam::123456789012:role/deployer"
PATIENCE = 900
"""Seconds for one run of a pipeline: four jobs, each with an environment of its own."""

_STAND_INS = PIPELINES / "stand-ins"
_NAME = "example/workspaces"
_USES = re.compile(r"uses: (\S+)@([0-9a-f]{40})")
_STATUS = re.compile(r"^ (PASS|FAIL|WARN) +(\S+(?: \S+)*)", re.MULTILINE)
_PROGRESS = re.compile(r"\x1b\[K|\r")
"""What a progress line of the CLI begins with: `act` gives its steps a terminal."""


@dataclass(frozen=True)
class Run:
    """What a run of a pipeline came to."""

    jobs: dict[str, str]
    """The result of each job, by its name and that of its stage or shard."""
    logs: dict[str, str] = field(repr=False)
    text: str = field(repr=False)

    def came_to(self, **jobs: str) -> "Run":
        """Assert the results of all jobs. Their names have _ in place of - and the space."""
        assert {re.sub(r"[- ]", "_", name): result for name, result in self.jobs.items()} == jobs, self.text
        return self


class Runner:
    """A machine of a forge that runs jobs. It has the stand-ins, and nothing of the developer's environment."""

    def __init__(self, repository: Repository, folder: Path, packages: Path, program: Path) -> None:
        self.repository, self.folder, self.program = repository, folder / "runner", program
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        machine = repository.machine.environment
        names = ("pulumi", "pulumi-resource-kubernetes")
        found = (Path(shutil.which(name, path=machine["PATH"]) or "").parent for name in names)
        self.pulumi = os.pathsep.join(dict.fromkeys(map(str, found)))
        self.path = os.pathsep.join([str(_STAND_INS / "programs"), "/usr/local/bin", "/usr/bin", "/bin"])
        self.environment = {
            "HOME": str(self.home),
            "STAND_INS": str(_STAND_INS),
            "BASE_PYTHON": str(REPOSITORY / ".venv/bin/python"),
            "PACKAGES": str(packages),
            "CLUSTER_KUBECONFIG": machine["KUBECONFIG"],
            "PULUMI_HOME": machine["PULUMI_HOME"],
            # The engine takes the sandbox's plugins, and pip the linked packages: nothing is downloaded.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PIP_NO_INDEX": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }
        self.variables = {"STATE": repository.state, "CLUSTER": "sandbox", "ROLE": ROLE, "REGION": "us-east-1"}

    def log_of(self, command: list[str], environment: dict[str, str]) -> str:
        """Run a pipeline, and return its log. Others read it, so what it shows is scanned for secrets."""
        ended = subprocess.run(
            command, cwd=self.repository.folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        text = _PROGRESS.sub("\n", ended.stdout)
        self.repository.machine.outputs.append(self.shown(text))
        return text

    def shown(self, text: str) -> str:
        """Return what a reader of the log sees."""
        return text


class GitHub(Runner):
    """`act`, with artifacts and the comment on the request in a folder."""

    number = 0
    """Of the last run."""

    @property
    def forge(self) -> Path:
        """What GitHub keeps; a file `full` in it lets it refuse artifacts."""
        return self.folder / "forge"

    @property
    def comment(self) -> str:
        """The comment on the pull request."""
        return (self.forge / "comment.md").read_text(encoding="utf-8")

    def shown(self, text: str) -> str:
        """Return the messages. `act` also notes the commands of steps, such as the one that masks a secret in them."""
        return "\n".join(json.loads(line)["msg"] if line.startswith("{") else line for line in text.splitlines())

    def run(self, event: str, *options: str, again: bool = False, **environment: str) -> Run:
        """Run the workflow.

        Args:
            event: The event's name.
            options: More of the command line.
            again: The last run once more, as by "Re-run jobs": its artifacts are there.
            environment: More variables of the runner.
        """
        self.number += 0 if again else 1
        (self.forge / "artifacts").mkdir(parents=True, exist_ok=True)
        store = self.repository.store
        credential = f"AWS_ACCESS_KEY_ID={store.access_key}\nAWS_SECRET_ACCESS_KEY={store.secret_key}\n"
        (self.forge / "credential").write_text(credential)
        given = {
            "--env": self.environment
            | {"FORGE": str(self.forge), "RUN_NUMBER": str(self.number), "PULUMI_FOLDERS": self.pulumi}
            | environment,
            "--var": self.variables,
            "--secret": {"PULUMI_CONFIG_PASSPHRASE": self.repository.passphrase, "GITHUB_TOKEN": "made-up"},
        }
        words = [str(self.program), event, *options, "--json", "--platform", "ubuntu-latest=-self-hosted"]
        words += ["--no-cache-server", "--action-offline-mode", "--eventpath", str(self._event(event))]
        for action in self._actions():
            words += ["--local-repository", action]
        for option, values in given.items():
            words += [word for name, value in values.items() for word in (option, f"{name}={value}")]
        own = {"PATH": self.path, "HOME": str(self.home), "XDG_CACHE_HOME": str(self.folder / "cache")}
        return _run_of_act(self.log_of(words, own))

    def _event(self, event: str) -> Path:
        payload: dict[str, Any] = {"repository": {"private": True, "full_name": _NAME}}
        if event == "pull_request":
            payload["pull_request"] = {"number": 7, "head": {"repo": {"full_name": _NAME}}}
        path = self.folder / "event.json"
        path.write_text(json.dumps(payload))
        return path

    def _actions(self) -> list[str]:
        """Return the stand-in of each action of the printed file. Checkout is a part of `act`."""
        files = (self.repository.folder / ".github/workflows").glob("*.yaml")
        used = {use for file in files for use in _USES.findall(file.read_text(encoding="utf-8"))}
        return [
            f"https://github.com/{action}@{commit}={_STAND_INS / 'github' / action}"
            for action, commit in sorted(used)
            if action != "actions/checkout"
        ]


def _run_of_act(text: str) -> Run:
    """Read the log. `act` fails all jobs of a matrix if one fails, so theirs are taken from their steps."""
    jobs: dict[str, str] = {}
    logs: dict[str, str] = {}
    failed: set[tuple[str, str]] = set()
    tolerated: set[tuple[str, str]] = set()
    for entry in (json.loads(line) for line in text.splitlines() if line.startswith("{")):
        if "jobID" not in entry:
            continue
        matrix = entry.get("matrix") or {}
        name = " ".join(filter(None, (entry["jobID"], matrix.get("stage") or matrix.get("stack"))))
        logs[name] = f"{logs.get(name, '')}{entry['msg']}\n"
        match entry.get("stepID"):
            case [step] if entry["msg"].startswith("Failed but continue"):
                tolerated.add((name, step))
            case [step] if entry.get("stepResult") == "failure":
                failed.add((name, step))
        if "jobResult" in entry:
            own = "failure" if any(job == name for job, _ in failed - tolerated) else "success"
            jobs[name] = own if matrix else entry["jobResult"]
    return Run(jobs, logs, text)


class GitLab(Runner):
    """gitlab-ci-local, with a server that has GitLab's package registry and AWS's exchange of tokens."""

    server: GitLabServer

    def run(self, source: str, *words: str, **variables: str) -> Run:
        """Run the pipeline of a source, such as push, with more words of the command line and more variables."""
        self._keep_variables()
        given = {"CI_PIPELINE_SOURCE": source, "CI_PROJECT_VISIBILITY": "private", "CI_API_V4_URL": self.server.url}
        given |= {"CI_JOB_TOKEN": self.server.job_token, **variables}
        options = [word for name, value in given.items() for word in ("--variable", f"{name}={value}")]
        environment = self.environment | {
            "PATH": os.pathsep.join([str(_STAND_INS / "python"), self.pulumi, self.path]),
            "AWS_ENDPOINT_URL_S3": self.repository.store.endpoint,
            "AWS_ENDPOINT_URL_STS": self.server.url,
        }
        command = ["node", str(self.program), "--force-shell-executor", "--shell-isolation", "--no-color"]
        return _run_of_gitlab(self.log_of([*command, *options, *words], environment))

    def _keep_variables(self) -> None:
        """Keep the variables of the environments, which only the jobs of these get."""
        scopes = ("dev", "stage", "prod", "dev-preview", "stage-preview", "prod-preview")
        scoped = self.variables | {"PULUMI_CONFIG_PASSPHRASE": self.repository.passphrase}
        # An endpoint in the address would be that of AWS's token service too.
        scoped |= {"CLOUD_TOKEN": self.server.id_token, "STATE": re.sub(r"endpoint=[^&]*&", "", self.repository.state)}
        folder = self.home / ".gitlab-ci-local"
        folder.mkdir(exist_ok=True)
        content = {"global": {name: {"values": dict.fromkeys(scopes, value)} for name, value in scoped.items()}}
        (folder / "variables.yml").write_text(json.dumps(content))


def _run_of_gitlab(text: str) -> Run:
    words = {"PASS": "success", "FAIL": "failure", "WARN": "warning"}
    jobs = {name: words[word] for word, name in _STATUS.findall(text)}
    lines = text.splitlines(keepends=True)
    return Run(jobs, {name: "".join(line for line in lines if line.startswith(f"{name} ")) for name in jobs}, text)

"""`ambient pipeline kubernetes`: print the objects that deploy a stack or a fleet from inside the cluster."""

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from ambient_components.access.deployer import ROLE
from ambient_components.cli import completion
from ambient_components.cli.options import NamedStack, misuse, wrong_value
from ambient_components.cli.pipeline.checkout import checked_url, find_checkout
from ambient_components.cli.prompts import one_stack
from ambient_components.cli.templates import texts
from ambient_components.documentation import page
from ambient_components.errors import BadValue, Where, fail, reject, stop
from ambient_components.platform.naming import sanitize_name
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.rules.schedules import cron_problem
from ambient_components.stacks.project import Project, bare_name, stack_path
from ambient_components.stacks.selection import listed

NAMESPACE: Final = "ambient-deployer"

EVERY_TEN_MINUTES: Final = "*/10 * * * *"
EVERY_NIGHT: Final = "17 3 * * *"

_AT_ONCE: Final = 8
"""Pods of a Job that run at the same time."""

_LONGEST_HOST: Final = 63
"""Characters of a pod's host name: the CronJob's name, the time of the Job after a dash, the index after another."""
_TIME: Final = 11
"""Characters that a CronJob reserves for the time in the name of its Jobs."""

EPILOG: Final = f"""\
\b
examples:
  ambient pipeline kubernetes --fleet prod --image REGISTRY/ambient@sha256:DIGEST | kubectl apply -f -
  ambient pipeline kubernetes prod ...                       one pod for all of it: a stack, or a fleet with few shards
  ambient pipeline kubernetes --fleet prod --refresh ...     another CronJob, every night, which also corrects drift
  kubectl create job -n {NAMESPACE} now --from cronjob/ambient-prod     now
  kubectl get configmap -n {NAMESPACE} ambient-prod -o yaml    how each shard's last run ended, and its last changes

\b
Each pod fetches the printed commit and runs `ambient up prod --shard INDEX --yes`. After a merge, print it again.
A run with nothing to do starts no engine, so every ten minutes is cheap: dates hold within minutes.

\b
a pod ends with           the Job
  0                       counts the index as done
  1  an error             tries once more
  3  refused, 64 usage    fails the index at once: another try would end alike
  its node is drained, lost or full     starts the index elsewhere, and does not count it
The Job is Complete if all indexes are done, and Failed if one is not: the others are deployed all the same.

\b
What to set up once, the role, the image and two Secrets: {page("tasks/in-the-cluster")}

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJob:
    """What the printed objects differ in."""

    stack: str
    """The stack or fleet, with its organisation."""
    shards: int | None
    """Number of shards, one pod each. None for one pod."""
    namespace: str
    image: str
    repo: str
    commit: str
    folder: str
    """The project's folder below the top of the repository."""
    backend: str
    schedule: str
    refresh: bool = False

    @property
    def name(self) -> str:
        """The name of the account, of the ConfigMap with the pages and of the Secret."""
        return f"ambient-{sanitize_name(bare_name(self.stack))}"

    def check(self) -> None:
        most = _LONGEST_HOST - _TIME - len(f"-{(self.shards or 1) - 1}") - len("ambient-") - len("-refresh")
        if len(sanitize_name(bare_name(self.stack))) > most:
            problem = f"the name {bare_name(self.stack)!r} is too long for the names of Jobs and pods"
            stop(problem, f"allowed here: {most} characters")


def manifest(job: CronJob) -> str:
    """Return the objects as one YAML stream."""
    command = ["ambient", "up", job.stack]
    command += ["--shard", "$(AMBIENT_RUN_INDEX)"] if job.shards is not None else []
    command += ["--refresh"] if job.refresh else []
    what = "the stack" if job.shards is None else "the fleet"
    words = {
        "WHAT_RUNS": f"Deploys {what} {job.stack} by the schedule {job.schedule!r} (UTC)",
        "RUN_NAMESPACE": job.namespace,
        "OBJECT_NAME": job.name,
        "CRONJOB_NAME": f"{job.name}-refresh" if job.refresh else job.name,
        "DEPLOYER_ROLE": ROLE,
        "CRON_TIMES": job.schedule,
        "POD_COUNT": str(job.shards or 1),
        "AT_ONCE": str(min(job.shards or 1, _AT_ONCE)),
        "IMAGE_DIGEST": job.image,
        "GIT_URL": job.repo,
        "GIT_COMMIT": job.commit,
        "PROJECT_FOLDER": f"/tmp/project/{job.folder}".rstrip("/"),  # noqa: S108  # in the pod
        "COMMAND_LINE": json.dumps([*command, "--yes"]),
        "STATE_URL": job.backend,
    }
    ((_, text),) = texts("kubernetes", words)
    return text


def kubernetes(
    stack: Annotated[
        str,
        typer.Argument(
            metavar="STACK",
            help="The stack, or a fleet, to deploy in one pod. Default: the only one.",
            autocompletion=completion.stacks,
        ),
    ] = "",
    named: NamedStack = "",
    fleet: Annotated[
        str,
        typer.Option(
            metavar="FLEET",
            help="The fleet to deploy with one pod per shard.",
            autocompletion=completion.stacks,
        ),
    ] = "",
    image: Annotated[
        str, typer.Option("--image", metavar="IMAGE", help="Image of the Dockerfile, by digest: NAME@sha256:DIGEST.")
    ] = "",
    repo: Annotated[
        str,
        typer.Option("--repo", metavar="URL", help="Repository, by https or ssh. Default: the remote origin."),
    ] = "",
    commit: Annotated[
        str, typer.Option("--commit", metavar="COMMIT", help="Commit to deploy, in full. Default: this checkout's.")
    ] = "",
    backend: Annotated[
        str,
        typer.Option(
            "--backend", metavar="URL", help="Backend of the state. Default: the variable PULUMI_BACKEND_URL."
        ),
    ] = "",
    namespace: Annotated[str, typer.Option("--namespace", metavar="NAME", help="Namespace of the runs.")] = NAMESPACE,
    schedule: Annotated[
        str,
        typer.Option("--schedule", metavar="CRON", help="When to run, in UTC. Default: every ten minutes."),
    ] = "",
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Print another CronJob, which corrects drift. Its default is every night."),
    ] = False,
) -> None:
    """Print a CronJob that deploys a stack or a fleet, and the account that it needs."""
    if fleet and (stack or named):
        misuse("--fleet", "it is the stack already: leave STACK out")
    name = fleet or one_stack(stack, named)
    project = Project.find()
    _check_files(project, name)
    shards = _shards(project, name) if fleet else None
    here = find_checkout(project.folder)
    job = CronJob(
        stack=name,
        shards=shards,
        namespace=namespace,
        image=_checked(image, "--image", _image),
        repo=_checked(repo or here.url, "--repo", checked_url),
        commit=_checked(commit or here.commit, "--commit", _commit),
        folder=here.folder,
        backend=_checked(backend or os.environ.get("PULUMI_BACKEND_URL", ""), "--backend", _backend),
        schedule=_checked(schedule or (EVERY_NIGHT if refresh else EVERY_TEN_MINUTES), "--schedule", _schedule),
        refresh=refresh,
    )
    job.check()
    if re.search(r'[\s"\\]', here.folder):
        stop(
            f"the project's folder {here.folder!r} has a blank, quote or backslash",
            "rename it: it is printed into YAML",
        )
    _checked(namespace, "--namespace", lambda text: str(Subject(SubjectKind.SERVICE_ACCOUNT, job.name, text)))
    if here.changed and not commit:
        print(f"ambient: files differ from the commit {job.commit[:12]}, and the pods fetch that", file=sys.stderr)
    print(manifest(job), end="")


def _shards(project: Project, fleet: str) -> int:
    count = project.shards(fleet)
    if count is None:
        stop(f"{fleet} is a plain stack, and has no shards", f"ambient pipeline kubernetes {fleet}")
    return count


def _check_files(project: Project, stack: str) -> None:
    """Refuse what a pod can't deploy: a context is a name in a kubeconfig, and a pod has an account instead."""
    stack_path(project, stack)  # fails if there is no such file
    if listed(project, stack) is not None:
        stop(f"{stack} names several stacks, and a pod reaches one cluster", "print one for each of them")
    if context := project.config(stack).get("context"):
        where = Where(project.shown(project.config_file(stack)))
        hint = f"remove it: pulumi config rm context --stack {stack}; clusterUid still names the cluster"
        fail(where, f"{project.name}:context", f"{context!r} is a name in a kubeconfig, and a pod has none", hint)


def _checked(text: str, flag: str, check: Callable[[str], str]) -> str:
    try:
        return check(text)
    except BadValue as error:
        raise wrong_value(error, flag) from None


def _image(text: str) -> str:
    if not re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", text):
        reject(
            f"{text!r} is no image with a digest" if text else "is needed",
            "build it from the Dockerfile of ambient-components, and give NAME@sha256:DIGEST: a tag can be moved",
        )
    return text


def _commit(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text):
        reject(f"{text!r} is no whole commit" if text else "is needed", '--commit "$(git rev-parse main)"')
    return text


def _backend(text: str) -> str:
    if re.fullmatch(r"[a-z0-9]+://[^/]*@.*", text):
        reject(
            "the URL has a credential, which everyone who may read the CronJob could read", "leave it out of the URL"
        )
    if not re.fullmatch(r"(?!file:)[a-z0-9]+://[^\s\"\\]+", text):
        what = f"{text!r} is nothing that a pod can reach" if text else "is needed"
        reject(what, "allowed: s3://BUCKET?region=REGION, gs://, azblob://, or https://api.pulumi.com")
    return text


def _schedule(text: str) -> str:
    if problem := cron_problem(text):
        first, hints = problem
        reject(f"{text!r} {first}", hints)
    return " ".join(text.split())

"""`ambient pipeline github` and `gitlab`: write files that validate, preview and deploy a project."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from ambient_components.cli.options import choice, misuse
from ambient_components.cli.templates import texts, write_templates
from ambient_components.documentation import page
from ambient_components.stacks.project import Project, bare_name


class Preview(StrEnum):
    OFFLINE = "offline"
    """From the state that the last run of the default branch exported, without a credential."""

    LIVE = "live"
    """In the cluster, after a person has read the diff."""


_SET_UP: Final = page("tasks/pipeline", "set-up-once")

_PREVIEWS: Final = f"""\
\b
A preview runs the code of the change request. By default it gets no credential: it compares the files with the state
that the last run of the default branch exported. A preview in the cluster (live) needs the deployer's rights, so a
person has to read the diff first. GitHub enforces that in public repositories, and in private ones with GitHub
Enterprise; GitLab with Premium.

\b
What to set up once at the forge and in the cloud:
  {_SET_UP}

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""

GITHUB: Final = f"""\
\b
examples:
  ambient pipeline github                   .github/workflows/workspaces.yaml, for the stacks dev, stage and prod
  ambient pipeline github --preview live    previews in the cluster, where reviewers start them
  ambient pipeline github --fleet prod      .github/workflows/fleet.yaml, with one job per shard of the fleet prod
  ambient pipeline github --as-user         print a job that starts a session, for a repository with a grant

\b
A file that exists stays.

{_PREVIEWS}"""

GITLAB: Final = f"""\
\b
examples:
  ambient pipeline gitlab                   .gitlab-ci.yml, for the stacks dev, stage and prod
  ambient pipeline gitlab --preview live    previews in the cluster, where reviewers start them
  ambient pipeline gitlab --fleet prod      .gitlab-ci.yml and .gitlab/shard.yaml, with one job per shard
  ambient pipeline gitlab --as-user         print a job that starts a session, for a project with a grant

\b
A file that exists stays: GitLab has one .gitlab-ci.yml, so write that of a fleet into a project without one.

{_PREVIEWS}"""

_Fleet = Annotated[str, typer.Option(metavar="FLEET", help="Write the pipeline of a fleet, with one job per shard.")]
_Preview = Annotated[
    Preview,
    choice("--preview", Preview, "Preview change requests without a credential, or in the cluster (not for fleets)."),
]
_AsUser = Annotated[
    bool, typer.Option("--as-user", help="Print the job of a platform user instead: a session, without a key.")
]


def github(fleet: _Fleet = "", preview: _Preview = Preview.OFFLINE, as_user: _AsUser = False) -> None:
    """Write the workflow for GitHub Actions."""
    _write("github", fleet, preview, as_user=as_user)


def gitlab(fleet: _Fleet = "", preview: _Preview = Preview.OFFLINE, as_user: _AsUser = False) -> None:
    """Write the pipeline for GitLab CI."""
    _write("gitlab", fleet, preview, as_user=as_user)


def _write(forge: str, fleet: str, preview: Preview, *, as_user: bool) -> None:
    if as_user:
        if fleet or preview is not Preview.OFFLINE:
            misuse("--as-user", "deploys nothing: leave --fleet and --preview out")
        ((_, text),) = texts(f"{forge}-user", {})
        print(text, end="")
        return
    if fleet and preview is Preview.LIVE:
        misuse("--preview", "the pipeline of a fleet has no previews: leave --preview out")
    project = Project.find()
    name, words = (f"{forge}-fleet", {"FLEET_NAME": bare_name(fleet)}) if fleet else (forge, {})
    name = f"{forge}-live" if preview is Preview.LIVE else name
    for line in write_templates(name, project.folder, words):
        print(line)
    print("\nNext:\n  edit the names of stages and variables in it")
    if forge == "gitlab":
        print("  replace DIGEST, without which no job starts: a comment above it has the command")
    print(f"  set up once: {_SET_UP}")

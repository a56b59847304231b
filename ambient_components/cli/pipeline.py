"""`ambient pipeline`: write the files of a pipeline that validates, previews and deploys a project."""

from typing import Annotated, Final

import typer

from ambient_components.cli.options import one_of
from ambient_components.cli.templates import write_templates
from ambient_components.documentation import page
from ambient_components.stacks.project import Project, bare_name

_FORGES: Final = ("github", "gitlab")
_SET_UP: Final = page("guides/pipeline", "set-up-once")

EPILOG = f"""\
\b
examples:
  ambient pipeline github               .github/workflows/workspaces.yaml, for the stacks dev, stage and prod
  ambient pipeline gitlab               .gitlab-ci.yml, for the same stacks
  ambient pipeline github --fleet prod  .github/workflows/fleet.yaml, with one job per shard of the fleet prod

\b
A file that exists stays. GitLab has one .gitlab-ci.yml: the one of a fleet takes the place of the other.
What to set up once at the forge and in the cloud:
  {_SET_UP}

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def pipeline(
    forge: Annotated[str, one_of(_FORGES, "The CI system.")],
    fleet: Annotated[
        str, typer.Option(metavar="FLEET", help="Write the pipeline of a fleet, with one job per shard.")
    ] = "",
) -> None:
    """Write the files of a pipeline."""
    project = Project.find()
    name, words = (f"{forge}-fleet", {"FLEET_NAME": bare_name(fleet)}) if fleet else (forge, {})
    for line in write_templates(name, project.folder, words):
        print(line)
    print("\nNext:\n  edit the names of stages and variables in it")
    if forge == "gitlab":
        print("  replace DIGEST, without which no job starts: a comment above it has the command")
    print(f"  set up once: {_SET_UP}")

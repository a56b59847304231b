"""`ambient policy init`: write the policy pack into a folder of its own."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from ambient_components.cli.templates import write_templates
from ambient_components.documentation import page
from ambient_components.stacks.project import Project

_EPILOG: Final = f"""\
\b
examples:
  ambient policy init
  pulumi preview --policy-pack policy

\b
The pack needs pulumi-policy in the virtual environment that its PulumiPolicy.yaml names:
  {page("guides/policy", "installing-it")}

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""

app: Final = typer.Typer(
    help="Write the policy pack.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


@app.callback()
def _group() -> None:
    """Make `init` a command of its own, although it is the only one."""


@app.command(epilog=_EPILOG)
def init(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The pack's folder in the project.")] = "policy",
) -> None:
    """Write the policy pack into a folder of its own."""
    project = Project.find()
    pack = Path(folder)
    if (project.folder / pack / "Pulumi.yaml").exists():
        msg = f"{folder} has a Pulumi project with a __main__.py of its own; name another folder"
        raise typer.BadParameter(msg, param_hint="FOLDER")
    words = {"VIRTUALENV": os.path.relpath(project.folder / ".venv", project.folder / pack)}
    for line in write_templates("policy", project.folder, words, pack):
        print(line)
    print(f"\nNext:\n  pulumi preview --policy-pack {os.path.relpath(project.folder / pack)}")
    print(f"  set up: {page('guides/policy', 'installing-it')}")

"""Files that verbs write into a user's project, from the package's own. A file that exists is never changed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ambient_components.documentation import PAGES
from ambient_components.writing import write_new

FOLDER: Final = Path(__file__).parents[1] / "templates"
EXAMPLE: Final = """\
# yaml-language-server: $schema=stack.schema.json
# The workspaces of stack STACK. `ambient plan STACK` shows who would gain or lose what, `pulumi up` does it.
# This file is reviewed and shared, so it never holds a secret: those lie in the stack's encrypted config.

workspaces:
  # The name is the namespace's name: 2-63 of a-z 0-9 -, a letter first. It can't be changed later.
  my-team:
    displayName: My team

    # Admins for emergencies. The workspace's Sharing page neither lists nor revokes them.
    owners:
      - user:owner@example.com                     # user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME

    # Who may use the workspace, as on its Sharing page: view (the default), edit or admin.
    grants:
      - {group: my-team-devs, role: edit}

    # API keys, for machines. Read one: ambient keys show STACK my-team/ci
    keys:
      ci: {role: edit, lifetime: 30d}

    # What every session gets. First: pulumi config set --secret my-team/anthropic --stack STACK
    # secrets:
    #   runner:
    #     ANTHROPIC_API_KEY: {config: my-team/anthropic}

    # settings: {idleTimeout: 12h}                 # and limits, labels, …: ambient schema --format markdown

    protect: true                                  # `pulumi destroy` refuses to delete it
"""


def example(stack: str) -> str:
    return EXAMPLE.replace("STACK", stack)


def write_templates(name: str, folder: Path, words: Mapping[str, str] | None = None) -> list[str]:
    """Write the missing files of a set, and return a line for each file of it."""
    return [
        f"Wrote {path}" if write_new(folder / path, text) else f"Kept {path}: it exists already"
        for path, text in texts(name, words or {})
    ]


def texts(name: str, words: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for path in sorted((FOLDER / name).rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__":
            text = path.read_text(encoding="utf-8")
            for word, written in {"AMBIENT_DOCS": PAGES, **words}.items():
                text = text.replace(word, written)
            yield path.relative_to(FOLDER / name), text

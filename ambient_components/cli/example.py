"""The example stack file of `ambient init`: small, valid, and with comments."""

from typing import Final

SCHEMA_FILE: Final = "stack.schema.json"
"""The schema's file name, beside the stack files."""

EXAMPLE: Final = """\
# yaml-language-server: $schema=stack.schema.json
# The workspaces of stack STACK. `pulumi preview --stack STACK` shows who would gain or lose what, `pulumi up` does it.
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

    # API keys, for machines. Read one: pulumi stack output my-team/ci --show-secrets --stack STACK
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
    """Return the example for a stack."""
    return EXAMPLE.replace("STACK", stack)

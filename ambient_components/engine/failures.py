"""Frequent failures of `pulumi`, in our words and with hints."""

from typing import Final

from ambient_components.engine import texts
from ambient_components.errors import Problem, refusal

PASSPHRASE_VARIABLES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
"""The variables from which `pulumi` takes a passphrase. An empty passphrase is a passphrase."""


def explained(output: str) -> Problem | None:
    """Return the problem behind a failed command. None for failures that only Pulumi can explain."""
    if texts.has_no_backend(output):
        return refusal(
            "no backend for the state is selected, or it needs a login",
            "for this shell: export PULUMI_BACKEND_URL=URL, such as s3://my-states or file://~",
            "for everyone who uses this project, in Pulumi.yaml: backend: {url: URL}",
            "for all projects of this machine: pulumi login URL",
        )
    if (stack := texts.missing_stack(output)) is not None:
        return refusal(f"the backend has no stack {stack!r}", f"to create it: ambient init {stack}")
    if texts.lacks_passphrase(output):
        return missing_passphrase()
    if texts.has_wrong_passphrase(output):
        return refusal(
            "the passphrase is not the one of this stack", f"check {' or '.join(PASSPHRASE_VARIABLES)}, if set"
        )
    return None


def missing_passphrase(stack: str = "") -> Problem:
    which = f"stack {stack!r}" if stack else "the stack"
    return refusal(
        f"{which} is encrypted with a passphrase, and none is set",
        f"set {PASSPHRASE_VARIABLES[1]} to a file that contains it, or {PASSPHRASE_VARIABLES[0]}",
    )

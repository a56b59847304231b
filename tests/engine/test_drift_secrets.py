"""Secrets that others saved, line by line of docs/tasks/drift.md.

The names of what differs are told, and never a value.
"""

import pytest

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.drift import deployed, mended, quiet, says
from tests.support.stacks import Stack

SECRETS = ("ambient-runner-secrets", "ambient-non-vertex-integrations")
FILE = """
workspaces:
  THIS:
    owners: [user:alice@example.com]
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}, GOOGLE_API_KEY: {config: anthropic}}
      integrations: {A_LEVEL: {value: a}, B_LEVEL: {value: b}, C_LEVEL: {value: c}}
      onDrift: {runner: ON_DRIFT, integrations: ON_DRIFT}
"""


def file(on_drift: str) -> str:
    return FILE.replace("ON_DRIFT", on_drift)


def saved_in_the_ui(stack: Stack, platform: Backend) -> str:
    """The UI saves both Secrets whole; the value that it saves."""
    value = stack.machine.keep_secret(f"sk-ant-of-somebody-in-the-ui-{stack.w}", "a secret saved in the UI")
    ui.save_runner_secrets(platform, stack.w, {"ANTHROPIC_API_KEY": value, "GEMINI_API_KEY": value})
    ui.save_integration_secrets(platform, stack.w, {"A_LEVEL": value, "C_LEVEL": "c", "EXTRA": value})
    return value


def drift_on_record(stack: Stack) -> list[dict[str, str]]:
    """What the state says of each Secret."""
    kinds = ("runner", "integrations")
    return [stack.resource("WorkspaceSecret", f"{stack.w}/secret/{kind}")["outputs"]["drift"] for kind in kinds]


def test_overwrite_tells_what_was_saved_by_name_and_brings_the_file_back(stack: Stack, platform: Backend) -> None:
    deployed(stack, file("overwrite"))
    before = ui.runner_secrets(platform, stack.w)
    saved_in_the_ui(stack, platform)
    quiet(stack.preview("--expect-no-changes"))
    says(
        stack.refresh(),
        "~ ANTHROPIC_API_KEY: [secret] => [secret]", "- GOOGLE_API_KEY   : [secret]", "+ GEMINI_API_KEY   : [unknown]",
        "~ A_LEVEL: [secret] => [secret]", "- B_LEVEL: [secret]", "+ EXTRA  : [unknown]",
    )  # fmt: skip
    says(
        stack.preview(),
        "~ ANTHROPIC_API_KEY: [secret] => [secret]", "+ GOOGLE_API_KEY   : [secret]", "- GEMINI_API_KEY   : [unknown]",
        "~ A_LEVEL: [secret] => [secret]", "+ B_LEVEL: [secret]", "- EXTRA  : [unknown]",
        f"Secret {stack.w}/{SECRETS[0]}: others have saved GEMINI_API_KEY in it: the next run removes them",
    )  # fmt: skip
    run = stack.up()
    says(run, f"Secret {stack.w}/{SECRETS[1]}: removed what others saved in it: EXTRA")
    quiet(stack.preview("--expect-no-changes"))
    assert ui.runner_secrets(platform, stack.w) == before
    assert ui.integration_secrets(platform, stack.w) == {"A_LEVEL": "a", "B_LEVEL": "b", "C_LEVEL": "c"}


def test_keep_leaves_what_was_saved_and_writes_single_values(stack: Stack, platform: Backend) -> None:
    deployed(stack, file("keep"))
    value = saved_in_the_ui(stack, platform)
    runner = {"ANTHROPIC_API_KEY": value, "GEMINI_API_KEY": value}
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().unchanged  # no change, and on record all the same
    assert drift_on_record(stack) == [
        {"ANTHROPIC_API_KEY": "changed", "GOOGLE_API_KEY": "removed", "GEMINI_API_KEY": "added"},
        {"A_LEVEL": "changed", "B_LEVEL": "removed", "EXTRA": "added"},
    ]
    quiet(stack.preview("--expect-no-changes"))
    quiet(stack.up("--expect-no-changes"))
    assert ui.runner_secrets(platform, stack.w) == runner
    assert ui.integration_secrets(platform, stack.w) == {"A_LEVEL": value, "C_LEVEL": "c", "EXTRA": value}

    # One value changes in the file, one leaves it: they alone are written and removed.
    stack.write(file("keep").replace("{value: b}", "{value: new}").replace(", C_LEVEL: {value: c}", ""))
    says(stack.preview(), "~ B_LEVEL: [secret] => [secret]", "- C_LEVEL: [secret]")
    stack.up().ok()
    assert ui.integration_secrets(platform, stack.w) == {"A_LEVEL": value, "B_LEVEL": "new", "EXTRA": value}
    # And one changes in the config behind it.
    new = stack.secret("anthropic")
    stack.up().ok()
    assert ui.runner_secrets(platform, stack.w) == {"ANTHROPIC_API_KEY": new, "GOOGLE_API_KEY": new} | {
        "GEMINI_API_KEY": value
    }


@pytest.mark.parametrize("on_drift", ["overwrite", "keep"])
def test_a_secret_that_was_deleted_is_made_again(stack: Stack, platform: Backend, on_drift: str) -> None:
    deployed(stack, file(on_drift))
    before = ui.runner_secrets(platform, stack.w)
    for name in SECRETS:
        stack.machine.delete(f"/api/v1/namespaces/{stack.w}/secrets/{name}")
    quiet(stack.preview("--expect-no-changes"))
    refresh = stack.refresh()
    says(refresh, "- ambient:index:WorkspaceSecret: (delete)", "- 2 deleted")
    says(stack.preview(), "+ ambient:index:WorkspaceSecret: (create)", "+ 2 to create")
    mended(stack)
    assert ui.runner_secrets(platform, stack.w) == before
    assert ui.integration_secrets(platform, stack.w) == {"A_LEVEL": "a", "B_LEVEL": "b", "C_LEVEL": "c"}

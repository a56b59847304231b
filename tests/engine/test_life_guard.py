"""The guard of a workspace through its life: its label and annotations on the Namespace, as its policies read them."""

import pytest

from tests.support import gate
from tests.support.gate import Moment, dies
from tests.support.life import (
    EMPTY,
    ENTRY,
    Workspace,
    forgotten,
    is_closed,
    is_open,
    quiet,
    side_by_side,
    worked_in,
    write,
)
from tests.support.stacks import Stack

pytestmark = pytest.mark.slow

END_OF_SHARING = Moment(
    "before sharing ends",
    "UPDATE",
    "namespaces",
    'object.metadata.?annotations[?"ambient-components/guard-sharing"].orValue("") == "none"',
)
GUARD = "    guard: {mode: deny, sharing: view}\n"


def guard(workspace: Workspace) -> dict[str, str]:
    found = workspace.namespace()
    assert found is not None
    metadata = found["metadata"]
    notes = {**metadata["labels"], **metadata.get("annotations", {})}
    prefix = "ambient-components/guard"
    return {name.removeprefix(prefix).lstrip("-") or "mode": notes[name] for name in notes if name.startswith(prefix)}


def expected(stack: Stack, sharing: str = "view", **more: str) -> dict[str, str]:
    keys = {} if sharing == "none" else {"keys": "ci"}
    file = f"stacks/{stack.name}.yaml"
    return {"mode": "deny", "sharing": sharing, "off": "removesKeys", "file": file, **keys, **more}


def test_label_and_annotations_from_the_first_run_to_an_adoption_by_another_stack(stack: Stack) -> None:
    pair = side_by_side(stack)
    write(stack, pair, text=ENTRY + GUARD)
    stack.up(plain=True).ok()
    assert [guard(one) for one in pair] == [expected(stack)] * 2
    for one in pair:
        is_open(one)
        worked_in(one)
    quiet(stack.preview("--expect-no-changes"))
    assert stack.refresh().unchanged
    assert [guard(one) for one in pair] == [expected(stack)] * 2

    # Closing ends sharing, and opening allows it again.
    tokens = [one.token() for one in pair]
    write(stack, pair, "closed", ENTRY + GUARD)
    stack.up(plain=True).ok()
    for one, token in zip(pair, tokens, strict=True):
        assert guard(one) == expected(stack, "none")
        is_closed(one, token)
    quiet(stack.preview("--expect-no-changes"))
    write(stack, pair, text=ENTRY + GUARD)
    stack.up().ok()
    assert [guard(one) for one in pair] == [expected(stack)] * 2

    # Another mode is the only change.
    write(stack, pair, text=ENTRY + GUARD.replace("deny", "warn"))
    stack.up().ok()
    assert [guard(one) for one in pair] == [expected(stack, mode="warn")] * 2

    # A release keeps it, and who adopts the workspace has it.
    write(stack, pair, "released", ENTRY + GUARD.replace("deny", "warn"))
    stack.up(plain=True).ok()
    stack.write(EMPTY)
    stack.up(plain=True).ok()
    assert forgotten(stack)
    assert [guard(one) for one in pair] == [expected(stack, mode="warn")] * 2
    taken = [Workspace(stack, one.name, adopted=True) for one in pair]
    write(stack, taken, text=ENTRY + GUARD)
    stack.up(plain=True).ok()
    assert [guard(one) for one in pair] == [expected(stack)] * 2

    # Without the field nothing of it is left, also of what another stack wrote.
    write(stack, taken)
    stack.up(plain=True).ok()
    assert [guard(one) for one in pair] == [{}, {}]
    for one in taken:
        is_open(one)
    quiet(stack.preview("--expect-no-changes"))


def test_a_closing_that_dies_has_ended_sharing_before_it_sweeps(stack: Stack) -> None:
    pair = side_by_side(stack)
    write(stack, pair, text=ENTRY + GUARD)
    stack.up().ok()
    tokens = [one.token() for one in pair]
    write(stack, pair, "closed", ENTRY + GUARD)
    dies(stack, END_OF_SHARING, *pair)
    assert [guard(one) for one in pair] == [expected(stack)] * 2
    dies(stack, gate.THAW, *pair)
    assert [guard(one) for one in pair] == [expected(stack, "none")] * 2
    stack.up().ok()
    for one, token in zip(pair, tokens, strict=True):
        assert guard(one) == expected(stack, "none")
        is_closed(one, token)
    quiet(stack.preview("--expect-no-changes"))

"""Closed: off the platform's list, no access works, the data is there; what was closed and removed is gone.

By plain runs, with the engine's own preview; runs that die are in test_life_crashes.py.
"""

import pytest

from tests.support.life import (
    EMPTY,
    add,
    brought_to,
    forgotten,
    is_closed,
    is_open,
    key_by_hand,
    quiet,
    share,
    side_by_side,
    worked_in,
    write,
)
from tests.support.stacks import Stack

pytestmark = pytest.mark.slow


def test_closing_ends_all_access_and_keeps_the_data_and_removing_it_deletes_all(stack: Stack) -> None:
    _, adopted = pair = side_by_side(stack)
    theirs = adopted.bindings()
    write(stack, pair)
    stack.up(plain=True).ok()
    tokens = {one: [one.token()] for one in pair}
    for one in pair:
        is_open(one)
        worked_in(one)
        # Access that nobody declared: by the UI, by hand, by a key.
        share(one, "eve@example.com")
        share(one, "trudy@example.com", labelled=False)
        tokens[one].append(key_by_hand(one))
        assert [one.sessions(token) for token in tokens[one]] == [200, 200]
    assert theirs <= adopted.bindings()
    data = [one.data() for one in pair]

    # An active entry that vanishes is a slip.
    stack.write(EMPTY)
    gone = [f"workspace '{one.name}' is gone from the files, but it was not closed" for one in pair]
    stack.up(plain=True).refused(*gone, "state: closed")

    write(stack, pair, "closed")
    stack.up(plain=True).ok()
    for one in pair:
        is_closed(one, *tokens[one])
    assert [one.data() for one in pair] == data
    quiet(stack.preview("--expect-no-changes"))

    # Access that comes back while it is closed is found by a refresh, and ended by the next run.
    for one in pair:
        share(one, "eve@example.com")
    assert stack.refresh().ok().text.count("edit of user:eve@example.com") == 2
    stack.up().ok()
    for one in pair:
        is_closed(one)

    stack.write(EMPTY)
    stack.up(plain=True).ok()
    assert [one.namespace() for one in pair] == [None, None]
    assert forgotten(stack)


def test_a_closed_workspace_opens_again_and_is_protected_again(stack: Stack) -> None:
    pair = side_by_side(stack)
    brought_to(stack, pair, "active")
    tokens, data = [one.token() for one in pair], [one.data() for one in pair]
    write(stack, pair, "closed")
    stack.up().ok()
    write(stack, pair)
    stack.up(plain=True).ok()
    for one, token in zip(pair, tokens, strict=True):
        is_open(one)
        assert one.token() != token
        assert one.sessions(token) in {401, 403}
    assert [one.data() for one in pair] == data
    quiet(stack.preview("--expect-no-changes"))
    stack.destroy().refused("protect")
    assert [one.data() for one in pair] == data


def test_closing_ends_access_also_where_the_engine_deletes_nothing(stack: Stack) -> None:
    """One failed step makes the engine skip every delete: the access ends all the same."""
    pair = side_by_side(stack)
    both = "workspaces:\n" + "".join(one.entry("STATE") for one in pair) + "  THIS-b: {protect: false, keys: {KEYS}}\n"
    stack.write(both.replace("STATE", "active").replace("KEYS", ""))
    stack.up().ok()
    tokens = [one.token() for one in pair]
    # A step that fails: the other workspace has no room for the ServiceAccount of a key.
    quota = {"hard": {"count/serviceaccounts": "0"}}
    add(stack.machine, f"/api/v1/namespaces/{stack.w}-b/resourcequotas", "none", kind="ResourceQuota", spec=quota)
    stack.write(both.replace("STATE", "closed").replace("KEYS", "bad: {}"))
    stack.environment |= {"PULUMI_CONTINUE_ON_ERROR": "false"}
    assert stack.up("--continue-on-error=false").code != 0
    for one, token in zip(pair, tokens, strict=True):
        assert one.bindings() == {"ambient-admin-alice-example-com"}
        assert one.sessions(token) in {401, 403}
        assert one.secrets() == set()

"""The deployer's own work in a guarded workspace, from the first run to the last; `make test-guarded` has all of it."""

from tests.support.guarded import GuardedStack
from tests.support.insider import WITH_INSIDER, WITHOUT_INSIDER


def test_a_workspaces_life(stack: GuardedStack) -> None:
    stack.write(WITH_INSIDER)
    stack.up(plain=True).ok()
    first = stack.token("ci")
    assert stack.sessions(first) == 200
    assert stack.up("--refresh").ok().unchanged
    assert stack.ambient("keys", "rotate", stack.name, f"{stack.w}/ci", "--leaked", "--now").code == 0
    stack.ended(first, "the key of before")
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.ambient("grants", "revoke", stack.name, "user:bob@example.com", stack.w, "--now").code == 0
    stack.write(f"{WITHOUT_INSIDER}    state: closed\n    onClose: {{wait: 1s}}\n")
    stack.up().ok()
    stack.write(WITHOUT_INSIDER)
    stack.up().ok()
    assert stack.sessions(stack.token("ci")) == 200
    stack.destroy().ok()
    assert stack.export() == []

"""Locked stacks and pending operations: the holder of a lock, its age, and what to do. Pure."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator

from ambient_components.engine import texts
from ambient_components.engine.events import Lock, locks


def ways_out(
    stack: str, config_file: str, said: Iterable[str], host: str = "", lives: Callable[[int], bool] | None = None
) -> Iterator[str]:
    """Yield what the user can do, one text for each lock or pending operation.

    Args:
        stack: The shard's stack.
        config_file: The fleet's config file.
        said: The engine's output, including warnings.
        host: This machine's name.
        lives: Tells whether a process of this machine is running.
    """
    text = "\n".join(said)
    if texts.is_locked(text):
        found = locks(text)
        for lock in found:
            yield _told(stack, lock, lock.alive(host or socket.gethostname(), lives or process_lives))
        if not found:
            yield f"{stack} is locked by another run: wait for it; if it is dead: pulumi cancel --stack {stack} --yes"
    if texts.has_pending_operations(text):
        yield (
            f"{stack}: a run died while it made something; what was made is taken over by the next run. To forget "
            f"about it: pulumi refresh --stack {stack} --config-file {config_file} --yes --clear-pending-creates"
        )
    if texts.is_cut_off(text):
        yield f"{stack}: a run was killed while it wrote: delete the empty {stack}.json.attrs beside its state"


def process_lives(pid: int) -> bool:
    """Tell whether a process of this machine is running."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # a process of another user
    return True


def _told(stack: str, lock: Lock, alive: bool | None) -> str:
    subject = f"{stack} is locked by {lock.who} on {lock.host}, process {lock.pid}, since {lock.since}"
    command = f"pulumi cancel --stack {stack} --yes"
    if alive:
        return f"{subject}, which is at work: wait for it, and run this again"
    if alive is None:
        return f"{subject}: wait for it; if that is dead: {command}"
    return f"{subject}, which is dead: {command}, and run this again"

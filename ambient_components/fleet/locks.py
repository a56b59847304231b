"""The lock of a dead run: a later run takes it over, if the holder is surely gone.

Pulumi locks a state in files or in a bucket by a file beside it, which a killed engine leaves behind. The file names
user, host, process and time. That is not enough to be sure of a death: containers and cloned machines share names of
hosts, and so do the pods of Jobs of one name. So every engine of ours is noted, and only the lock of a noted one is
ever taken over. All others are left to people. Pulumi's service has no such file: it knows itself which run is alive.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ambient_components.engine import texts
from ambient_components.engine.texts import Lock
from ambient_components.fleet.machine_notes import MachineNote, sees_machine
from ambient_components.fleet.pod_notes import PodNote

_POD_VARIABLES: Final = ("AMBIENT_RUN_JOB", "AMBIENT_RUN_INDEX", "AMBIENT_RUN_POD")
"""In a pod of an Indexed Job: name and uid of the Job, the index, name and uid of the pod."""


class NoNote:
    """The note of an engine where no death is sure, such as in a container: nothing is noted."""

    def begin(self) -> None:
        """Note that an engine is about to start. It may not if this raises AmbientError."""

    def started(self, pid: int, *sessions: int) -> None:
        """Note the engine's process, and the sessions of other processes that work for it."""

    def ended(self) -> None:
        """Forget the engine, which has left no lock."""

    def is_of_dead(self, lock: Lock) -> bool:  # noqa: ARG002
        """Tell whether a lock was made by a noted engine that is surely gone."""
        return False

    def settled(self, locks: Sequence[Lock]) -> bool:  # noqa: ARG002
        """Wait until nothing works for the engines that made the locks. False if something does, or another run may."""
        return True

    def forget(self, locks: Sequence[Lock]) -> None:
        """Forget the engines that made the locks, which are gone. In pods: all that have ended."""

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether no other run of this machine takes over a lock of the stack while the context is active."""
        yield True


Note = NoNote | MachineNote | PodNote


def note_of(folder: Path, stack: str, environ: Mapping[str, str] = os.environ) -> Note:
    if in_job(environ):
        job, index, pod = (environ[name] for name in _POD_VARIABLES)
        return PodNote(folder, stack, job, index, pod, environ.get("AMBIENT_RUN_PAGE", "").partition("/")[0])
    return MachineNote(stack) if sees_machine() else NoNote()


def in_job(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this is a pod of an Indexed Job. Others have its host name and its process numbers."""
    return all(environ.get(name) for name in _POD_VARIABLES)


def run_despite_dead(
    note: Note, attempt: Callable[[], str], unlock: Callable[[], bool], say: Callable[[str], None]
) -> None:
    """Run an engine. If only dead runs have locked its stack, take the locks off, and run it again.

    Two runs never both take off a lock that they found: only one of a machine is `alone`, and for only one pod they are
    `settled`. What was found before that may be another run's lock by now, so the engine tries again, as the last thing
    before the locks are taken off.

    Args:
        attempt: Runs the engine, and returns its output. Empty if it succeeded.
        unlock: `pulumi cancel`, which takes off all locks of the stack. Returns whether it succeeded. Not after Ctrl-C.
    """
    locks = texts.locks(attempt())
    if not locks or not all(map(note.is_of_dead, locks)):
        return
    with note.alone() as alone:
        if not (alone and note.settled(locks) and texts.locks(attempt()) == locks and unlock()):
            return
        note.forget(locks)
        for lock in locks:
            say(f"took over the lock of a dead run, of {lock.holder}")
        attempt()

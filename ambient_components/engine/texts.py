"""Patterns of Pulumi's own wording, for events that Pulumi reports only as text. Taken from Pulumi 3.272.

Everything else is read as data: events, exit codes, types of resources, our own problems (`problem_json`).
"""

import re
from datetime import datetime
from typing import Final, NamedTuple

from ambient_components.documentation import page
from ambient_components.errors import Problem, refusal

# Messages that follow the one with the reason.
_AFTERWARDS: Final = (
    "preview failed",
    "update failed",
    "refresh failed",
    "destroy failed",
    "resource monitor has terminated",
    "an unhandled error occurred",
)
_CANCELED: Final = re.compile(r"(update|refresh|destroy) cancell?ed")
_CUT_SHORT: Final = "context canceled"  # of Go: what a provider of Kubernetes objects says of a step in progress
_COLOURS: Final = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")
_SEVERITY: Final = re.compile(r"(error|warning|info|debug): ")
_WARNING: Final = "warning:"
_PLUGINS: Final = ("using pulumi-", "resource plugin ")

_LOCKED: Final = ("the stack is currently locked by", "Another update is currently in progress")
_LOCK: Final = re.compile(r"created by (?P<who>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
_PENDING: Final = "pending operations from previous deployment"
_EMPTY: Final = ("failed to load checkpoint", "EOF")
_LEAVES: Final = ("problem deleting the lock", "encountered a fatal error", "panic: ", "fatal error: ")
_NO_BACKEND: Final = ("requires logging in", "PULUMI_ACCESS_TOKEN")
_NO_STACK: Final = re.compile(r"no stack named '(?P<stack>[^']+)' found")
_FULL: Final = re.compile(r"(?<!\S)(?P<path>/[^\s:]+): no space left on device")  # not of a store or a pod
_NO_PASSPHRASE: Final = "passphrase must be set"  # noqa: S105  # words
_WRONG_PASSPHRASE: Final = "incorrect passphrase"  # noqa: S105  # words


class Lock(NamedTuple):
    """A lock of a state in files or in a bucket, as the engine reports it."""

    who: str
    host: str
    pid: int
    since: str

    @property
    def time(self) -> float:
        """Seconds since 1970, whole ones. No number if the engine's text is none of a time."""
        try:
            return datetime.fromisoformat(self.since).timestamp()
        except ValueError:
            return float("nan")

    @property
    def holder(self) -> str:
        return f"{self.who} on {self.host}, process {self.pid}, since {self.since}"


def plain(text: str) -> str:
    """Return a text of the engine on one line, without colours and without its severity."""
    line = " ".join(_COLOURS.sub("", text).split())
    severity = _SEVERITY.match(line)
    return line[severity.end() :] if severity else line


def reason(output: str) -> str:
    lines = (line for line in output.splitlines() if line.strip() and not line.startswith(_WARNING))
    return "; ".join(map(plain, lines))


def explains_nothing(text: str) -> bool:
    """Tell whether a message of the engine is of no use to a reader.

    Such a message follows the one with the reason, reports an interruption, or names the plugins used from PATH.
    """
    return text.lower().startswith(_AFTERWARDS) or is_canceled(text) or text.startswith(_PLUGINS)


def is_canceled(text: str) -> bool:
    return _CANCELED.match(text) is not None


def is_cut_short(text: str) -> bool:
    """Tell whether a step failed only because the run was interrupted while it was in progress."""
    return text.endswith(_CUT_SHORT)


def is_locked(text: str) -> bool:
    return any(words in text for words in _LOCKED)


def locks(text: str) -> list[Lock]:
    """Return the locks that the engine found. Pulumi's service does not name the holder."""
    if not is_locked(text):
        return []
    return [Lock(match["who"], match["host"], int(match["pid"]), match["since"]) for match in _LOCK.finditer(text)]


def may_leave_lock(text: str) -> bool:
    """Tell whether an engine that ended by itself crashed, or could not delete its lock."""
    return any(words in text for words in _LEAVES)


def has_pending_operations(text: str) -> bool:
    """Tell whether the engine found that a run was killed while it made something."""
    return _PENDING in text


def is_cut_off(text: str) -> bool:
    """Tell whether the engine found a state of which a run was killed while it wrote it."""
    return all(words in text for words in _EMPTY)


def has_no_backend(text: str) -> bool:
    return any(words in text for words in _NO_BACKEND)


def missing_stack(text: str) -> str | None:
    match = _NO_STACK.search(text)
    return match["stack"] if match else None


PASSPHRASE_VARIABLES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
"""The variables from which `pulumi` takes a passphrase. An empty passphrase is a passphrase."""


def explained(output: str) -> Problem | None:
    """Return a frequent failure in our words and with hints. None for failures that only Pulumi can explain."""
    if has_no_backend(output):
        return refusal(
            "no backend for the state is selected, or it needs a login",
            "for this shell: export PULUMI_BACKEND_URL=URL, such as s3://my-states or file://~",
            "for everyone who uses this project, in Pulumi.yaml: backend: {url: URL}",
            "for all projects of this machine: pulumi login URL",
        )
    if (stack := missing_stack(output)) is not None:
        return refusal(f"the backend has no stack {stack!r}", *other_backend(stack))
    if (full := _FULL.search(output)) is not None:
        return refusal(
            f"no space is left on the disk of {full['path']}",
            "free some, also in TMPDIR, and run it again: the state has all that was recorded before",
        )
    if _NO_PASSPHRASE in output:
        return missing_passphrase()
    if _WRONG_PASSPHRASE in output:
        return refusal(
            "the passphrase is not the one of this stack", f"check {' or '.join(PASSPHRASE_VARIABLES)}, if set"
        )
    return None


def other_backend(stack: str, flags: str = "") -> tuple[str, ...]:
    """Return the hints for a stack or fleet that the backend does not have, of which there are three causes.

    Args:
        flags: Those of `ambient init`, with a space before each.
    """
    return (
        f"if it is new: ambient init {stack}{flags}",
        "if it was deployed, its runs may have used another backend: compare PULUMI_BACKEND_URL and pulumi whoami -v",
        f"if its state is lost: {page('tasks/killed-run', 'a-lost-state')}",
    )


def missing_passphrase(stack: str = "") -> Problem:
    which = f"stack {stack!r}" if stack else "the stack"
    return refusal(
        f"{which} is encrypted with a passphrase, and none is set",
        f"set {PASSPHRASE_VARIABLES[1]} to a file that contains it, or {PASSPHRASE_VARIABLES[0]}",
    )

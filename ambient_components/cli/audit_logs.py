"""Reading audit logs: files, gzip and standard input, line by line and never as a whole."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, cast

from ambient_components import activity
from ambient_components.access.audit import AuditLog, Coverage
from ambient_components.access.entries import Ledger
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.errors import stop
from ambient_components.printable import counted, one_line
from ambient_components.rotation.state import format_time

_GZIP: Final = b"\x1f\x8b"
_LONGEST: Final = 64 * 2**20
"""Maximum bytes of a line. A longer one counts as broken."""

_HINT: Final = "the file of --audit-log-path, or of oc adm node-logs --role=master --path=kube-apiserver/audit.log"


def read_logs(paths: Sequence[str], ledger: Ledger, others: Iterable[RoleAssignment] = ()) -> AuditLog:
    """Return the use of a stack's access by all these logs together."""
    log = AuditLog(ledger, others)
    for path in paths:
        with activity.waiting(f"Reading {path}"):
            try:
                log.read(_lines(path))
            except (EOFError, zlib.error, gzip.BadGzipFile):
                log.broken()
            except OSError as error:
                stop(f"{path} can't be read: {error.strerror or error}", _HINT)
    if not log.coverage.events:
        names = ", ".join(map(one_line, paths))
        stop(f"{names} has no event of audit.k8s.io/v1 ({counted(log.coverage.broken, 'other line')})", _HINT)
    return log


def _lines(path: str) -> Iterator[bytes]:
    with sys.stdin.buffer if path == "-" else Path(path).open("rb") as opened:
        file = cast(BufferedReader, opened)
        if not file.peek(len(_GZIP)).startswith(_GZIP):
            yield from _each(file)
            return
        with gzip.open(file) as unpacked:
            yield from _each(unpacked)


def _each(file: BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    while line := file.readline(_LONGEST):
        yield line


def period(coverage: Coverage) -> str:
    """Return what a log has in a line."""
    first, last = (format_time(when) if when else "?" for when in (coverage.first, coverage.last))
    return f"{first} to {last}, {counted(coverage.events, 'event')}"


def coverage_document(coverage: Coverage) -> dict[str, Any]:
    """Return the coverage for JSON."""
    return {
        "events": coverage.events,
        "brokenLines": coverage.broken,
        "first": coverage.first and format_time(coverage.first),
        "last": coverage.last and format_time(coverage.last),
        "gaps": [{"first": str(first), "last": str(last)} for first, last in coverage.gaps],
        "verbs": dict(coverage.verbs),
        "levels": list(coverage.levels),
        "workspacesWithoutEvents": sorted(coverage.quiet),
        "limits": list(coverage.limits()),
    }

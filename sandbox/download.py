"""Download of one file with a known checksum: continued after an interruption, verified before it is used.

urllib takes the proxy from HTTPS_PROXY and NO_PROXY, and certificates from SSL_CERT_FILE.
"""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener, getproxies, proxy_bypass

from sandbox.errors import SandboxError
from sandbox.progress import spell

STALL_SECONDS = 30.0
ATTEMPTS = 4
PAUSE_SECONDS = 1.0
_CHUNK = 1 << 18
_MEGABYTE = 1_000_000
_TEMPORARY = frozenset({429, 500, 502, 503, 504})

# Of the cache's disk. Every other error during a transfer comes from the network.
DISK_ERRORS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.EIO,
    }
)

Report = Callable[[str], None]


class UnavailableError(Exception):
    """The file cannot be had: no connection, or an answer other than the file. The caller may build instead."""

    def __init__(self, message: str, *, reached: bool) -> None:
        super().__init__(message)
        self.reached = reached
        """Whether the server answered, so that another file may still be there."""


@dataclass(frozen=True)
class Checksum:
    """A pinned checksum: `sha256` or `sha512`, and its hexadecimal value."""

    algorithm: str
    value: str

    def of(self, path: Path) -> str:
        """Return the actual value for a file."""
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, self.algorithm).hexdigest()


def download(url: str, target: Path, checksum: Checksum, report: Report, say: Report | None = None) -> None:
    """Download `url` to `target` and verify it. What an earlier run left there is continued.

    Args:
        url: Where to download from.
        target: The file.
        checksum: What the file must have.
        report: Shows progress. It may drop a text.
        say: Shows an interruption.

    Raises:
        UnavailableError: The server cannot be reached, or does not have the file.
        SandboxError: The transfer broke off several times, or the file is another one than the pinned one.
    """
    say = say or report
    continued = target.is_file()
    if continued and checksum.of(target) == checksum.value:
        return
    _transfer(url, target, report, say)
    if continued and checksum.of(target) != checksum.value:
        # The rest may be of another file, for example after a change of the mirror.
        target.unlink()
        _transfer(url, target, report, say)
    actual = checksum.of(target)
    if actual != checksum.value:
        target.unlink()
        message = (
            f"{url} is not the expected file, and was deleted: its {checksum.algorithm} is {actual}, "
            f"not {checksum.value}.\n"
            "hint: A mirror or proxy may have answered with another file. Run the command again, or look at the URL.\n"
            "hint: AMBIENT_BUILD=1 builds the programs from source instead."
        )
        raise SandboxError(message)


def _transfer(url: str, target: Path, report: Report, say: Report) -> None:
    """Receive the whole file in a few attempts, each of which continues the last one."""
    before = _size(target)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            problem = _receive(url, target, report)
        except HTTPError as error:
            error.close()
            if error.code == 416:
                return  # nothing is left to receive; the checksum decides
            problem = f"{url} answers {error.code} {error.reason}"
            if error.code not in _TEMPORARY or (attempt == ATTEMPTS and _size(target) == before):
                raise UnavailableError(problem, reached=error.code != 407) from error
        except (OSError, HTTPException) as error:
            if not isinstance(error, URLError) and getattr(error, "errno", None) in DISK_ERRORS:
                raise
            problem = _reason(error)
            if _size(target) == before:
                message = f"{_server(url)} cannot be reached: {problem}"
                # A mirror in a folder is always reached, but may lack a file.
                raise UnavailableError(message, reached=url.startswith("file:")) from error
        if problem is None:
            return
        if attempt < ATTEMPTS:
            say(f"interrupted ({problem}), continuing")
            time.sleep(PAUSE_SECONDS)
    message = (
        f"The download of {url} was interrupted {ATTEMPTS} times, most recently by: {problem}.\n"
        "hint: Run the command again. It continues where the download stopped.\n"
        "hint: AMBIENT_MIRROR=URL downloads from elsewhere, AMBIENT_BUILD=1 builds the programs from source."
    )
    raise SandboxError(message)


def _receive(url: str, target: Path, report: Report) -> str | None:
    """Append the rest of the file to `target`. Return why it is incomplete, or None if it is complete."""
    start = _size(target)
    headers = {"User-Agent": "ambient-components-sandbox", **({"Range": f"bytes={start}-"} if start else {})}
    with build_opener().open(Request(url, headers=headers), timeout=STALL_SECONDS) as answer:  # noqa: S310
        if start and not _continues(answer, start):
            start = 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        began, size = time.monotonic(), start
        with target.open("ab" if start else "wb") as file:
            while chunk := answer.read1(_CHUNK):
                file.write(chunk)
                size += len(chunk)
                report(_progress(size, total, (size - start) / max(time.monotonic() - began, 0.001)))
    if total is not None and size < total:
        return f"the connection ended after {size} of {total} bytes"
    return None


def _continues(answer: Any, start: int) -> bool:
    """Tell whether the answer is the part that was asked for. Some servers send the whole file."""
    return answer.status == 206 and str(answer.headers.get("Content-Range")).startswith(f"bytes {start}-")


def _progress(size: int, total: int | None, rate: float) -> str:
    speed = f"{rate / _MEGABYTE:.1f} MB/s"
    if total is None:
        return f"{size // _MEGABYTE} MB, {speed}"
    return f"{size // _MEGABYTE} of {total // _MEGABYTE} MB, {speed}, {spell((total - size) / rate)} left"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no data for {STALL_SECONDS:.0f} s"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _server(url: str, proxies: Mapping[str, str] | None = None) -> str:
    """Return the server's name, and the proxy without its password, because either may be the problem."""
    parts = urlsplit(url)
    proxy = (getproxies() if proxies is None else proxies).get(parts.scheme)
    if not proxy or proxy_bypass(parts.hostname or ""):
        return parts.netloc or parts.path
    return f"{parts.netloc} through the proxy {proxy.rpartition('@')[2].rpartition('//')[2]}"

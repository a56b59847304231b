"""Release archives of the publishers: pinned in `releases.toml`, downloaded into the cache and unpacked there."""

from __future__ import annotations

import os
import shutil
import tarfile
import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from sandbox.download import DISK_ERRORS, Checksum, UnavailableError, download
from sandbox.errors import SandboxError
from sandbox.locking import one_at_a_time
from sandbox.machine import FIELDS, Installed
from sandbox.paths import cache_root
from sandbox.progress import Progress

RELEASES_FILE = Path(__file__).resolve().parent / "releases.toml"
KEPT_DAYS = 30


@dataclass(frozen=True)
class Release:
    """One file of a publisher: a tar archive, or a program itself."""

    title: str
    version: str
    programs: tuple[str, ...]
    url: str
    checksum: Checksum

    @property
    def folder(self) -> Path:
        """The cache folder of its programs. It exists only when complete."""
        return _root() / f"{self.programs[0]}-{self.version}-{self.checksum.value[:12]}"

    @property
    def name(self) -> str:
        """Title and version."""
        return f"{self.title} {self.version}"


def pinned(machine: str | None = None) -> list[Release]:
    """Return the releases for a machine, such as `linux-amd64`, or for all machines."""
    releases: list[Release] = []
    for entry in tomllib.loads(RELEASES_FILE.read_text(encoding="utf-8"))["release"]:
        for name, file in entry["files"].items():
            if machine in {name, None}:
                algorithm = "sha512" if "sha512" in file else "sha256"
                checksum = Checksum(algorithm, file[algorithm])
                programs = tuple(entry["programs"])
                releases.append(Release(entry["title"], entry["version"], programs, file["url"], checksum))
    return releases


def add_downloaded(found: Installed, missing: Collection[str], machine: str) -> Installed:
    """Return `found` with the missing programs that earlier runs downloaded."""
    for release in _desired(missing, machine):
        if release.folder.exists():
            with suppress(OSError):  # a read-only cache
                release.folder.touch()  # in use: see _remove_old
            fields = {FIELDS[name]: release.folder / name for name in release.programs if name in FIELDS}
            found = replace(found, **{name: path for name, path in fields.items() if getattr(found, name) is None})
    return found


def add_downloads(found: Installed, missing: Collection[str], machine: str, progress: Progress) -> Installed:
    """Return `found` with the missing programs that can be downloaded. The others have to be built."""
    desired = _desired(missing, machine)
    if not desired:
        return found
    with one_at_a_time(_root() / "lock", "Another run is downloading the sandbox's programs", progress):
        # Another run may have downloaded them meanwhile.
        todo = [release for release in desired if not release.folder.exists()]
        if todo:
            progress.say(f"Downloading {len(todo)} of the sandbox's parts, once. They go to {_root()}")
        unreachable: set[str] = set()
        for number, release in enumerate(todo, start=1):
            try:
                _install(release, f"[{number}/{len(todo)}] {release.name}", unreachable, progress)
            except UnavailableError as error:
                progress.say(f"{release.title}: {error}. It is built instead.")
        _remove_old()
    return add_downloaded(found, missing, machine)


def _desired(missing: Collection[str], machine: str) -> list[Release]:
    return [release for release in pinned(machine) if set(release.programs) & set(missing)]


def _remove_old() -> None:
    """Remove other versions, also incomplete ones, that no run has used for a month. Another clone may pin them."""
    current = {release.folder.name for release in pinned()} | {"lock"}
    before = time.time() - KEPT_DAYS * 86_400
    for path in _root().iterdir():
        name = path.name.removesuffix(".partial").removesuffix(".new")
        if name not in current and path.lstat().st_mtime < before:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def address(url: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return where to download from: the publisher, or the same host and path below the mirror."""
    base = mirror(environ)
    return f"{base}/{url.partition('://')[2]}" if base else url


def mirror(environ: Mapping[str, str] = os.environ) -> str:
    """Return the URL of the mirror without a slash at its end. Empty if there is none.

    Raises:
        SandboxError: AMBIENT_MIRROR is neither a folder nor a URL with http, https or file, or it has a password.
    """
    text = environ.get("AMBIENT_MIRROR", "").rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises if it is no number
        folder = "" if parts.scheme else Path(text).expanduser().absolute().as_uri()
    except (ValueError, RuntimeError) as error:  # no such user: ~name
        # Without the error, which may quote a part of a password.
        message = "AMBIENT_MIRROR is neither a valid URL nor a folder."
        raise SandboxError(message) from error
    if "@" in parts.netloc:
        message = "AMBIENT_MIRROR must not contain a user or a password, because it is printed."
        raise SandboxError(message)
    if folder:
        return folder
    if parts.scheme != "file" and not (parts.scheme in {"http", "https"} and parts.netloc):
        message = "AMBIENT_MIRROR must be a folder, or a URL that starts with http://, https:// or file://."
        raise SandboxError(message)
    return text


@contextmanager
def cache_errors() -> Iterator[None]:
    """Convert errors of the cache's disk into a message that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS or not _of_the_cache(error.filename):
            raise
        message = (
            f"The cache {cache_root()} cannot be written: {error.strerror}.\n"
            "hint: Make room or fix the permissions, then run the command again. It continues where it stopped.\n"
            "hint: AMBIENT_CACHE_DIR=FOLDER puts the cache elsewhere."
        )
        raise SandboxError(message) from error


def _of_the_cache(filename: str | None) -> bool:
    """Tell whether an error is of the cache: of a file there, a folder above it, or a write, which has no name."""
    return filename is None or Path(filename).is_relative_to(cache_root()) or cache_root().is_relative_to(filename)


def _install(release: Release, step: str, unreachable: set[str], progress: Progress) -> None:
    url = address(release.url)
    host = urlsplit(url).netloc
    if host in unreachable:
        message = f"{host} cannot be reached"
        raise UnavailableError(message, reached=False)
    partial = release.folder.with_name(f"{release.folder.name}.partial")
    try:
        with progress.step(step) as tick:
            download(url, partial, release.checksum, tick, lambda text: progress.say(f"{release.name}: {text}"))
            _unpack(release, partial)
    except UnavailableError as error:
        if not error.reached:
            unreachable.add(host)
        raise
    partial.unlink(missing_ok=True)


def _unpack(release: Release, file: Path) -> None:
    """Place the programs in the release's folder. Names in the archive never become paths."""
    incomplete = release.folder.with_name(f"{release.folder.name}.new")
    shutil.rmtree(incomplete, ignore_errors=True)
    incomplete.mkdir()
    if release.url.endswith(".tar.gz"):
        with tarfile.open(file, "r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                source = archive.extractfile(member) if member.isreg() and name in release.programs else None
                if source is not None:
                    with source, (incomplete / name).open("wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
    else:
        shutil.copyfile(file, incomplete / release.programs[0])
    for name in release.programs:
        if not (incomplete / name).exists():
            message = f"{release.url} does not contain {name}."
            raise SandboxError(message)
        (incomplete / name).chmod(0o755)
    incomplete.rename(release.folder)


def _root() -> Path:
    return cache_root() / "releases"

"""Release archives of the publishers: pinned in `releases.toml`, downloaded into the cache and unpacked there."""

from __future__ import annotations

import os
import shutil
import tarfile
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
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


def pinned(machine: str) -> list[Release]:
    """Return the releases for a machine, such as `linux-amd64`."""
    releases: list[Release] = []
    for entry in tomllib.loads(RELEASES_FILE.read_text(encoding="utf-8"))["release"]:
        if file := entry["files"].get(machine):
            algorithm = "sha512" if "sha512" in file else "sha256"
            checksum = Checksum(algorithm, file[algorithm])
            releases.append(Release(entry["title"], entry["version"], tuple(entry["programs"]), file["url"], checksum))
    return releases


def add_downloaded(found: Installed, machine: str) -> Installed:
    """Return `found` with the programs that earlier runs downloaded, where it has none."""
    for release in pinned(machine):
        if release.folder.exists():
            fields = {FIELDS[name]: release.folder / name for name in release.programs if name in FIELDS}
            found = replace(found, **{name: path for name, path in fields.items() if getattr(found, name) is None})
    return found


def add_downloads(found: Installed, missing: Collection[str], machine: str, progress: Progress) -> Installed:
    """Return `found` with the missing programs that can be downloaded. The others have to be built."""
    desired = [release for release in pinned(machine) if set(release.programs) & set(missing)]
    if not desired:
        return found
    _root().mkdir(parents=True, exist_ok=True)
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
    return add_downloaded(found, machine)


def address(url: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return where to download from: the publisher, or the same host and path below the mirror."""
    mirror = environ.get("AMBIENT_MIRROR", "").rstrip("/")
    if not mirror:
        return url
    if urlsplit(mirror).scheme not in {"http", "https", "file"}:
        mirror = Path(mirror).expanduser().absolute().as_uri()
    if "@" in urlsplit(mirror).netloc:
        message = "AMBIENT_MIRROR must not contain a user or a password, because it is printed."
        raise SandboxError(message)
    return f"{mirror}/{url.partition('://')[2]}"


@contextmanager
def cache_errors() -> Iterator[None]:
    """Convert errors of the cache's disk into a message that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        message = (
            f"The cache {cache_root()} cannot be written: {error.strerror}.\n"
            "hint: Make room or fix the permissions, then run the command again. It continues where it stopped.\n"
            "hint: AMBIENT_CACHE_DIR=FOLDER puts the cache elsewhere."
        )
        raise SandboxError(message) from error


def _install(release: Release, step: str, unreachable: set[str], progress: Progress) -> None:
    url = address(release.url)
    host = urlsplit(url).netloc
    if host in unreachable:
        message = f"{host} cannot be reached"
        raise UnavailableError(message, reached=False)
    partial = release.folder.with_name(f"{release.folder.name}.partial")
    try:
        with progress.step(step) as tick:
            download(url, partial, release.checksum, tick)
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

"""The images of the nodes, made on this machine: the distribution's packages, and this repository's own.

Nothing is pulled. The steps of `localhost/ambient:1` are those of the Dockerfile, but for its base and for the engine,
which is the sandbox's own.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sandbox.environment import launcher_script
from sandbox.errors import SandboxError
from sandbox.locking import one_at_a_time
from sandbox.nodes.archive import Image, Layer, layer, packed, write
from sandbox.nodes.programs import NodePrograms
from sandbox.paths import REPOSITORY, cache_root, private_folder, write_private
from sandbox.progress import Progress
from sandbox.toolchain import Toolchain, architecture

PAUSE = "localhost/pause:1"
BASE = "localhost/base:1"
"""The distribution with Python, Git and tini."""

AMBIENT = "localhost/ambient:1"
"""The base with this package, its requirements and the engine."""

DNS = "localhost/dns:1"

_PACKAGES = ("python3", "python3-venv", "git", "tini", "ca-certificates")
_NOT_NEEDED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")
_LOCK = REPOSITORY / "ambient_components/templates/project/requirements.lock"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PIP = (sys.executable, "-m", "pip")


def images(
    programs: NodePrograms,
    toolchain: Toolchain,
    folder: Path,
    progress: Progress,
    further: Mapping[str, Path] = MappingProxyType({}),
) -> Path:
    """Return the root folder of a containerd that has all images. Parts that rarely change are kept in the cache.

    Args:
        programs: Of the nodes.
        toolchain: The engine, for the package's image.
        folder: Where that folder is made.
        progress: Shows the steps.
        further: Names of more images, and the files of each, which lie over the package's image. `/start` begins them.
    """
    private_folder(folder)
    with one_at_a_time(cache_root() / "nodes" / "lock", "Another run makes images", progress):
        base_files = _base(progress)
        requirements_files = _requirements(base_files, progress)
        base, requirements = (_kept(files) for files in (base_files, requirements_files))
    own = _own(base_files, requirements_files, toolchain, folder, progress)
    names = folder / "dns"
    names.mkdir(exist_ok=True)
    shutil.copy2(programs.coredns, names / "coredns")
    variables = _variables()
    user = {"User": "10001:0", "WorkingDir": "/home/ambient", "Env": variables, "Cmd": ["ambient", "--help"]}
    tini = ["/usr/bin/tini", "--"]
    made = [
        Image(PAUSE, [base], {"Entrypoint": [*tini, "sleep", "infinity"]}),
        Image(BASE, [base], {"Entrypoint": tini, "Cmd": ["sleep", "infinity"], "Env": [f"PATH={_PATH}"]}),
        Image(AMBIENT, [base, requirements, own], user),
        Image(DNS, [layer(names, folder / "dns.tar")], {"Entrypoint": ["/coredns"]}),
    ]
    for number, (name, files) in enumerate(further.items()):
        more = layer(files, folder / f"further-{number}.tar")
        made.append(Image(name, [base, requirements, own, more], {"Entrypoint": [*tini, "/start"], "Env": variables}))
    with progress.step("Images of the nodes"):
        write(folder / "images.tar", made)
        return _unpacked(folder / "images.tar", folder / "images")


def _variables() -> list[str]:
    """Return the variables that the Dockerfile gives the package's image."""
    lines = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    (words,) = re.findall(r"^ENV (.*)", lines, re.MULTILINE)
    return str(words).replace("$PATH", _PATH).split()


def _unpacked(archive: Path, target: Path) -> Path:
    """Return the root folder of a containerd that has an archive's images. The archive is removed."""
    shutil.rmtree(target, ignore_errors=True)
    script = """
        mount -t tmpfs images /run
        containerd --root "$2" --state /run/containerd --address /run/images.sock --log-level error &
        until ctr --address /run/images.sock version >/dev/null 2>&1; do sleep 0.1; done
        ctr --address /run/images.sock --namespace k8s.io images import "$1"
        kill $!
        wait
    """
    alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    _run([*alone, "sh", "-euc", script, "sh", str(archive), str(target)])
    archive.unlink()
    return target


def _kept(files: Path) -> Layer:
    """Return the layer of a folder in the cache, which never changes."""
    archive = files.with_suffix(".tar")
    return packed(archive) if archive.exists() else layer(files, archive)


def _base(progress: Progress) -> Path:
    """Return the root folder of the distribution that this machine has, in the cache."""
    mirror, suite, components = _mirror()
    root = cache_root() / "nodes" / f"base-{suite}-{architecture()}-{_digest(repr(_PACKAGES + _NOT_NEEDED).encode())}"
    if root.exists():
        return root
    incomplete = root.with_name(f".{root.name}.{os.getpid()}")
    wanted = [f"--components={','.join(components)}", f"--include={','.join(_PACKAGES)}"]
    command = ["debootstrap", "--variant=minbase", *wanted, suite, str(incomplete), mirror]
    with progress.step("The distribution's packages, for images", "about two minutes"):
        # Its mounts are in a namespace of its own, so none is left if it is killed.
        _run(["unshare", "--mount", *command])
    for name in _NOT_NEEDED:
        shutil.rmtree(incomplete / name, ignore_errors=True)
    _run(["chroot", str(incomplete), "useradd", "--uid=10001", "--gid=0", "--create-home", "ambient"])
    incomplete.rename(root)
    return root


def _mirror() -> tuple[str, str, list[str]]:
    """Return the address from which apt has packages, the suite, and its components, such as main."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    lines = _run(["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI) $(COMPONENT)"]).splitlines()
    sources = [line.split(" ")[1:] for line in lines if line.startswith(f"{suite} ")]
    if not sources:
        message = f"apt has no packages of {suite or 'this distribution'}: the images of the nodes are made of them."
        raise SandboxError(message)
    address = sources[0][0]
    components = sorted({component for other, component in sources if other == address})
    if address.startswith("mirror+file:"):  # a list of mirrors, which only apt reads
        address = Path(address.removeprefix("mirror+file:")).read_text(encoding="utf-8").split()[0]
    return address, suite, components


def _requirements(base: Path, progress: Progress) -> Path:
    """Return the files that the lock adds to the base: /opt/ambient, a virtual environment. In the cache."""
    files = cache_root() / "nodes" / f"requirements-{_digest(_LOCK.read_bytes() + base.name.encode())}"
    if files.exists():
        return files
    python = next((base / "usr/lib").glob("python3.*")).name.removeprefix("python")
    incomplete = files.with_name(f".{files.name}.{os.getpid()}")
    wheels = incomplete / "opt/wheels"
    wheels.mkdir(parents=True)
    machine = os.uname().machine
    platforms = [f"--platform={name}_{machine}" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    wanted = ["--require-hashes", f"--requirement={_LOCK}", "--only-binary=:all:", f"--python-version={python}"]
    with progress.step("The package's requirements, for its image"):
        _run([*_PIP, "download", "--quiet", "--no-deps", *wanted, *platforms, f"--dest={wheels}"])
        shutil.copy2(_LOCK, wheels / "requirements.lock")
        steps = (
            "python3 -m venv /opt/ambient; cd /opt/wheels; "
            "/opt/ambient/bin/pip install --quiet --no-index --find-links . --require-hashes -r requirements.lock"
        )
        _in_layers([base], incomplete, steps)
    shutil.rmtree(wheels)
    incomplete.rename(files)
    return files


def _own(base: Path, requirements: Path, toolchain: Toolchain, folder: Path, progress: Progress) -> Layer:
    """Return the layer with this package, as a wheel installs it, and the engine with the stand-in language host."""
    files = folder / "own"
    shutil.rmtree(files, ignore_errors=True)
    wheels, engine = files / "opt/wheels", files / "opt/pulumi"
    wheels.mkdir(parents=True)
    engine.mkdir()
    install = "/opt/ambient/bin/pip install --quiet --no-index --no-deps /opt/wheels/*.whl"
    with progress.step("The package's image"):
        _run([*_PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={wheels}", str(REPOSITORY)])
        _in_layers([requirements, base], files, install)
        shutil.rmtree(wheels)
        _add_engine(toolchain, engine)
        return layer(files, folder / "own.tar")


def _add_engine(toolchain: Toolchain, engine: Path) -> None:
    """Put the engine, its plugin and its language host into a folder, which is /opt/pulumi in the image."""
    programs = (toolchain.pulumi, toolchain.kubernetes_plugin, toolchain.language_host, toolchain.language_exec)
    for program in filter(None, programs):
        shutil.copy2(program, engine / program.name)
    if toolchain.language_exec is not None:
        not_needed = shutil.ignore_patterns("toolchain", "nodes", "__pycache__")
        shutil.copytree(REPOSITORY / "sandbox", engine / "sandbox", ignore=not_needed)
        root = Path("/opt/pulumi")
        python = Path("/opt/ambient/bin/python")
        launcher = launcher_script(root / toolchain.language_exec.name, python, root)
        write_private(engine / "pulumi-language-python", launcher, mode=0o755)


def _in_layers(below: Sequence[Path], above: Path, steps: str) -> None:
    """Run shell commands in a root folder of several layers. What they write lands in `above`."""
    merged = above.with_name(f"{above.name}.root")
    work = above.with_name(f"{above.name}.work")
    for needed in (merged, work):
        needed.mkdir(exist_ok=True)
    options = f"lowerdir={':'.join(map(str, below))},upperdir={above},workdir={work}"
    script = f"mount -t overlay overlay -o {options} {merged}; chroot {merged} sh -euc '{steps}'"
    _run(["unshare", "--mount", "sh", "-euc", script])
    for needed in (merged, work):
        shutil.rmtree(needed)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise SandboxError(message)
    return done.stdout

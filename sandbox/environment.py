"""The environment in which the engine finds the sandbox's cluster, state and passphrase."""

from __future__ import annotations

import filecmp
import json
import os
import re
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sandbox.errors import NOT_RUNNING, SandboxError
from sandbox.machine import LAUNCHER_MARK, pulumi_version
from sandbox.parts import PULUMI_VERSION
from sandbox.paths import REPOSITORY, create_private, partial_file, private_folder, write_private
from sandbox.toolchain import Toolchain

_ACQUISITION = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"

UNSET = ("PULUMI_CONFIG_PASSPHRASE",)
"""Variables that would override those of `environment`: the engine prefers a passphrase to its file."""


def prepare(directory: Path, toolchain: Toolchain) -> None:
    """Create what `environment` refers to: folders, the passphrase, the launcher, the toolchain's record."""
    private_folder(directory)
    for name in ("state", "pulumi-home", "bin"):
        (directory / name).mkdir(exist_ok=True)
    # Written once, because another passphrase could not decrypt the secrets of existing stacks.
    create_private(directory / "passphrase", secrets.token_urlsafe(32) + "\n")
    write_private(directory / "toolchain.json", json.dumps(toolchain.to_json(), indent=1) + "\n")
    launcher = directory / "bin" / "pulumi-language-python"
    engine = directory / "bin" / "pulumi"
    if toolchain.language_exec is None:
        launcher.unlink(missing_ok=True)
        engine.unlink(missing_ok=True)
    else:
        write_private(launcher, launcher_script(toolchain.language_exec), mode=0o700)
        _place_engine(toolchain.pulumi, engine)


def check_cli_version(directory: Path, pulumi: Path) -> None:
    """Refuse a Pulumi CLI that is older than one that wrote a stack's state here, which it may misread."""
    version = pulumi_version(pulumi)
    if version is None:
        return
    last = max((version, *_writers(directory)), key=_numbers)
    if _numbers(version) < _numbers(last):
        message = (
            f"{pulumi} is {version}, older than Pulumi {last}, which wrote the state in {directory}.\n"
            f"hint: Put Pulumi {last} or newer on PATH, with its pulumi-language-python. AMBIENT_BUILD=1 builds "
            f"{PULUMI_VERSION}.\n"
            "hint: `make clean` deletes the sandbox with its state."
        )
        raise SandboxError(message)


def _writers(directory: Path) -> Iterator[str]:
    """Yield the versions of the CLI that last wrote the stacks' states. A state that cannot be read has none."""
    for state in directory.glob("state/.pulumi/stacks/*/*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            yield str(json.loads(state.read_bytes())["checkpoint"]["latest"]["manifest"]["version"])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def _place_engine(pulumi: Path, target: Path) -> None:
    """Place the engine beside the launcher, because every command warns about a language host elsewhere.

    It is a hard link if possible. A symbolic link does not work, because the engine resolves it.
    """
    if target.exists() and (target.samefile(pulumi) or filecmp.cmp(pulumi, target)):
        return
    with partial_file(target) as temporary:
        try:
            temporary.hardlink_to(pulumi)
        except OSError:
            shutil.copy2(pulumi, temporary)


def launcher_script(language_exec: Path, python: Path | None = None, repository: Path = REPOSITORY) -> str:
    """Return the executable that the engine looks for, which starts the stand-in language host.

    It uses `-c` and a path inside it, because the user's program would inherit PYTHONPATH.
    """
    start = f"import sys; sys.path.insert(0, {str(repository)!r}); from sandbox.language_host_start import main; main()"
    words = [str(python or _python()), "-P", "-c", start, "--language-exec", str(language_exec)]
    return f'#!/bin/sh\n# {LAUNCHER_MARK}, written by `python -m sandbox start`.\nexec {shlex.join(words)} "$@"\n'


def _python() -> Path:
    own = REPOSITORY / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def recorded_toolchain(directory: Path) -> Toolchain:
    """Return the toolchain of the last start."""
    try:
        text = (directory / "toolchain.json").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        message = f"There is no sandbox in {directory}: run `make sandbox-start`."
        raise SandboxError(message, NOT_RUNNING) from error
    return Toolchain.from_json(json.loads(text))


def environment(directory: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables to set. See `UNSET` for those to remove."""
    directory = directory.absolute()
    first = [directory / "bin", *recorded_toolchain(directory).path_entries, _python().parent]
    before = [entry for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    path = list(dict.fromkeys([*map(str, first), *before]))
    return {
        "PATH": os.pathsep.join(path),
        "KUBECONFIG": str(directory / "kubeconfig"),
        "PULUMI_BACKEND_URL": f"file://{directory / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(directory / "passphrase"),
        "PULUMI_HOME": str(directory / "pulumi-home"),
        "PULUMI_CONTINUE_ON_ERROR": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The engine takes its plugins from PATH. Otherwise the real language host makes it download others.
        _ACQUISITION: environ.get(_ACQUISITION, "true"),
    }


def child_environment(directory: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a child: `environ` with the sandbox's variables and without conflicting ones."""
    kept = {name: value for name, value in environ.items() if name not in UNSET}
    return {**kept, **environment(directory, environ)}


def export_lines(variables: Mapping[str, str]) -> str:
    """Return shell commands for `eval`, with every value quoted."""
    lines = [f"unset {' '.join(UNSET)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(lines)

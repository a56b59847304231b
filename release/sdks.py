"""`python -m release.sdks`: the SDKs of all languages, from the schema of the package, into build/sdks."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from release.errors import Refusal, ReleaseError

LANGUAGES = ("dotnet", "go", "java", "nodejs", "python")
ROOT = Path(__file__).resolve().parents[1]


def write(folder: Path) -> None:
    """Write the SDK of each language into a folder of its name. The folder is replaced."""
    # The checks before a release need none of it.
    from rich.console import Console  # noqa: PLC0415

    from ambient_components.languages import schema_json  # noqa: PLC0415
    from sandbox.errors import SandboxError  # noqa: PLC0415
    from sandbox.toolchain import find_or_build_sdks  # noqa: PLC0415

    try:
        writer = str(find_or_build_sdks(Console(stderr=True)))
    except SandboxError as error:
        reason, _, hint = str(error).partition("\nhint: ")
        raise ReleaseError(
            [Refusal(f"no SDKs were written. {reason}", hint or "see docs/internals/sandbox.md")]
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        schema = Path(temporary, "schema.json")
        schema.write_text(schema_json(), encoding="utf-8")
        # A generator warns on standard output, where a release has the names of its files.
        subprocess.run([writer, schema, folder, *LANGUAGES], check=True, stdout=sys.stderr)


def archives(folder: Path, version: str, time: int) -> list[Path]:
    """Pack each SDK of a folder beside it, as the same bytes for the same SDK and time."""
    made = []
    for language in LANGUAGES:
        file = folder / f"ambient-sdk-{language}-{version}.tar"
        with tarfile.open(file, "w") as archive:
            for path in sorted((folder / language).rglob("*")):
                entry = archive.gettarinfo(path, str(path.relative_to(folder)))
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = ""
                entry.mtime, entry.mode = time, 0o755 if entry.isdir() else 0o644
                if entry.isdir():
                    archive.addfile(entry)
                else:
                    with path.open("rb") as content:
                        archive.addfile(entry, content)
        made.append(file)
    return made


def main() -> int:
    """Write the SDKs, and print their folders."""
    folder = ROOT / "build" / "sdks"
    try:
        write(folder)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        # The writer has said why.
        return error.returncode
    for language in LANGUAGES:
        print(folder / language)
    return 0


if __name__ == "__main__":
    sys.exit(main())

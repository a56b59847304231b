"""`python -m release`: refuse what is not fit for a release, then build it into dist/."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from hashlib import sha256
from pathlib import Path

from ambient_components._version import VERSION
from release import changelog, packages, repository, sdks
from release.errors import Refusal, ReleaseError

LOCK = "ambient_components/templates/project/requirements.lock"

_DESCRIPTION = """\
Build the release of the last commit into dist/, which is replaced: sdist, wheel, requirements.lock with the packages
that it was tested with, their SBOM (CycloneDX), the SDKs of other languages, SHA256SUMS, and NOTES.md, the version's
section of CHANGELOG.md. Two builds of one commit are the same bytes."""


def published_at(root: Path) -> str:
    """Return the repository's address from pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Repository"])


def refusals(root: Path, expected: str | None) -> list[Refusal]:
    """Return every reason not to release the commit.

    Args:
        root: The repository.
        expected: The address that the release is published from, if the caller knows it.
    """
    problems = repository.refusals(root, VERSION)
    problems += changelog.refusals((root / "CHANGELOG.md").read_text(encoding="utf-8"), VERSION)
    if expected and expected != published_at(root):
        reason = f"the release is published from {expected}, but pyproject.toml names {published_at(root)}"
        problems.append(Refusal(reason, "correct [project.urls] in pyproject.toml"))
    return problems


def bill_of_materials(tree: Path, file: Path) -> None:
    """Write an SBOM of the packages in the lock, with their hashes."""
    project = str(tree / "pyproject.toml")
    options = ["--pyproject", project, "--mc-type", "library", "--output-reproducible", "--output-file", str(file)]
    packages.run("cyclonedx_py", "requirements", *options, str(tree / LOCK))
    document = json.loads(file.read_text(encoding="utf-8"))
    # cyclonedx-py knows only versions that pyproject.toml itself names.
    document["metadata"]["component"] |= {"version": VERSION, "purl": f"pkg:pypi/ambient-components@{VERSION}"}
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def release(root: Path) -> list[Path]:
    """Build everything into dist/ and return its files."""
    time, address = repository.commit_time(root), published_at(root)
    with tempfile.TemporaryDirectory() as temporary:
        tree, built = Path(temporary) / "tree", Path(temporary) / "dist"
        repository.export(root, tree)
        for page in (tree / "README.md", tree / "CHANGELOG.md"):
            text = page.read_text(encoding="utf-8")
            page.write_text(repository.absolute_links(text, address, VERSION), encoding="utf-8")
        files = packages.build(tree, built, time)
        sbom = built / f"ambient_components-{VERSION}.cdx.json"
        bill_of_materials(tree, sbom)
        sdks.write(built / "sdks")
        written = sdks.archives(built / "sdks", VERSION, time)
        files += [file.rename(built / file.name) for file in written]
        shutil.rmtree(built / "sdks")
        lock = built / "requirements.lock"
        shutil.copyfile(tree / LOCK, lock)
        sums, notes = built / "SHA256SUMS", built / "NOTES.md"
        lines = [f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted([*files, sbom, lock])]
        sums.write_text("".join(lines), encoding="utf-8")
        _, text = changelog.sections((tree / "CHANGELOG.md").read_text(encoding="utf-8"))[VERSION]
        notes.write_text(f"{text}\n", encoding="utf-8")
        shutil.rmtree(root / "dist", ignore_errors=True)
        shutil.copytree(built, root / "dist")
    return sorted((root / "dist").iterdir())


def main() -> int:
    """Release the repository in the current folder."""
    parser = argparse.ArgumentParser(prog="python -m release", description=_DESCRIPTION)
    parser.add_argument("--repository", metavar="URL", help="refuse unless pyproject.toml names this address")
    options = parser.parse_args()
    root = Path.cwd()
    try:
        if problems := refusals(root, options.repository):
            raise ReleaseError(problems)
        for file in release(root):
            print(file.relative_to(root))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        # Git or the writer of SDKs has said why.
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())

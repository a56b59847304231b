"""The sections of CHANGELOG.md."""

import re
from datetime import date

from release.errors import Refusal

_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?P<rest>.*)$", re.MULTILINE)
UNRELEASED = "Unreleased"


def sections(text: str) -> dict[str, tuple[str, str]]:
    """Return what follows each section's name in its heading, and its text, newest section first."""
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return {
        heading["name"]: (heading["rest"], text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    }


def refusals(text: str, version: str) -> list[Refusal]:
    """Return why the changelog does not fit a release of this version."""
    found = sections(text)
    if version not in found:
        heading = f"`## [{version}] - {date.today().isoformat()}`"
        return [Refusal(f"CHANGELOG.md has no section for {version}", f"write {heading} below `## [{UNRELEASED}]`")]
    problems = []
    rest, notes = found[version]
    if not re.fullmatch(r" - \d{4}-\d{2}-\d{2}", rest):
        problems.append(Refusal(f"the section {version} of CHANGELOG.md has no date", f"write `## [{version}] - DATE`"))
    if not notes:
        problems.append(Refusal(f"the section {version} of CHANGELOG.md is empty", "describe what changed"))
    if next(name for name in found if name != UNRELEASED) != version:
        problems.append(
            Refusal(
                f"{version} is not the newest version in CHANGELOG.md", "set VERSION in ambient_components/_version.py"
            )
        )
    if found.get(UNRELEASED, ("", ""))[1]:
        problems.append(Refusal(f"CHANGELOG.md has entries under {UNRELEASED}", f"move them to the section {version}"))
    return problems

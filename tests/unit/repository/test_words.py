"""Former names of things, which no page and no file for users has any more."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
FOLDERS: Final = ("docs", "stacks", "examples", "ambient_components/templates")
FORMER: Final = re.compile(
    r"\b(lost runs?|handle Secrets?|mark of ownership|ownership mark|lookout|guard rails?|allowances?|AMBIENT_HOLD"
    r"|held( back)? workspaces?)\b",
    re.IGNORECASE,
)


def test_no_text_has_a_former_name() -> None:
    pages = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in (".md", ".yaml")]
    assert len(pages) > 50
    found = {
        str(path.relative_to(ROOT)): words
        for path in [ROOT / "README.md", *pages]
        if path.parent.name != "adr"
        if (words := [match[0] for match in FORMER.finditer(path.read_text(encoding="utf-8"))])
    }
    assert found == {}

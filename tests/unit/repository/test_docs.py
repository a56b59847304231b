"""The documents say what the code does: links, examples, arguments, commands and tests are checked against it.

A block that must not be checked has an HTML comment on the line before it: ``<!-- unchecked: REASON -->``. A block of
YAML whose first line is a path, ``# stacks/prod.yaml``, is that file of its page, and may include the page's others.
The fields of the stack file have a page of their own, which is generated: test_schema.py holds it against the models.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ambient_components import components, resources
from ambient_components.stackfile.loader import review_stack
from tests.support import argument_tables

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_FENCE = re.compile(
    r"^(?P<fence>```+)(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL
)
STACK_FILE = re.compile(r"^(include|stacks|defaults|templates|workspaces):", re.MULTILINE)
_PATH = re.compile(r"# (?P<path>[\w./-]+\.yaml)\n")
_TRAP = re.compile(r"^\| (?P<number>\d+) \|.*\|(?P<tests>[^|]*)\|$", re.MULTILINE)
_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)`")
_UNCHECKED = re.compile(r"<!-- unchecked: \S.*-->\s*\Z")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language: str) -> list[Block]:
    found = []
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(content):
            before = content[: match.start()]
            if match["language"] == language and not _UNCHECKED.search(before):
                found.append(Block(page, before.count("\n") + 1, language, match["text"]))
    return found


def named(block: Block, page: Path) -> re.Match[str] | None:
    """The path that a block of this page gives itself in its first line."""
    return _PATH.match(block.text) if block.page == page else None


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        kept = "".join(c for c in plain if c in "-_ " or unicodedata.category(c)[0] in "LN")
        found.add(kept.replace(" ", "-"))
    return found


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("examples/**/*.md")], ids=page_id)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """The site's build checks those of docs/."""
    broken = []
    for match in _LINK.finditer(_CODE.sub("", prose(page))):
        target = match["target"]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or not there.is_relative_to(ROOT):
            broken.append(f"{target}: no such file")
        elif anchor and anchor not in anchors(there):
            broken.append(f"{target}: no such heading")
    assert broken == []


def test_every_page_of_docs_that_the_code_names_exists() -> None:
    sources = [
        *ROOT.glob("ambient_components/**/*.py"),
        *ROOT.glob("sandbox/**/*.py"),
        *ROOT.glob("bench/**/*.py"),
    ]
    sources.append(ROOT / "pyproject.toml")
    missing = []
    for source in sources:
        for named in re.findall(r"docs/[\w/-]+\.md|docs/internals/adr/\d{4}", source.read_text(encoding="utf-8")):
            pattern = named if named.endswith(".md") else f"{named}-*.md"
            if not list(ROOT.glob(pattern)):
                missing.append(f"{source.relative_to(ROOT)}: {named}")
    assert missing == []


def test_pages_that_moved_have_a_new_place() -> None:
    """The site's build checks the links."""
    page = (ROOT / "docs/internals/moved-pages.md").read_text(encoding="utf-8")
    old = re.findall(r"^\| `([\w/-]+\.md)` \| \[", page, re.MULTILINE)
    assert len(old) > 20
    assert [path for path in old if (ROOT / "docs" / path).exists()] == []


@pytest.mark.parametrize("block", [block for block in blocks("yaml") if STACK_FILE.search(block.text)], ids=str)
def test_every_stack_file_loads(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {match["path"]: other.text for other in blocks("yaml") if (match := named(other, block.page))}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    match = named(block, block.page)
    own = match["path"] if match else "stack.yaml"
    if any(own in review_stack(path, text).files[1:] for path, text in files.items()):
        return  # a part: it is read, and judged, with the file that includes it
    problems = review_stack(own, block.text).problems
    # An excerpt may show a stack without its workspaces.
    assert [str(problem) for problem in problems if problem.path != "workspaces"] == []


def test_the_program_of_the_languages_page_is_that_of_the_examples() -> None:
    page = (ROOT / "docs/tasks/languages.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```typescript\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert program == (ROOT / "examples/languages/typescript/index.ts").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_every_python_block_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


def _public(suffixes: tuple[str, ...]) -> Iterator[type]:
    for package in (components, resources):
        yield from (getattr(package, name) for name in package.__all__ if name.endswith(suffixes))


def library_pages() -> str:
    pages = ("reference/library", "reference/arguments", "internals/resources")
    return "".join((ROOT / f"docs/{page}.md").read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("args", list(_public(("Args", "Spec"))), ids=lambda args: args.__name__)
def test_every_argument_is_in_the_library_page_or_that_of_arguments(args: type) -> None:
    text = library_pages()
    assert [name for name in args.__annotations__ if f"`{name}`" not in text] == []


def test_the_page_of_arguments_is_fresh() -> None:
    fresh = argument_tables.FILE.read_text(encoding="utf-8") == argument_tables.page()
    assert fresh, "write it anew: python -m tests.support.argument_tables"


def test_every_component_and_resource_is_in_the_library_page() -> None:
    text = library_pages()
    names = {cls.__name__ for cls in _public(("",))} - {cls.__name__ for cls in _public(("Args", "Spec"))}
    assert sorted(name for name in names if f"`{name}" not in text) == []


def test_every_trap_of_the_platform_is_handled_and_held() -> None:
    """Contract 10 lists them; the page says for each what we do and which test would notice if we did not."""
    contract = (ROOT / "docs" / "internals" / "platform-contract.md").read_text(encoding="utf-8")
    section = contract[contract.index("\n## 10. ") : contract.index("\n## 11. ")]
    numbers = re.findall(r"^(\d+)\. ", section, re.MULTILINE)
    page = (ROOT / "docs" / "internals" / "evidence.md").read_text(encoding="utf-8")
    rows = {match["number"]: match["tests"] for match in _TRAP.finditer(page[page.index("24 traps") :])}
    assert list(rows) == numbers
    assert len(numbers) == 24
    assert [number for number, tests in rows.items() if not _TEST.search(tests)] == []


def evidence() -> dict[str, dict[str, str]]:
    """The statements of each page with their tests, from the annex."""
    annex = (ROOT / "docs/internals/evidence.md").read_text(encoding="utf-8")
    pages: dict[str, dict[str, str]] = {}
    for section in annex[: annex.index("\n## The platform's 24 traps")].split("\n## ")[1:]:
        link = _LINK.search(section)
        assert link, section
        rows = re.findall(r"^\| (?!statement )(.+?) \| (`tests/.*`) \|$", section, re.MULTILINE)
        pages[link["target"].removeprefix("../")] = dict(rows)
    return pages


def test_every_attack_of_the_security_model_is_held() -> None:
    page = (ROOT / "docs/concepts/security.md").read_text(encoding="utf-8")
    attacks = [item for part in page.split("they cannot:")[1:] for item in re.findall(r"^- (.*)$", part, re.MULTILINE)]
    assert len(attacks) >= 20
    assert [attack for attack in attacks if attack not in evidence()["concepts/security.md"]] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    tests = {(match["file"], match["name"]) for match in _TEST.finditer(page.read_text(encoding="utf-8"))}
    assert [
        f"{file}::{name}"
        for file, name in sorted(tests)
        if not (ROOT / file).is_file()
        or not re.search(rf"^ *def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    ] == []


EXAMPLES = sorted(path for path in ROOT.glob("examples/**/*") if path.is_file() and "__pycache__" not in path.parts)


@pytest.mark.parametrize("file", [*PAGES, *EXAMPLES], ids=page_id)
def test_no_credential_and_no_path_of_a_machine(file: Path) -> None:
    assert re.fullmatch(r"Pulumi\..+\.yaml|.*\.(pem|crt|key)", file.name) is None
    credential = r"eyJ[\w-]{20,}|sk-ant-[\w-]{8,}|AKIA[A-Z0-9]{16}|BEGIN [A-Z ]*(?:KEY|CERTIFICATE)"
    path = r"(?<![\w.~/-])/(?:home|root|work|tmp|Users)/\S+"
    assert re.findall(f"{credential}|{path}", file.read_text(encoding="utf-8")) == []

"""The documents say what the code does: links, examples, fields, rights and commands are checked against it.

A block that must not be checked has an HTML comment on the line before it: ``<!-- unchecked: REASON -->``.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest

from ambient_components.access import RIGHTS, Right
from ambient_components.components import ApiKeyArgs, ClusterArgs, GrantArgs, WorkspaceArgs
from ambient_components.resources import AccessLedgerArgs, AccessTokenArgs, ProviderArgs
from ambient_components.spec import ConfigRef, Grant, Key, Secrets, StackFile, Workspace, parse_stack

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_FENCE = re.compile(
    r"^(?P<fence>```+)(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL
)
STACK_FILE = re.compile(r"^workspaces:", re.MULTILINE)
_UNCHECKED = re.compile(r"<!-- unchecked: \S.*-->\s*\Z")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]+`")
_MAKE = re.compile(r"\bmake((?:\s+-\w)*)((?:\s+[A-Z_]+=\S+)*)\s+(?P<target>[a-z][a-z-]*)")
_TARGET = re.compile(r"^(?P<target>[a-z][a-z-]*):(?!=)", re.MULTILINE)


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


def test_there_are_pages_and_examples() -> None:
    assert len(PAGES) > 10
    assert len(blocks("python")) >= 2
    assert any(STACK_FILE.search(block.text) for block in blocks("yaml"))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
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


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page.name != "README.md"}
    assert [page_id(page) for page in sorted(pages) if f"{page.relative_to(ROOT / 'docs')})" not in index] == []


def test_every_page_of_docs_that_the_code_names_exists() -> None:
    sources = [
        *ROOT.glob("ambient_components/**/*.py"),
        *ROOT.glob("sandbox/**/*.py"),
        *ROOT.glob("bench/**/*.py"),
        *ROOT.glob("deploy/*.yaml"),
    ]
    sources.append(ROOT / "pyproject.toml")
    missing = []
    for source in sources:
        for named in re.findall(r"docs/[\w/-]+\.md|docs/adr/\d{4}", source.read_text(encoding="utf-8")):
            pattern = named if named.endswith(".md") else f"{named}-*.md"
            if not list(ROOT.glob(pattern)):
                missing.append(f"{source.relative_to(ROOT)}: {named}")
    assert missing == []


@pytest.mark.parametrize("block", [block for block in blocks("yaml") if STACK_FILE.search(block.text)], ids=str)
def test_every_stack_file_loads(block: Block) -> None:
    parse_stack(block.text, str(block))


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_every_python_block_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize(
    "model", [StackFile, Workspace, Grant, Key, Secrets, ConfigRef], ids=lambda model: model.__name__
)
def test_every_field_is_in_the_reference(model: type) -> None:
    rows = re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "stack-file.md").read_text(encoding="utf-8"), re.MULTILINE)
    fields = [field.alias or name for name, field in model.model_fields.items()]
    assert [field for field in fields if field not in rows] == []


@pytest.mark.parametrize(
    "args",
    [WorkspaceArgs, GrantArgs, ApiKeyArgs, ClusterArgs, AccessLedgerArgs, AccessTokenArgs, ProviderArgs],
    ids=lambda args: args.__name__,
)
def test_every_argument_is_in_the_library_page(args: type) -> None:
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    assert [name for name in args.__annotations__ if f"`{name}`" not in text] == []


def documented_rights() -> list[tuple[str, str, str, str]]:
    """The rows of the table: group, resource, verb, name of the one object."""
    text = (ROOT / "docs" / "deployer-rights.md").read_text(encoding="utf-8")
    rows = []
    for group, resources, verb in re.findall(r"^\| (core|`[\w.]+`) \| (`[^|]+`) \| `(\w+)` \|", text, re.MULTILINE):
        resource, _, name = resources.replace("`", "").partition(" ")
        rows.append(("" if group == "core" else group.strip("`"), resource, verb, name))
    return rows


@pytest.mark.parametrize("right", RIGHTS, ids=str)
def test_every_right_is_explained(right: Right) -> None:
    assert (right.group, right.resource, right.verb, right.name) in documented_rights()


def test_no_right_is_explained_that_nobody_needs() -> None:
    needed = {(right.group, right.resource, right.verb, right.name) for right in RIGHTS}
    rows = documented_rights()
    assert len(rows) == len(set(rows))
    assert set(rows) - needed == set()


def test_every_make_target_exists() -> None:
    targets = set()
    for file in (ROOT / "Makefile", ROOT / "sandbox.mk"):
        targets |= {match["target"] for match in _TARGET.finditer(file.read_text(encoding="utf-8"))}
    unknown = []
    for page in PAGES:
        if page.name == "platform-contract.md":  # the platform's own targets
            continue
        content = page.read_text(encoding="utf-8")
        code = [*_CODE.findall(_FENCE.sub("", content)), *(block.text for block in blocks("sh") if block.page == page)]
        unknown += [
            f"{page_id(page)}: make {match['target']}"
            for text in code
            for match in _MAKE.finditer(text)
            if match["target"] not in targets
        ]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_credential_and_no_path_of_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"eyJ[\w-]{20,}|sk-ant-[\w-]{8,}|(?<![\w.~/-])/(?:home|root|work|tmp|Users)/\S+", text) == []

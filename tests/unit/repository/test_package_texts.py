"""The package's texts name pages by topic, or commands: no file of a clone, no package of strangers to install."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer

from ambient_components import documentation
from ambient_components.cli import pages
from ambient_components.cli.app import VERBS, app, verb_app
from ambient_components.cli.init.project import WHEEL
from ambient_components.cli.templates import FOLDER, texts
from ambient_components.documentation import ERROR_RULES, RELEASE, REPOSITORY
from ambient_components.languages.schema import schema_json as provider_schema
from ambient_components.plan.document import schema_text as plan_schema
from ambient_components.stackfile.schema import schema_text
from tests.unit.repository.test_docs import PAGES as MARKDOWN

ROOT = Path(__file__).parents[3]
CODE = sorted((ROOT / "ambient_components").rglob("*.py"))

_CLONE = re.compile(
    r"(?<![\w./-])(?:\.\./)?(?:docs|deploy|examples|sandbox|plugin|requirements|tests|ambient_components)/[\w.-]"
    r"|\b(?:README|CHANGELOG|CONTRIBUTING|SECURITY|SUPPORT)\.md\b"
    r"|\bmake (?:-s )?(?:demo|env|setup|test|up)\b"
)
"""A file that only a clone has."""
_TOPIC = re.compile(r"ambient docs (?P<topic>\w[\w-]*)(?: (?P<section>[\w-]+))?")
_INSTALLED = re.compile(r"pip3? install (?P<what>[^\n`|]+)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def strings(path: Path) -> Iterator[str]:
    """The strings of a module but for docstrings, which are for readers of the code."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def clones(text: str) -> list[str]:
    return [match[0] for match in _CLONE.finditer(re.sub(r"https?://\S+", "", text))]


def helps() -> dict[str, str]:
    """The help text of each verb, with all it has below."""
    texts = {}
    for verb in VERBS:
        command = typer.main.get_command(verb_app(verb))
        for part in (command, *getattr(command, "commands", {}).values()):
            texts[f"{verb} {part.name}"] = part.get_help(typer.Context(part, info_name=verb))
    return texts


def schemas() -> dict[str, str]:
    return {"stack": schema_text(), "plan": plan_schema(), "plugin": provider_schema()}


def templates() -> dict[str, str]:
    return {f"{folder.name}/{path}": text for folder in FOLDER.iterdir() for path, text in texts(folder.name, {})}


PRINTED = helps() | schemas() | templates()


def test_nothing_printed_or_written_names_a_file_of_a_clone() -> None:
    messages = {
        name(path): [text for text in strings(path) if not text.startswith("ambient_components.")] for path in CODE
    }
    texts = PRINTED | {path: "\n".join(of_module) for path, of_module in messages.items()}
    assert {where: files for where, text in texts.items() if (files := clones(text))} == {}


def test_every_topic_leads_to_a_page_and_a_section() -> None:
    top = typer.main.get_command(app)
    code = [text for path in CODE for text in calls(path)] + [documentation.rule_page(rule) for rule in ERROR_RULES]
    texts = [*PRINTED.values(), top.get_help(typer.Context(top)), *code]
    named = {match.group("topic", "section") for text in texts for match in _TOPIC.finditer(text)}
    assert len(named) > len(ERROR_RULES) + 10
    for topic, section in sorted(named, key=str):
        name = pages.topics().get(topic)
        assert name, topic
        assert section is None or pages.anchor(section) in pages.sections(pages.read(name)), f"{topic} {section}"


def test_with_a_home_texts_link_to_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "HOME", "https://docs.example.com/1")
    assert documentation.rule_page("noAdmin") == "https://docs.example.com/1/reference/errors.html#noadmin"
    assert documentation.with_pages("AMBIENT_DOCS/tasks/fleet.md") == "https://docs.example.com/1/tasks/fleet.html"


def calls(path: Path) -> Iterator[str]:
    """Where a module leads with `page`."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "documentation import page" in text else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "page":
            words = [each.value for each in node.args if isinstance(each, ast.Constant)]
            yield from [documentation.page(*words)] if words else []


# No package of strangers

_PACKAGES = {"pulumi-aws", "pulumi-kubernetes"}
"""Packages of Pulumi, which users may have to name."""


def installed(text: str) -> list[str]:
    """What a text tells people to install, without the options and the files of requirements."""
    words = [word for match in _INSTALLED.finditer(text) for word in re.findall(r"'[^']*'|\S+", match["what"])]
    files = {after for before, after in pairwise(words) if before == "-r"}
    return [word.strip("'\"") for word in words if not word.startswith(("-", "#")) and word not in files]


def is_ours_or_known(word: str) -> bool:
    word = re.sub(r"^ambient-components\[\w+\] @ ", "", word)  # with an extra, from the same address
    released = word.startswith(f"{RELEASE}/{WHEEL}#sha256=")
    committed = word.startswith(f"git+{REPOSITORY}@")
    return released or committed or re.split(r"[<>=\[]", word)[0] in _PACKAGES


TEXTS = {
    **{name(path): "\n".join(strings(path)) for path in CODE},
    **templates(),
    **{name(path): re.sub(r"\s#\s.*", "", path.read_text(encoding="utf-8")) for path in MARKDOWN},
}


def test_no_text_tells_people_to_install_a_package_of_strangers() -> None:
    """The name is not registered: an index would serve what anyone uploads, to jobs with the deployer's rights."""
    told = {where: [word for word in installed(text) if not is_ours_or_known(word)] for where, text in TEXTS.items()}
    assert {where: words for where, words in told.items() if words} == {}
    assert sum(len(installed(text)) for text in TEXTS.values()) > 3

"""The words that no text of this project uses, each with its replacement.

Checked are docstrings, comments and string literals in the code, the documentation for users, and the files that users
get and edit (stacks, templates, examples). The decision records (docs/internals/adr) keep the words they were written
with.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[3]

REPLACEMENTS: Final = {
    r"(some|no|any|every)body": "name the role (the user, an admin), or leave the person out",
    r"whoever": "'anyone who', or name the role",
    r"whose": "name the thing: 'the key's workspace', 'a key that has ...'",
    r"(is|are|was|were|be) (told|said)": "an active verb: 'reports', 'shows', 'sets'",
    r"anew": "'again', or 'a new ...'",
    r"(?<!-)stands?(?!-| for)": "'is'",
    r"liv(e|es|ing) on": "'stays valid', 'remains'",
    r"as (it is|they are)(?! (now|to be)\b)": "'unchanged', or leave it out",
    r"tried": "leave it out; evidence belongs into a test",
    r"judg(e|es|ed|ing)": "'evaluate'; for a person 'decide'",
    r"lost runs?|runs? that (was|were) lost": "'interrupted run'",
    r"mend(s|ed|ing)?": "'fix', 'repair'",
    r"what the files? (ask|asks|say|says|declare|declares)": "'the declared ...'",
    r"half(-| )made": "'incomplete'",
    r"handle Secrets?|handles? of (a|the) tokens?": "'token Secret'",
    r"mark of ownership|ownership mark|our mark": "'ownership annotation'",
    r"bears? (the|this stack's|no|nobody's) marks?": "'has (no) ownership annotation', or 'ownership tag' of a bucket",
    r"lookout": "'drift warnings'",
    r"a slip": "'a mistake'",
    r"(guard )?rails?": "'guardrail'",
    r"allowances?": "'exception'",
    r"(a|the|no) notice": "'renewal window'",
    r"quiet\.py": "'sdk_tuning.py'",
    r"AMBIENT_HOLD|held( back)? workspaces?|workspaces? (that (is|are) )?held( back)?": "'excluded workspace'",
}
_GAP: Final = r"(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)"
"""The space between two words, which may be the end of a line but not of a paragraph."""
_WORDS: Final = re.compile(
    "|".join(rf"(?P<w{at}>\b(?:{word.replace(' ', _GAP)})\b)" for at, word in enumerate(REPLACEMENTS)), re.IGNORECASE
)

_FENCE: Final = re.compile(r"^ *```(?P<language>[\w-]*)")
_COMMENT: Final = re.compile(r"^[^\S\n]*#+[^\S\n]?", re.MULTILINE)
_TARGET: Final = re.compile(r"(?<=\])\([^)]*\)")

CODE: Final = sorted(
    path for folder in ("ambient_components", "sandbox", "bench", "release") for path in (ROOT / folder).rglob("*.py")
)
PAGES: Final = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "pyproject.toml",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "adr"),
    *sorted(
        path
        for folder in ("stacks", "ambient_components/templates", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".md", ".py", ".sh", ".yaml", ".yml")
    ),
]

EXEMPT: Final = {
    (
        "CHANGELOG.md",
        "- `AMBIENT_HOLD`, `AMBIENT_JUDGED_REMOVALS` are `AMBIENT_EXCLUDE`, `AMBIENT_APPROVED_REMOVALS`.",
    ): "the former names of variables, with the present ones",
    (
        "CHANGELOG.md",
        "- YAML (and the page in `docs`): `rails` is `guardrails`, `allow` is `exceptions` with `guardrail:` in each;",
    ): "the former names in YAML, with the present ones",
    ("ambient_components/stackfile/messages.py", "rails"): "a former name in YAML, answered with its present one",
    ("ambient_components/stackfile/messages.py", "rail"): "a former name in YAML, answered with its present one",
    ("ambient_components/access/guardrails.py", "whose: Description of the scope, for messages."): "a parameter's name",
}
"""Lines that keep their word, each with its reason."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each text of a file that a person reads, with its first line. A text may have several lines."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        content = prose(content)
    if path.suffix != ".py":
        yield 1, _COMMENT.sub("", content)
        return
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    last, block = 0, ""
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            if block and line > last + 1:
                yield last - block.count("\n"), block
                block = ""
            last, block = line, f"{block}\n{token.string.lstrip('# ')}" if block else token.string.lstrip("# ")
    if block:
        yield last - block.count("\n"), block


def prose(page: str) -> str:
    """Return a page with empty lines for quoted output, which is checked in the code that prints it."""
    language: str | None = None
    lines = []
    for line in page.splitlines():
        fence = _FENCE.match(line)
        if fence:
            language = fence["language"] if language is None else None
        quoted = fence or language in ("", "console", "json", "text")
        lines.append("" if quoted else _TARGET.sub("", line))
    return "\n".join(lines)


def found(path: Path) -> list[str]:
    """Return the words in a file that must be replaced."""
    replacements = list(REPLACEMENTS.values())
    name = str(path.relative_to(ROOT))
    return [
        f"{name}:{first + at}: {match[0]!r}: {replacements[int(str(match.lastgroup)[1:])]}"
        for first, text in sorted(texts(path))
        for match in _WORDS.finditer(text)
        for at in (text.count("\n", 0, match.start()),)
        if (name, text.split("\n")[at].strip()) not in EXEMPT
    ]


def test_no_text_has_a_word_that_is_to_be_replaced() -> None:
    words = [word for path in (*CODE, *PAGES) for word in found(path)]
    assert not words, "\n".join(words)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The engine reports the workspaces.", 0),
        ("Nobody is told whose key it is.", 3),
        ("A stand-in. `*` stands for the item; nothing stands between them.", 1),
        ("Standing order, mendicant, estranged.", 0),
        ("A lost run is judged anew, as it is.", 4),
        ("Two runs that were lost. The bucket bears no mark; it bears a mark.", 2),
        ("A notice of 7d. What the engine is\ntold stays as\n  they are.", 3),
        ("What the engine is\n\ntold: said in two paragraphs.", 0),
        ("Held workspaces. The store that is held answers.", 1),
    ],
)
def test_words_are_found_in_prose_comments_and_strings(tmp_path: Path, text: str, count: int) -> None:
    comment = "".join(f"# {line}\n" for line in text.splitlines())
    for name, content in (
        ("page.md", text),
        ("docstring.py", f'"""{text}"""\n'),
        ("comment.py", f"x = 1\n{comment}"),
        ("comment.yaml", comment),
    ):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert len([match for _, line in texts(path) for match in _WORDS.finditer(line)]) == count, name


def test_quoted_output_and_targets_of_links_are_left_out() -> None:
    page = "[nobody](somebody.md)\n```console\n$ nobody\n```\n```sh\nmake up  # anew\n```\nwhoever\n"
    assert [line for line in prose(page).splitlines() if line] == ["[nobody]", "make up  # anew", "whoever"]

"""Files that nobody would write: whatever a stack file holds, the answer is in order, in place and without secrets.

A failure here prints the file. Put it into tests/broken, and mend the code.
"""

import contextlib
import copy
import io
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ambient_components.cli.app import run
from ambient_components.cli.show import command as show_command
from ambient_components.cli.show.entry import effective
from ambient_components.cli.validate.command import as_github, as_json, as_text
from ambient_components.cli.validate.validation import validate_stacks
from ambient_components.model.stack import Workspace
from ambient_components.rules.secret_patterns import CREDENTIAL_PREFIXES
from ambient_components.stackfile.loader import Review, review_stack
from tests.support.json_schema import faults
from tests.support.quick import examples
from tests.support.stack_strategies import (
    ALONE,
    ANY,
    FIELDS,
    SCHEMA,
    SHARED,
    at,
    layered,
    mutated,
    places,
    renamed,
    written,
)

HIDDEN_MARK = "hunter2"
"""In every planted secret. A word like any other: only its place tells that it is one."""

SHAPED = [f"{prefix}{HIDDEN_MARK.upper()}hunter2hunter2" for prefix in CREDENTIAL_PREFIXES]
"""Secrets that are known by their beginning: wherever they stand, they are not quoted."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def fuzz(number: int) -> settings:
    return examples(number, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


# What holds for every file


@contextlib.contextmanager
def stack_of(files: dict[str, str | bytes]) -> Iterator[Path]:
    """Write files into a folder of their own; the stack is s.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "stacks")  # what is beside it is ours, too
        home.mkdir()
        with contextlib.chdir(home):
            yield _write(files)


def _write(files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Path("s.yaml")


def examine(files: dict[str, str | bytes]) -> tuple[Review, str, str]:
    """Read a stack as the commands do, and check all that is said of it.

    Returns:
        The review, and what `ambient validate` and `ambient show` print.
    """
    with stack_of(files) as path:
        review = review_stack(path)
        check_places(review)
        result = validate_stacks([str(path)])
        reported = {"text": as_text(result), "json": as_json(result, ok=True), "github": as_github(result)}
        # One form by way of the command itself; which one depends on the files alone.
        form = sorted(reported)[len(path.read_bytes()) % len(reported)]
        reported[form] = validated(path, form)
    text, github = reported["text"], reported["github"]
    problems = json.loads(reported["json"])["problems"]
    sentences = [line for line in text.splitlines() if not line.startswith("  hint: ")]
    assert len(sentences) == len(github.splitlines()) == len(problems) == len(result.problems)
    # The command adds warnings of guardrails and dates to what the reader finds.
    plain = [replace(one, acknowledged=None) for one in result.problems]
    assert [one for one in plain if one in review.problems] == [*review.problems]
    assert all(one.warning for one in plain if one not in review.problems)
    assert (review.stack is None) == any(not problem.warning for problem in review.problems)
    return review, "\n".join(reported.values()), "\n".join(shown(review))


def validated(path: Path, form: str) -> str:
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = run(["validate", "--format", form, str(path)])
    assert code in (0, 1)
    assert "Traceback" not in out.getvalue() + errors.getvalue()
    return out.getvalue()


def shown(review: Review) -> Iterator[str]:
    """What `ambient show` prints of each workspace."""
    if review.stack is None:
        return
    for name in review.stack.file.workspaces:
        values = effective(review.stack, name)
        yield show_command.as_text("w", values, review.stack.origin(("workspaces", name)))
        yield show_command.as_json("s", "w", values)


def check_places(review: Review) -> None:
    for problem in review.problems:
        where = problem.where
        assert where is not None
        assert where.file in review.files
        assert problem.problem
        if not where.line:
            continue  # the file as a whole
        lines = _BREAK.split(Path(where.file).read_bytes().decode("utf-8-sig", errors="replace"))
        assert 1 <= where.line <= len(lines), problem
        assert 1 <= where.column <= len(lines[where.line - 1]) + 1, problem


# Any text and any bytes

YAMLISH = st.text(st.sampled_from("ab1 :-,{}[]'\"\t\n\r#&*!|>%@`?~<.\\é\u2028\x85\ufeff\x00😀"), max_size=60)
LINES = st.lists(
    st.sampled_from(
        [
            "workspaces:",
            "  pay:",
            "    grants:",
            "      - {user: bob}",
            "    secrets:",
            "- x",
            "\t",
            "...",
            "---",
            "a: b: c",
        ]
    )
    | YAMLISH,
    max_size=8,
).map("\n".join)


@fuzz(300)
@given(st.text(max_size=80) | YAMLISH | LINES)
def test_any_text(text: str) -> None:
    assume(not any(0xD800 <= ord(char) < 0xE000 for char in text))
    examine({"s.yaml": text})


@fuzz(150)
@given(st.binary(max_size=60) | YAMLISH.map(lambda text: text.encode("utf-16")) | YAMLISH.map(str.encode))
def test_any_bytes(content: bytes) -> None:
    examine({"s.yaml": content})


# Any data

SECTIONS = st.dictionaries(st.sampled_from(["workspaces", "defaults", "templates", "include", "other"]), ANY)


@fuzz(300)
@given(
    SECTIONS | st.builds(lambda entry: {"workspaces": {"pay": entry}}, st.dictionaries(st.sampled_from(FIELDS), ANY))
)
def test_any_data(data: dict[str, Any]) -> None:
    examine({"s.yaml": yaml.safe_dump(data, allow_unicode=True)})


# Whole stacks that are valid


@fuzz(150)
@given(ALONE | layered(), st.booleans())
def test_valid_stacks_are_valid_for_us_and_for_the_schema(data: dict[str, Any], block: bool) -> None:
    review, *_ = examine({"s.yaml": written(data, block=block)})
    assert [problem for problem in review.problems if not problem.warning] == []
    assert review.stack is not None
    assert list(review.stack.file.workspaces) == list(data["workspaces"])
    assert faults(data, SCHEMA, SCHEMA) == []


# What slips of the hand and of the editor make of them


@fuzz(250)
@given(mutated(ALONE))
def test_what_the_schema_refuses_we_refuse(data: dict[str, Any]) -> None:
    review, *_ = examine({"s.yaml": written(data)})
    assert review.stack is None or faults(data, SCHEMA, SCHEMA) == []


@fuzz(200)
@given(mutated(layered()))
def test_slips_in_layers_are_reported_at_their_place(data: dict[str, Any]) -> None:
    examine({"s.yaml": written(data)})


@st.composite
def mistyped(draw: st.DrawFn) -> str:
    """The text of a valid stack after one to three slips of the editor."""
    lines = written(draw(layered()), block=draw(st.booleans())).split("\n")
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        line = lines[index]
        column = draw(st.integers(0, len(line)))
        match draw(st.sampled_from(["delete", "repeat", "insert", "cut", "shift"])):
            case "delete" if len(lines) > 1:
                del lines[index]
            case "repeat":
                lines.insert(index, line)
            case "insert":
                lines[index] = line[:column] + draw(st.sampled_from(list(" :-,{}[]'\"\t#&*!|>%@`?"))) + line[column:]
            case "cut":
                lines[index] = line[:column] + line[column + 1 :]
            case "shift":
                lines[index] = f" {line}" if draw(st.booleans()) else line.removeprefix(" ")
    return "\n".join(lines)


@fuzz(250)
@given(mistyped())
def test_slips_in_text(text: str) -> None:
    examine({"s.yaml": text})


# Secrets in wrong places


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, bool]:
    """A stack with a secret in a place where somebody could take it for right.

    The flag tells whether `ambient show` must hide it too: it shows what variables are called, and references.
    """
    data = copy.deepcopy(draw(layered()))
    entries = [data["defaults"], *data["templates"].values(), *data["workspaces"].values()]
    word = draw(st.sampled_from([f"{HIDDEN_MARK}zz", "HUNTER2HUNTER2", "hunter2 hunter2!", "*hunter2", "Hunter2\nx"]))
    wrongly = draw(st.sampled_from([word, {word: word}, [word], {"config": [word]}, {word: {"config": "x"}}]))
    entry = draw(st.sampled_from(entries))
    kinds = ["section", "value", "source", "key", "mcp", "bucket", "misspelled", "top", "shaped", "shaped name"]
    kind = draw(st.sampled_from(kinds))
    match kind:
        case "section":
            entry["secrets"] = wrongly
        case "value":
            entry["secrets"] = {draw(st.sampled_from(["runner", "integrations", "onDrift"])): wrongly}
        case "source":
            field = draw(st.sampled_from(["value", "secret", "x"]))
            entry["secrets"] = {"integrations": {"A_TOKEN": {field: wrongly}}}
        case "key":
            entry["secrets"] = {"integrations": {word: draw(st.sampled_from([{"value": 5}, {"confg": 1}, {}, None]))}}
        case "mcp":
            field = draw(st.sampled_from(["url", "headers", "args", "env"]))
            server = {"url": "https://x.org", field: wrongly}
            entry["settings"] = {"mcpServers": {"custom": {"search": server}}}
        case "bucket":
            assume(data["workspaces"])
            field = draw(st.sampled_from(["accessKey", "secretKey", "secretkey", "x"]))
            bucket = {"name": "of-sessions", "driver": "existing", field: wrongly}
            storage = draw(st.sampled_from([{"bucket": bucket}, {"bucket": wrongly}, {"x": wrongly}, wrongly]))
            draw(st.sampled_from(sorted(data["workspaces"].items())))[1]["storage"] = storage
        case "misspelled":
            entry[draw(st.sampled_from(["secert", "credentials", "runner"]))] = wrongly
        case "top":
            data[draw(st.sampled_from(["secrets", "x"]))] = wrongly
        case "shaped":
            spots = [spot for spot in places(data) if not isinstance(at(data, spot), dict | list)]
            assume(spots)
            *parents, last = draw(st.sampled_from(spots))
            at(data, tuple(parents))[last] = draw(st.sampled_from(SHAPED))
        case _:
            spots = [spot for spot in places(data) if isinstance(spot[-1], str)]
            *parents, last = draw(st.sampled_from(spots))
            renamed(at(data, tuple(parents)), last, draw(st.sampled_from(SHAPED)))
    return written(data, block=draw(st.booleans())), kind in ("source", "shaped", "shaped name")


@fuzz(300)
@given(planted(), st.data(), st.sampled_from(["", "\t", '"', "'", "[", ": x: ", "}"]))
def test_no_secret_is_ever_said(stack: tuple[str, bool], data: st.DataObject, damage: str) -> None:
    text, hidden_in_show = stack
    _, reported, displayed = examine({"s.yaml": text})
    assert HIDDEN_MARK not in reported.lower()
    assert not hidden_in_show or HIDDEN_MARK not in displayed.lower()
    # A slip before the secret must not make it a name that is quoted: only the parser's own errors are left.
    cut = data.draw(st.integers(0, len(text)))
    review, reported, _ = examine({"s.yaml": text[:cut] + damage + text[cut:]})
    if len(review.problems) == 1 and review.problems[0].problem.startswith("not YAML"):
        assert HIDDEN_MARK not in reported.lower()


# Trees of files


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str | bytes]:
    """Files that include each other, themselves, and what isn't there."""
    names = ["s.yaml", "a.yaml", "t/b.yaml", "t/c.yaml", "u/d.yaml"][: draw(st.integers(1, 5))]
    patterns = [*names, "*.yaml", "t/*.yaml", "**/*.yaml", "../s.yaml", "../*/*.yaml", "none.yaml", "t", "", "/x", "["]
    files: dict[str, str | bytes] = {}
    for name in names:
        data = draw(ALONE | layered() | mutated(layered()) | st.just({}))
        included = draw(st.lists(st.sampled_from(patterns), max_size=3) | st.just("x") | st.just([5]))
        text = written({"include": included, **data})
        files[name] = draw(st.sampled_from([text, text, text, text[:-3], "", "- x\n"]))
    return files


@fuzz(80)
@given(trees())
def test_files_that_include_each_other(files: dict[str, str | bytes]) -> None:
    review, *_ = examine(files)
    # A pattern may lead out of the folder and into it again; each file is read once all the same.
    read = [str(Path(path.removeprefix("../stacks/"))) for path in review.files]
    assert set(read) <= set(files)
    assert len(read) == len(set(read))


def test_the_strategies_know_every_field_of_a_workspace() -> None:
    known = {field.alias or name for name, field in Workspace.model_fields.items()}
    assert {
        *SHARED,
        "displayName",
        "description",
        "keys",
        "state",
        "adopt",
        "template",
        "storage",
        "schedules",
        "exceptions",
        "acknowledge",
        "shard",
    } == known

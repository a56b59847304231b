"""No decision depends on the words of a message: with all of them reworded, everything comes to the same.

Whole runs are in tests/engine/test_rewording.py.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import ambient_components
from ambient_components.access import GuardrailSettings
from ambient_components.engine.steps import Diagnostic
from ambient_components.errors import Problem, refusal
from ambient_components.fleet.run import of_all
from ambient_components.fleet.run_events import Reported
from ambient_components.fleet.summary import exit_code
from ambient_components.output import REFUSED
from ambient_components.plan import Digest
from ambient_components.problem_json import MINT, encode
from ambient_components.shards import excluded
from tests.support.fake_pulumi import diagnostic, urn
from tests.support.ledgers import refused
from tests.unit.shards.test_excluded import ALONE, STRICT, entry, ledger_of

PACKAGE = Path(ambient_components.__file__).parent
LEDGER = "ambient:index:AccessLedger"


def same(problem: Problem) -> Problem:
    return problem


def reworded(problem: Problem) -> Problem:
    """As a translation would have it: no word stays."""
    return replace(
        problem, problem=problem.problem.swapcase()[::-1], hints=tuple(hint.swapcase()[::-1] for hint in problem.hints)
    )


WORDS = pytest.mark.parametrize("words", [same, reworded])


def events(problems: list[Problem]) -> Reported:
    """What a run knows of a shard that was refused."""
    reported = Reported()
    for one in problems:
        text = f"{LEDGER} resource 'access' has a problem: {encode(one)}\n"
        reported.take(json.dumps(diagnostic("error", text, urn(LEDGER, "access"))))
    return reported


@WORDS
@pytest.mark.parametrize("case", ALONE)
def test_the_same_workspace_is_excluded(words, case) -> None:
    before, after = (ledger_of(one, other=entry()) for one in ALONE[case])
    problems = [words(one) for one in refused(before, after, STRICT)]
    reported = events(problems)
    found = excluded.reasons(one.problem for one in reported.failures)
    assert found == {"pay-1": tuple(dict.fromkeys(problems))}
    assert excluded.others(problems, ["pay-1"]) == []
    assert excluded.others(problems, ["other"]) == problems
    assert {one.workspace for one in reported.failures} == {"pay-1"}


@WORDS
def test_the_same_stops_a_fleet(words) -> None:
    alone, whole = (
        [words(one) for one in refused(*ledgers, GuardrailSettings())]
        for ledgers in (
            (ledger_of(entry()), ledger_of(entry(owners=[]))),
            ({f"w{number}": entry("closed") for number in range(9)}, {}),
        )
    )
    assert of_all(alone, []) == []
    assert of_all([*alone, *whole], []) == whole
    assert excluded.reasons(whole) is None


class Job:
    """What the exit code depends on."""

    phase = None

    def __init__(self, problems: list[Problem], excluded: dict[str, tuple[Problem, ...]]) -> None:
        self.reported, self.excluded = events(problems), excluded


@WORDS
def test_the_exit_code_is_the_same(words) -> None:
    (guardrail,) = [words(one) for one in refused(ledger_of(entry()), ledger_of(entry(owners=[])))]
    missing = words(refusal("the environment variable 'X' is not set", workspaces=("pay-1",)))
    foreign = words(refusal("namespace 'x' exists", rule="ownership", workspaces=("x",)))
    assert exit_code([Job([guardrail], {})], interrupted=False) == REFUSED  # type: ignore[list-item]
    assert exit_code([Job([], {"x": (foreign,)})], interrupted=False) == REFUSED  # type: ignore[list-item]
    assert exit_code([Job([missing], {"pay-1": (missing,)})], interrupted=False) != REFUSED  # type: ignore[list-item]
    assert exit_code([Job([foreign], {})], interrupted=False) != REFUSED  # type: ignore[list-item]


@WORDS
def test_a_plan_has_the_reason_of_a_note(words) -> None:
    note = words(Problem(None, "a new token would be minted", "the token expires", ("soon",), MINT))
    where = urn("ambient:index:AccessToken", "pay/key/ci/g1")
    digest = Digest((), (Diagnostic("info", encode(note), where),))
    assert digest.reasons() == {where: note.problem}
    assert digest.problems("info") == (note,)


# And in the source.

OF_OTHERS = {
    # Texts of MinIO, which gives no other data.
    "provider/store/minio_errors.py",
}
TEXTS = {"str(error)", "str(problem)", "error.problem", "problem.problem", "one.problem", "one.text"}
SEARCHES = {"partition", "rpartition", "split", "replace", "startswith", "endswith", "removeprefix", "removesuffix"}


def decisions(tree: ast.AST) -> Iterator[ast.AST]:
    """Where the text of an error is split, searched, replaced or compared, or read as if Pulumi had said it."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if (
                attr in SEARCHES and ast.unparse(value) in TEXTS
            ):
                yield node
            case ast.Call(func=ast.Attribute(value=ast.Name("texts" | "re")), args=args) if any(
                ast.unparse(one) in TEXTS for one in args
            ):
                yield node
            case ast.Compare(left=left, comparators=[right]) if {ast.unparse(left), ast.unparse(right)} & TEXTS:
                yield node


def test_no_source_decides_by_the_text_of_an_error() -> None:
    sources = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    found = {
        name: [ast.unparse(node) for node in decisions(ast.parse(path.read_text()))]
        for name, path in sources.items()
        if name not in OF_OTHERS
    }
    assert len(found) > 100
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "code",
    [
        'str(error).partition("; ")',
        '"x" in str(error)',
        'one.problem.replace("a", "b")',
        'str(error) == "x"',
        'one.problem.startswith("x")',
        "texts.is_canceled(problem.problem)",
        're.search("x", str(error))',
    ],
)
def test_what_decides_by_text_is_found(code) -> None:
    assert [*decisions(ast.parse(code))]

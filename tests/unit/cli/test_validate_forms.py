"""`ambient validate`: how problems are written."""

import json

import pytest

from ambient_components.cli.validate.command import as_github, as_json, as_text, summary
from ambient_components.errors import Problem, Where
from tests.support.validated import WARNING, result

ERROR = Problem(
    Where("stacks/a.yaml", 5, 28), "workspaces.pay.grants[0].role", "'admni' is not a role", ("allowed: view",)
)
FILE = Problem(Where("c.yaml"), "", "can't be read: 100%, or less", ("mend\nit",))
NOWHERE = Problem(None, "", "is wrong")


class TestForms:
    @pytest.mark.parametrize(
        ("problem", "line"),
        [
            (
                ERROR,
                "stacks/a.yaml:5:28: error: workspaces.pay.grants[0].role: 'admni' is not a role\n"
                "  hint: allowed: view",
            ),
            (WARNING, "stacks/b.yaml:2:1: warning: defaults: is odd"),
            (FILE, "c.yaml:1:1: error: can't be read: 100%, or less\n  hint: mend\\nit"),
            (NOWHERE, "error: is wrong"),
        ],
    )
    def test_text(self, problem: Problem, line: str) -> None:
        assert as_text(result(problem)) == line

    def test_what_is_painted(self) -> None:
        def paint(text: str, look: str) -> str:
            return f"<{look} {text}>"

        assert as_text(result(ERROR, WARNING), paint).splitlines() == [
            "<bold stacks/a.yaml:5:28>: <loud error:> workspaces.pay.grants[0].role: 'admni' is not a role",
            "  hint: allowed: view",
            "<bold stacks/b.yaml:2:1>: <bold warning:> defaults: is odd",
        ]

    @pytest.mark.parametrize(
        ("problem", "line"),
        [
            (
                ERROR,
                "::error file=stacks/a.yaml,line=5,col=28,title=ambient error::stacks/a.yaml:5:28: "
                "workspaces.pay.grants[0].role: 'admni' is not a role%0Ahint: allowed: view",
            ),
            (
                WARNING,
                "::warning file=stacks/b.yaml,line=2,col=1,title=ambient warning::stacks/b.yaml:2:1: defaults: is odd",
            ),
            (
                FILE,
                "::error file=c.yaml,line=1,col=1,title=ambient error::"
                "c.yaml:1:1: can't be read: 100%25, or less%0Ahint: mend\\nit",
            ),
            (NOWHERE, "::error title=ambient error::is wrong"),
            (
                Problem(Where("a,b:c%.yaml", 1, 1), "", "x"),
                "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=ambient error::a,b:c%25.yaml:1:1: x",
            ),
        ],
    )
    def test_github(self, problem: Problem, line: str) -> None:
        assert as_github(result(problem)) == line

    def test_json(self) -> None:
        reported = json.loads(as_json(result(ERROR, FILE, NOWHERE, WARNING), ok=False))
        fields = ("severity", "file", "line", "column", "path", "problem", "hints")
        assert [tuple(problem[name] for name in fields) for problem in reported["problems"]] == [
            ("error", "stacks/a.yaml", 5, 28, ERROR.path, "'admni' is not a role", ["allowed: view"]),
            ("error", "c.yaml", None, None, "", "can't be read: 100%, or less", ["mend\\nit"]),
            ("error", None, None, None, "", "is wrong", []),
            ("warning", "stacks/b.yaml", 2, 1, "defaults", "is odd", []),
        ]
        assert all(problem.keys() == {*fields, "rule", "workspaces", "docs"} for problem in reported["problems"])
        counts = {"errors": 3, "warnings": 1, "acknowledged": 0, "workspaces": 3, "files": 2}
        assert reported["summary"] == {"ok": False, **counts}

    @pytest.mark.parametrize(
        ("problems", "strict", "line"),
        [
            ((), False, "OK: 3 workspaces in 2 files"),
            ((WARNING,), False, "OK with 1 warning: 3 workspaces in 2 files"),
            ((WARNING,), True, "1 warning in 2 files, and --strict refuses them"),
            ((ERROR, FILE, WARNING), False, "2 errors, 1 warning in 2 files"),
            ((ERROR,), True, "1 error in 2 files"),
        ],
    )
    def test_summary(self, problems: tuple[Problem, ...], strict: bool, line: str) -> None:
        assert summary(result(*problems), strict=strict) == line

"""`ambient validate`: which files, what is found, and what the exit code says."""

from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.validate.validation import validate_files, validate_stacks
from tests.support.validated import CONFIG, WARNING, Write, result

GOOD = "workspaces: {pay: {}, lab: {}}\n"
BAD = "workspaces:\n  pay: {protect: 1, rubbish: 2}\n"


class TestCommand:
    def test_findings_go_to_standard_output(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__prod=BAD)
        assert run(["validate"]) == 1
        shown = capsys.readouterr()
        assert [line.partition(" is ")[0] for line in shown.out.splitlines() if "hint: " not in line] == [
            "stacks/prod.yaml:2:18: error: workspaces.pay.protect:",
            "stacks/prod.yaml:2:21: error: workspaces.pay.rubbish: 'rubbish'",
        ]
        assert shown.err == "2 errors in 1 file\n"

    def test_places_are_named_from_here(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(stacks__prod=BAD, docs__x="")
        monkeypatch.chdir("docs")
        assert run(["validate"]) == 1
        assert capsys.readouterr().out.startswith("../stacks/prod.yaml:2:18: error: ")

    def test_a_stack_stands_for_its_file(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__prod=GOOD)
        assert run(["validate", "prod", "stacks/prod.yaml"]) == 0
        assert run(["validate", "prd"]) == 1
        assert "did you mean 'prod'?" in capsys.readouterr().err

    def test_files_need_no_project(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("a.yaml").write_text(GOOD)
        assert run(["validate", "a.yaml", "a.yaml"]) == 0
        assert run(["validate", "a.yaml", "none.yaml"]) == 1
        assert capsys.readouterr().out == (
            "none.yaml:1:1: error: can't be read: No such file or directory\n  hint: name a readable file\n"
        )

    @pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--strict"], 1)])
    def test_warnings(self, write: Write, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int) -> None:
        write(stacks__prod=GOOD)
        monkeypatch.setattr("ambient_components.cli.validate.command.validate_stacks", lambda _: result(WARNING))
        assert run(["validate", *arguments]) == code

    def test_a_project_without_stacks(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        write(stacks__Pulumi="config: {}\n")
        assert run(["validate"]) == 1
        assert capsys.readouterr().err == (
            "ambient: this project has no stack files\n"
            "  hint: `ambient init dev` makes the first one, stacks/dev.yaml\n"
        )


class TestWhichFiles:
    def found(self) -> set[str]:
        paths = sorted(str(path) for path in Path("stacks").glob("*.yaml"))
        return {problem.where.file for problem in validate_stacks(paths).problems if problem.where}

    def test_an_included_file_is_checked_with_the_stack_alone(self, write: Write) -> None:
        # By itself it has no such template.
        write(stacks__a="include: [part.yaml]\ntemplates: {t: {}}\n", stacks__part="workspaces: {pay: {template: t}}\n")
        assert self.found() == set()

    def test_files_that_include_each_other_count_once(self, write: Write) -> None:
        write(
            stacks__a="include: [{path: b.yaml, sections: [include]}]\nworkspaces: {aa: {template: t}}\n",
            stacks__b="include: [{path: a.yaml, sections: [include]}]\n",
        )
        assert self.found() == {"stacks/a.yaml"}

    def test_a_shared_file_is_reported_once(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        stack = "include: [{path: ../shared.yaml, sections: [templates, defaults]}]\nworkspaces: {pay: {}}\n"
        write(stacks__a=stack, stacks__b=stack, shared="defaults: {protect: 1}\n")
        assert run(["validate"]) == 1
        assert capsys.readouterr() == (
            "shared.yaml:1:21: error: defaults.protect: is a number\n  hint: allowed: true or false\n",
            "1 error in 3 files\n",
        )


def test_a_file_of_stacks_is_valid_with_the_files_of_its_stacks(write: Write) -> None:
    write(Pulumi=CONFIG, **{"stacks__prod": "stacks: [org/prod-eu, both]\n", "stacks__prod-eu": GOOD})
    assert [str(problem) for problem in validate_stacks(["stacks/prod.yaml"]).problems] == [
        "stacks/prod.yaml:1:23: stacks[1]: there is no stacks/both.yaml; name stacks that have a file of their own: "
        "shards have none"
    ]
    write(Pulumi=CONFIG, stacks__both=GOOD)
    assert validate_stacks(["stacks/prod.yaml", "stacks/both.yaml"]).problems == ()


def test_a_file_of_stacks_names_no_other_one(write: Write) -> None:
    write(stacks__a="stacks: [b]\n", stacks__b="stacks: [c]\n", stacks__c=GOOD, stacks__d="stacks: [d]\n")
    problems = [str(problem) for problem in validate_files([f"stacks/{name}.yaml" for name in "abcd"]).problems]
    remedy = "one level is all there is: name those stacks here"
    assert problems == [
        f"stacks/a.yaml:1:10: stacks[0]: stacks/b.yaml names stacks itself; {remedy}",
        f"stacks/d.yaml:1:10: stacks[0]: stacks/d.yaml names stacks itself; {remedy}",
    ]

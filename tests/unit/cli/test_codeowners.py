"""`ambient codeowners`: the lines, the names on the forge, and which files belong to one team."""

import pytest

from ambient_components.cli.app import run as ambient
from ambient_components.cli.codeowners import as_codeowners
from tests.support.projects import write_project

COMMON = "defaults: {reviewers: [group:platform]}\ntemplates: {guarded: {protect: true}}\n"
SHARED = "{path: ../common.yaml, sections: [defaults, templates, timezone]}"
PROD = f"include: [{SHARED}, ../teams/*.yaml]\nworkspaces: {{own: {{}}}}\n"
TEAM = "workspaces:\n  pay: {reviewers: [group:leads], template: guarded, grants: [{user: bob}]}\n"
ENTIRE = {"common.yaml": COMMON, "stacks/prod.yaml": PROD, "teams/pay.yaml": TEAM}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    folder = tmp_path / "clone"
    (folder / ".git").mkdir(parents=True)
    write_project(folder, ENTIRE)
    monkeypatch.chdir(folder)
    return folder


def codeowners(capsys, *arguments):
    """Exit code, standard output and standard error."""
    code = ambient(["codeowners", *arguments])
    return code, *capsys.readouterr()


def owned(files, **handles):
    return as_codeowners(files, {key.replace("_", ":"): value for key, value in handles.items()}).splitlines()[4:]


def test_lines_and_comments():
    assert owned(
        {
            "teams/pay.yaml": {("group:leads", "user:alice@example.com", "user:bob")},
            "teams/both.yaml": {("group:a",), ("group:b", "user:c")},
            "teams/nobody.yaml": {()},
            "teams/half.yaml": {(), ("group:a",)},
            "teams/a b.yaml": {("group:a",)},
        }
    ) == [
        "",
        "/teams/pay.yaml @leads alice@example.com @bob",
        "",
        "# teams/a b.yaml: group:a; a name that CODEOWNERS can't hold",
        "# teams/both.yaml: its parts have different reviewers: group:a; group:b or user:c",
        "# teams/half.yaml: its parts have different reviewers: group:a; some have none",
        "# teams/nobody.yaml: no reviewer is named",
    ]


def test_handles(repository, capsys):
    assert owned({"a.yaml": {("group:leads",)}}, group_leads="@org/pay-leads") == ["", "/a.yaml @org/pay-leads"]
    write_project(repository, {"teams/pay.yaml": TEAM.replace("group:leads", "'group:the leads'")})
    code, _, err = codeowners(capsys)
    assert (code, err) == (
        1,
        "ambient: '@the leads' can't be an owner in CODEOWNERS\n"
        "  hint: name group:the leads as the forge does: --handle "
        "'group:the leads=@ORG/TEAM'\n",
    )
    code, out, _ = codeowners(capsys, "--handle", "group:the leads=@org/x")
    assert (code, out.splitlines()[-1]) == (0, "/teams/pay.yaml @org/x")


@pytest.mark.parametrize("handle", ["leads=@x", "group:leads"])
def test_a_handle_without_a_subject_or_a_name_is_wrong_usage(repository, capsys, handle):
    code, _, err = codeowners(capsys, "--handle", handle)
    assert code == 64
    assert "is not of the form SUBJECT=@NAME" in " ".join(err.split())


def test_a_file_belongs_to_a_team_only_as_a_whole(repository, capsys):
    bundle = {"teams/pay.yaml": TEAM.replace("template: guarded", "settings: {caBundle: {file: ca.pem}}")}
    mixed = "timezone: UTC\nworkspaces: {mm: {reviewers: [group:m]}}\n"
    # What it may hold counts, and not only what it holds yet: its team could add defaults for every workspace.
    granted = (
        "include: [{path: teams/granted.yaml, sections: [defaults]}, {path: teams/mixed.yaml, sections: [timezone]}, "
    )
    prod = PROD.replace("include: [", granted.replace("teams/", "../teams/"))
    grown = "workspaces: {gg: {reviewers: [group:g]}}\n"
    files = {**bundle, "teams/mixed.yaml": mixed, "teams/granted.yaml": grown, "stacks/prod.yaml": prod}
    write_project(repository, files)
    lines = codeowners(capsys)[1].splitlines()
    assert lines[5:] == [
        "/common.yaml @platform",
        "/stacks/prod.yaml @platform",
        "/teams/ca.pem @leads",
        "/teams/pay.yaml @leads",
        "",
        "# teams/granted.yaml: its parts have different reviewers: group:g; group:platform",
        "# teams/mixed.yaml: its parts have different reviewers: group:m; group:platform",
    ]


def test_paths_begin_at_the_top_of_the_repository(tmp_path, capsys, monkeypatch):
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")  # as in a linked working tree
    write_project(tmp_path / "infra/ambient", ENTIRE)
    monkeypatch.chdir(tmp_path / "infra/ambient/stacks")
    code, out, _ = codeowners(capsys)
    assert (code, out.splitlines()[5:]) == (
        0,
        [
            "/infra/ambient/common.yaml @platform",
            "/infra/ambient/stacks/prod.yaml @platform",
            "/infra/ambient/teams/pay.yaml @leads",
        ],
    )


def test_stacks(repository, capsys):
    part = "workspaces: {pp: {reviewers: [group:p]}}\n"
    prod = PROD.replace("include: [", "include: [part.yaml, ")
    dev = "workspaces: {lab: {reviewers: [group:lab]}}\n"
    files = {"stacks/part.yaml": part, "stacks/prod.yaml": prod, "stacks/dev.yaml": dev}
    write_project(repository, {**files, "stacks/Pulumi.dev.yaml": "config: {}\n"})
    assert codeowners(capsys, "dev")[1].splitlines()[5:] == ["/stacks/dev.yaml @lab"]
    assert codeowners(capsys)[1].splitlines()[5:] == [
        "/common.yaml @platform",
        "/stacks/dev.yaml @lab",
        "/stacks/part.yaml @p",
        "/stacks/prod.yaml @platform",
        "/teams/pay.yaml @leads",
    ]
    assert codeowners(capsys, "none")[0] == 1


def test_invalid_files_are_reported(repository, capsys):
    write_project(repository, {"teams/pay.yaml": TEAM.replace("grants", "grnts")})
    code, out, err = codeowners(capsys)
    assert (code, out) == (1, "")
    assert "teams/pay.yaml:2:" in err


def test_no_repository(tmp_path, monkeypatch, capsys):
    write_project(tmp_path, ENTIRE)
    monkeypatch.chdir(tmp_path)
    code, _, err = codeowners(capsys)
    assert (code, "is in no Git repository" in err) == (1, True)

"""`ambient reviewers`, on real Git repositories: revisions, the working tree, CODEOWNERS."""

import json
import os
import subprocess

import pytest

from ambient_components.cli.app import run as ambient
from ambient_components.cli.reviewers.codeowners import as_codeowners

PROJECT = "name: p\nruntime: python\nstackConfigDir: stacks\n"
COMMON = "defaults: {reviewers: [group:platform]}\ntemplates: {guarded: {protect: true}}\n"
SHARED = "{path: ../common.yaml, sections: [defaults, templates, timezone]}"
PROD = f"include: [{SHARED}, ../teams/*.yaml]\nworkspaces: {{own: {{}}}}\n"
TEAM = "workspaces:\n  pay: {reviewers: [group:leads], template: guarded, grants: [{user: bob}]}\n"
ENTIRE = {"Pulumi.yaml": PROJECT, "common.yaml": COMMON, "stacks/prod.yaml": PROD, "teams/pay.yaml": TEAM}


class Repository:
    """A clone that somebody works in."""

    def __init__(self, folder):
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        who = [item for pair in ("user.name=a", "user.email=a@b.c") for item in ("-c", pair)]
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True)

    def write(self, files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files=(), gone=()):
        self.write(dict(files))
        for name in gone:
            (self.folder / name).unlink()
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    clone = tmp_path / "clone"
    clone.mkdir()
    made = Repository(clone)
    made.commit(ENTIRE)
    monkeypatch.chdir(clone)
    return made


def reviewers(capsys, *arguments):
    """Exit code, standard output and standard error."""
    code = ambient(["reviewers", *arguments])
    return code, *capsys.readouterr()


def touched(capsys, *arguments):
    """Exit code, and what is touched as NAME HOW: ONE_OF."""
    code, out, _ = reviewers(capsys, *arguments, "--format", "json")
    items = json.loads(out)["touched"]
    return code, [
        f"{item['stack']}/{item['workspace'] or '*'} {item['how']}: "
        + " + ".join("|".join(need["oneOf"]) for need in item["needs"])
        for item in items
    ]


def test_two_revisions(repository, capsys):
    repository.commit({"teams/pay.yaml": TEAM.replace("user: bob", "user: eve")})
    repository.commit({"teams/pay.yaml": TEAM, "teams/x.yaml": "workspaces: {xx: {}}\n"})
    assert touched(capsys, "--change", "HEAD~2", "HEAD~1") == (0, ["prod/pay changed: group:leads"])
    assert touched(capsys, "--change", "HEAD~2", "HEAD") == (0, ["prod/xx new: group:platform"])
    assert reviewers(capsys, "--change", "main", "HEAD") == (0, "This change touches no workspace.\n", "")


def test_the_files_as_they_lie_here(repository, capsys):
    repository.write({"common.yaml": COMMON.replace("protect: true", "protect: false")})
    assert reviewers(capsys, "--change", "HEAD", ".") == (
        0,
        "prod\n  pay  changed: protect  group:leads\n\napprovals, one of each line:\n  group:leads\n",
        "",
    )
    # A file that Git doesn't know is one that the next run reads.
    repository.write({"common.yaml": COMMON, "teams/new.yaml": "workspaces: {xx: {}}\n"})
    assert touched(capsys, "--change", "HEAD", ".") == (0, ["prod/xx new: group:platform"])


def test_a_project_in_a_folder_of_its_repository(tmp_path, capsys, monkeypatch):
    made = Repository(tmp_path)
    made.commit({f"infra/ambient/{name}": text for name, text in ENTIRE.items()})
    made.commit({"infra/ambient/teams/pay.yaml": TEAM.replace("bob", "eve"), "other.yaml": "x"})
    monkeypatch.chdir(tmp_path / "infra/ambient")
    assert touched(capsys, "--change", "HEAD^", "HEAD") == (0, ["prod/pay changed: group:leads"])
    code, out, _ = reviewers(capsys, "--codeowners")
    assert (code, out.splitlines()[5:]) == (
        0,
        [
            "/infra/ambient/common.yaml @platform",
            "/infra/ambient/stacks/prod.yaml @platform",
            "/infra/ambient/teams/pay.yaml @leads",
        ],
    )


def test_a_file_hides_neither_by_attributes_nor_by_a_link(repository, capsys):
    """An archive would leave out what .gitattributes says; a link is followed as the run follows it."""
    hidden = {".gitattributes": "teams/* export-ignore\n", "elsewhere/x.yaml": "workspaces: {xx: {}}\n"}
    repository.write(hidden)
    (repository.folder / "teams/link.yaml").symlink_to("../elsewhere/x.yaml")
    repository.commit()
    assert touched(capsys, "--change", "HEAD^", "HEAD") == (0, ["prod/xx new: group:platform"])
    repository.commit({"elsewhere/x.yaml": "workspaces: {xx: {protect: false}}\n"})
    assert touched(capsys, "--change", "HEAD^", "HEAD") == (0, ["prod/xx changed: group:platform"])


def test_where_nobody_was_named_it_says_so(repository, capsys):
    repository.commit({"common.yaml": COMMON.replace("[group:platform]", "[]")})
    repository.commit(
        {"stacks/prod.yaml": PROD.replace("own: {}", "own: {protect: false}, zz: {reviewers: [user:me]}")}
    )
    code, out, _ = reviewers(capsys, "--change", "HEAD^", "HEAD")
    assert (code, out.splitlines()) == (
        2,
        [
            "prod",
            "  own  changed: protect  ! no reviewer is named",
            "  zz   new               ! user:me (named by this change)",
            "",
            "approvals, one of each line:",
            "  user:me",
            "",
            "for 2 of 2 no reviewer was named before this change",
        ],
    )


def test_stacks(repository, capsys):
    dev = "include: [{path: ../common.yaml, sections: [defaults, templates]}]\nworkspaces: {lab: {}}\n"
    repository.commit({"stacks/dev.yaml": dev, "stacks/Pulumi.dev.yaml": "config: {}\n", "stacks/.x.yaml": "x"})
    # Nobody was named for a stack that was not there.
    assert touched(capsys, "--change", "HEAD^", "HEAD") == (
        2,
        ["dev/* new: group:platform", "dev/lab new: group:platform"],
    )
    assert touched(capsys, "prod", "--change", "HEAD^", "HEAD") == (0, [])
    assert touched(capsys, "-s", "org/dev", "--change", "HEAD", "HEAD^") == (
        0,
        ["dev/* removed: group:platform", "dev/lab removed: group:platform"],
    )
    code, _, err = reviewers(capsys, "prdo", "--change", "HEAD^", "HEAD")
    assert (code, "stack 'prdo' has no file" in err) == (1, True)


def test_what_is_broken_is_told_with_its_revision(repository, capsys):
    repository.commit({"teams/pay.yaml": TEAM.replace("user: bob", "user: bob, role: x")})
    code, out, err = reviewers(capsys, "--change", "HEAD^", "HEAD")
    assert (code, out) == (1, "")
    assert err.startswith("ambient: HEAD:teams/pay.yaml:2:81: workspaces.pay.grants[0].role: 'x' is not a role\n")
    repository.commit(gone=["common.yaml"])
    assert (
        "HEAD:stacks/prod.yaml:1:11: include[0]: '../common.yaml' matches no file"
        in reviewers(capsys, "--change", "HEAD~2", "HEAD")[2]
    )


@pytest.mark.parametrize("revision", ["nope", "-x", "HEAD:common.yaml", "--all", "a\nb"])
def test_no_such_revision(repository, capsys, revision):
    code, out, err = reviewers(capsys, f"--change={revision}", "HEAD")
    if code == 64:  # the command line took it for an option
        return
    assert (code, out) == (1, "")
    assert "is no revision of this repository\n  hint: name a commit, branch or tag" in err


def test_no_repository(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "p").mkdir()
    (tmp_path / "p/Pulumi.yaml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path / "p")
    code, _, err = reviewers(capsys, "--change", "a", "b")
    assert (code, err.startswith("ambient: this is no Git repository")) == (1, True)
    monkeypatch.setenv("PATH", "")
    assert reviewers(capsys, "--change", "a", "b")[2] == "ambient: there is no git on PATH\n  hint: install it\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Either --change A B or --codeowners"),
        (["--codeowners", "--change", "a", "b"], "Either --change A B or --codeowners"),
        (["--change", "a"], "requires 2 arguments"),
        (["--codeowners", "--handle", "leads=@x"], "is not of the form SUBJECT=@NAME"),
        (["--codeowners", "--handle", "group:leads"], "is not of the form SUBJECT=@NAME"),
        (["--change", "a", "b", "--format", "jsno"], "did you mean 'json'"),
        (["a/b/c/d", "--change", "a", "b"], "can't name a stack"),
    ],
)
def test_a_command_line_that_makes_no_sense(repository, capsys, arguments, says):
    code, out, err = reviewers(capsys, *arguments)
    assert (code, out, says in " ".join(err.split())) == (64, "", True)


def test_json(repository, capsys):
    repository.commit({"common.yaml": "timezone: Europe/Berlin\n" + COMMON})
    code, out, _ = reviewers(capsys, "--change", "HEAD^", "HEAD", "--format", "json")
    assert (code, json.loads(out)) == (
        0,
        {
            "change": {"from": "HEAD^", "to": "HEAD"},
            "approvals": [["group:platform"]],
            "touched": [
                {
                    "stack": "prod",
                    "workspace": None,
                    "how": "changed",
                    "fields": ["timezone"],
                    "needs": [{"oneOf": ["group:platform"], "because": "before"}],
                    "guarded": True,
                }
            ],
        },
    )


# CODEOWNERS.


def owned(found, **handles):
    return as_codeowners(found, {key.replace("_", ":"): value for key, value in handles.items()}).splitlines()[4:]


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
        "# teams/both.yaml: several: group:a; group:b or user:c",
        "# teams/half.yaml: several: none; group:a",
        "# teams/nobody.yaml: no reviewer is named",
    ]


def test_handles(repository, capsys):
    assert owned({"a.yaml": {("group:leads",)}}, group_leads="@org/pay-leads") == ["", "/a.yaml @org/pay-leads"]
    repository.write({"teams/pay.yaml": TEAM.replace("group:leads", "'group:the leads'")})
    code, _, err = reviewers(capsys, "--codeowners")
    assert (code, err) == (
        1,
        "ambient: '@the leads' can't be an owner in CODEOWNERS\n"
        "  hint: name group:the leads as the forge does: --handle "
        "'group:the leads=@ORG/TEAM'\n",
    )
    code, out, _ = reviewers(capsys, "--codeowners", "--handle", "group:the leads=@org/x")
    assert (code, out.splitlines()[-1]) == (0, "/teams/pay.yaml @org/x")


def test_a_file_is_a_teams_only_where_all_of_it_is(repository, capsys):
    bundle = {"teams/pay.yaml": TEAM.replace("template: guarded", "settings: {caBundle: {file: ca.pem}}")}
    mixed = "timezone: UTC\nworkspaces: {mm: {reviewers: [group:m]}}\n"
    # What it may hold counts, and not only what it holds yet: its team could add defaults for every workspace.
    granted = (
        "include: [{path: teams/granted.yaml, sections: [defaults]}, {path: teams/mixed.yaml, sections: [timezone]}, "
    )
    prod = PROD.replace("include: [", granted.replace("teams/", "../teams/"))
    grown = "workspaces: {gg: {reviewers: [group:g]}}\n"
    repository.write({**bundle, "teams/mixed.yaml": mixed, "teams/granted.yaml": grown, "stacks/prod.yaml": prod})
    lines = reviewers(capsys, "--codeowners")[1].splitlines()
    assert lines[5:] == [
        "/common.yaml @platform",
        "/stacks/prod.yaml @platform",
        "/teams/ca.pem @leads",
        "/teams/pay.yaml @leads",
        "",
        "# teams/granted.yaml: several: group:g; group:platform",
        "# teams/mixed.yaml: several: group:m; group:platform",
    ]

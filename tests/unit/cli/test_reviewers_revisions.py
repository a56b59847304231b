"""Files of a Git revision: those on the disk of a clone of it, and nothing else of this machine."""

import os
import subprocess
import tempfile

import pytest

from ambient_components.cli.reviewers.revisions import Repository
from ambient_components.errors import AmbientError
from ambient_components.stackfile.files import DISK, Search

LINK = "-> "
"""Begins the content of a symbolic link, in these tests alone."""

TREE = {
    "repo/stacks/prod.yaml": "1",
    "repo/stacks/dev.yaml": "2",
    "repo/stacks/.#dev.yaml": "3",
    "repo/stacks/new\nline.yaml": "10",
    "repo/teams/a.yaml": "4",
    "repo/teams/deep/b.yaml": "5",
    "repo/teams/deep/er/c.yml": "6",
    "repo/teams/.hidden/d.yaml": "7",
    "repo/link.yaml": f"{LINK}teams/a.yaml",
    "repo/folder.yaml/x": "8",
    "repo/stacks/teams": f"{LINK}../teams",
    "repo/teams/deep/loop": f"{LINK}..",
    "repo/round": f"{LINK}round",
    "other/e.yaml": "9",
}
OUTSIDE = {
    "repo/outside": f"{LINK}../../etc/passwd",
    "repo/absolute": f"{LINK}/etc/hostname",
    "repo/everything": f"{LINK}/",
    "repo/chain": f"{LINK}everything",
}
PATTERNS = ["*.yaml", "../teams/*.yaml", "**/*.yaml", "../**/[ab].yaml", "../../other/*.yaml", ".*", "../none/*"]


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """The folder of a repository without a commit, which is the working directory."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "-q", "-b", "main")
    monkeypatch.chdir(clone)
    return clone


def git(folder, *arguments, stdin=None):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, input=stdin)
    return done.stdout.decode().strip()


def write(folder, tree):
    for name, text in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith(LINK):
            path.symlink_to(text.removeprefix(LINK))
        else:
            path.write_text(text)


def commit(folder, tree=None):
    write(folder, tree or {})
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")


@pytest.fixture
def stacks(clone, monkeypatch):
    """A folder of the tree, as a clone has it and as the working directory."""
    commit(clone, TREE)
    monkeypatch.chdir(clone / "repo/stacks")
    return clone / "repo/stacks"


def test_patterns_find_what_they_find_on_the_disk(stacks):
    with Repository(stacks).files("HEAD") as files:
        for pattern in PATTERNS:
            found = [
                [match for match in source.expand(pattern, "", Search()) if source.identity(match) is not None]
                for source in (files, DISK)
            ]
            assert found[0] == found[1], pattern


@pytest.mark.parametrize(
    "path",
    [
        "prod.yaml",
        "./prod.yaml",
        "new\nline.yaml",
        "../teams/a.yaml",
        "../link.yaml",
        "teams/a.yaml",
        "../teams",
        "..",
        "none",
        "../round",
        "prod.yaml/x",
        "../teams/deep/loop/a.yaml",
        "../../other/e.yaml",
        "prod.yaml/..",
        "prod.yaml/",
        "no\0name",
    ],
)
def test_names_are_what_they_are_on_the_disk(stacks, path):
    with Repository(stacks).files("HEAD") as files:
        assert files.is_folder(path) == DISK.is_folder(path)
        assert (files.identity(path) is None) == (DISK.identity(path) is None)
        if DISK.identity(path) is not None:
            assert files.read(path) == DISK.read(path)


def test_nothing_outside_is_there(stacks, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: outside\n")
    (tmp_path / "temporary/Pulumi.yaml").write_text("name: outside\n")
    up = "../" * 20
    outside = ["../outside", "../absolute", "../everything", "../chain", "../chain/etc/hostname", "../up/../index"]
    outside += [f"{up}etc/hostname", "/etc/hostname", str(stacks / "prod.yaml"), "../../../Pulumi.yaml", "../../.."]
    commit(stacks.parents[1], {**OUTSIDE, "repo/up": f"{LINK}.."})
    with Repository(stacks).files("HEAD") as files:
        for path in outside:
            assert (files.real(path), files.identity(path), files.is_folder(path)) == (None, None, False), path
            with pytest.raises(
                AmbientError, match=f"^{path}: (can't be read|there is no|leads out|is a folder|.*none)"
            ):
                files.read(path)
        assert files.real("../..") == files.absolute("../..")


def test_a_wildcard_searches_nothing_outside(stacks):
    commit(stacks.parents[1], OUTSIDE)
    with Repository(stacks).files("HEAD") as files:
        for pattern in ("../everything/*", "../chain/**/*", "../everything/etc/host*"):
            assert files.expand(pattern, "", Search()) == [], pattern


def test_links_to_folders_that_lead_to_each_other_end_no_search(clone):
    loops = {f"{folder}/{name}": f"{LINK}../{other}" for folder, other in ("ab", "ba") for name in "xyz"}
    commit(clone, {**loops, "a/one.yaml": "1", "b/two.yaml": "2"})
    with Repository(clone).files("HEAD") as files:
        for source in (files, DISK):
            assert source.expand("**/*.yaml", "", Search()) == ["a/one.yaml", "b/two.yaml"]
            assert source.expand("*/" * 30 + "*.yaml", "", Search()) == []


def test_a_folder_that_a_revision_does_not_have_has_nothing(clone):
    commit(clone, {"there.yaml": "1", "file": "x"})
    for folder in ("later", "file"):
        (clone / "file").unlink(missing_ok=True)
        (clone / folder).mkdir()
        with Repository(clone / folder).files("HEAD") as files:
            assert files.identity("there.yaml") is None
            assert files.expand("*", "", Search()) == []
            assert (files.identity("../there.yaml") is None) == (folder == "file")


def state(clone):
    files = sorted(path for path in clone.rglob("*") if ".git" not in path.parts)
    status = git(clone, "status", "--porcelain=v2")
    return status, (clone / ".git/index").read_bytes(), [(path, path.lstat().st_mtime_ns) for path in files]


def test_index_and_working_tree_stay_as_they_are_and_nothing_is_left(clone, tmp_path, monkeypatch):
    commit(clone, {"a.yaml": "1", "b.yaml": "1"})
    (clone / "a.yaml").write_text("staged")
    git(clone, "add", "a.yaml")
    (clone / "a.yaml").write_text("changed")
    (clone / "untracked.yaml").write_text("new")
    before = state(clone)
    # As in a hook of Git.
    monkeypatch.setenv("GIT_INDEX_FILE", str(clone / ".git/index"))
    with Repository(clone).files("HEAD") as files:
        assert (files.read("a.yaml"), files.identity("untracked.yaml")) == ("1", None)
        (laid_out,) = (tmp_path / "temporary").iterdir()
        assert laid_out.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "temporary").iterdir()) == []
    assert state(clone) == before
    with pytest.raises(RuntimeError), Repository(clone).files("HEAD"):
        raise RuntimeError
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_users_config_and_the_attributes_of_a_revision_change_nothing(clone):
    """Git would convert, filter, leave out or announce."""
    text = "a: $Id$\nb: \xe4\n"
    attributes = "*.yaml ident text eol=crlf working-tree-encoding=UTF-16 filter=f export-ignore\n"
    commit(clone, {"a.yaml": text, "deep/b.yaml": text, "link.yaml": f"{LINK}a.yaml"})
    commit(clone, {".gitattributes": "a.yaml ident\n", "deep/.gitattributes": "*.yaml eol=crlf\n"})
    (clone / ".gitattributes").write_text(attributes)
    blob = git(clone, "hash-object", "-w", "--no-filters", ".gitattributes")
    git(clone, "update-index", "--cacheinfo", f"100644,{blob},.gitattributes")
    git(clone, "commit", "-q", "-m", "x")
    hook = clone / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {clone}/ran\n")
    hook.chmod(0o755)
    settings = {
        "filter.f.smudge": f"touch {clone}/ran; echo filtered",
        "core.autocrlf": "true",
        "core.symlinks": "false",
        "core.sparseCheckout": "true",
    }
    for name, value in settings.items():
        git(clone, "config", name, value)
    (clone / ".git/info").mkdir(exist_ok=True)
    (clone / ".git/info/sparse-checkout").write_text("/none\n")
    with Repository(clone).files("HEAD") as files:
        assert [files.read(name) for name in ("a.yaml", "deep/b.yaml", "link.yaml")] == [text] * 3
    assert not (clone / "ran").exists()


@pytest.mark.parametrize("name", ["..", ".git"])
def test_a_revision_that_no_clone_can_have_is_refused(clone, tmp_path, name):
    """Trees that Git makes have no such names; of a stranger's change anything can be pushed."""
    blob = bytes.fromhex(git(clone, "hash-object", "-w", "--stdin", stdin=b"x"))
    inner = bytes.fromhex(
        git(clone, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=b"100644 x\0" + blob)
    )
    tree = git(
        clone,
        "hash-object",
        *("-t", "tree", "-w", "--literally", "--stdin"),
        stdin=b"40000 " + name.encode() + b"\0" + inner,
    )
    made = git(clone, "commit-tree", tree, "-m", "x")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AmbientError, match=r"^git failed: "), Repository(clone).files(made):
        pass
    assert sorted(tmp_path.rglob("*")) == before

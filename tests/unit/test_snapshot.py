"""Files of a revision answer as the same files on the disk do."""

import posixpath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ambient_components.errors import AmbientError
from ambient_components.spec.files import DISK
from ambient_components.spec.loader import review_stack
from ambient_components.spec.snapshot import Blob, Snapshot

LINK = "-> "
"""Begins the content of a symbolic link, in these tests alone."""

TREE = {
    "repo/stacks/prod.yaml": "1",
    "repo/stacks/dev.yaml": "2",
    "repo/stacks/.#dev.yaml": "3",
    "repo/teams/a.yaml": "4",
    "repo/teams/deep/b.yaml": "5",
    "repo/teams/deep/er/c.yml": "6",
    "repo/teams/.hidden/d.yaml": "7",
    "repo/link.yaml": f"{LINK}teams/a.yaml",
    "repo/folder.yaml/x": "8",
    "repo/stacks/teams": f"{LINK}../teams",
    "repo/teams/deep/loop": f"{LINK}..",
    "repo/round": f"{LINK}round",
    "repo/outside": f"{LINK}../../etc/passwd",
    "repo/absolute": f"{LINK}/etc/hostname",
    "other/e.yaml": "9",
}
PATTERNS = [
    "*.yaml",
    "../teams/*.yaml",
    "**/*.yaml",
    "**",
    "**/*.y?ml",
    "../**/[ab].yaml",
    "teams/**/c.yml",
    "teams/*/*.yaml",
    ".*",
    "../te*/deep/*",
    "../../other/*.yaml",
    "../none/*.yaml",
    "../link.yaml/*",
    "prod.yaml",
    "*",
    "../fold*",
]


def snapshot(tree, start=""):
    blobs = {path: Blob(path, text.startswith(LINK)) for path, text in tree.items()}
    return Snapshot(blobs, lambda blob: tree[blob.id].removeprefix(LINK).encode(), start)


def lay_out(tree, folder):
    for name, text in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith(LINK):
            path.symlink_to(text.removeprefix(LINK))
        else:
            path.write_text(text)


@pytest.fixture
def laid_out(tmp_path, monkeypatch):
    lay_out(TREE, tmp_path)
    monkeypatch.chdir(tmp_path / "repo/stacks")
    return tmp_path


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_find_what_they_find_on_the_disk(laid_out, pattern):
    files = snapshot(TREE, "repo/stacks")

    def found(source):
        # A pattern through a linked folder may find one file under several names; it is read once.
        matches = [match for match in source.expand(pattern, "") if source.identity(match) is not None]
        return {source.read(match) for match in matches}

    assert found(files) == found(DISK)


@pytest.mark.parametrize(
    "path",
    [
        "prod.yaml",
        "./prod.yaml",
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
        "teams/deep/loop",
        "prod.yaml/..",
        "prod.yaml/.",
        "prod.yaml/",
    ],
)
def test_names_are_what_they_are_on_the_disk(laid_out, path):
    files = snapshot(TREE, "repo/stacks")
    assert files.is_folder(path) == DISK.is_folder(path)
    assert (files.identity(path) is None) == (DISK.identity(path) is None)
    if DISK.identity(path) is not None:
        assert files.read(path) == DISK.read(path)


@pytest.mark.parametrize("path", ["../outside", "../absolute", "../../../etc/passwd", "/etc/hostname"])
def test_nothing_outside_is_read(path):
    files = snapshot(TREE, "repo/stacks")
    assert (files.identity(path), files.is_folder(path)) == (None, False)
    with pytest.raises(AmbientError, match="can't be read: No such file"):
        files.read(path)


def test_two_names_of_a_file_are_one_and_two_files_of_one_content_are_two():
    files = snapshot({"a.yaml": "x", "b.yaml": "x", "c.yaml": f"{LINK}a.yaml"})
    assert files.identity("a.yaml") == files.identity("c.yaml") != files.identity("b.yaml")


def test_what_is_no_text_is_told_with_its_place():
    files = Snapshot({"a.yaml": Blob("1")}, lambda _: b"a: b\nc: \xff")
    with pytest.raises(AmbientError, match=r"a\.yaml:2:4: not UTF-8"):
        files.read("a.yaml")


NAMES = st.sampled_from(["a", "b", ".h", "x.yaml", "y.yaml"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.sampled_from(["*", "**", "*.yaml", "a", "?", "..", ".*", "[ab]", "x.yaml"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(PATHS, max_size=12), st.lists(PARTS, min_size=1, max_size=4).map("/".join), st.sampled_from(["", "a"]))
def test_any_tree_and_pattern_are_as_on_the_disk(tmp_path_factory, paths, pattern, folder):
    files = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    tree = {f"top/{path}": path for path in files}
    root = tmp_path_factory.mktemp("tree")
    lay_out(tree, root)
    source = snapshot(tree, "top")
    with pytest.MonkeyPatch.context() as patch:
        (root / "top").mkdir(exist_ok=True)
        patch.chdir(root / "top")

        def found(files):
            return {
                files.read(posixpath.join(folder, match))
                for match in files.expand(pattern, folder)
                if files.identity(posixpath.join(folder, match)) is not None
                # Above the top is what the test's own folder has.
                and not posixpath.normpath(posixpath.join(folder, match)).startswith("..")
            }

        assert found(source) == found(DISK)


def test_a_stack_is_read_from_a_snapshot():
    tree = {
        "p/stacks/prod.yaml": (
            "include: [{path: ../teams/*.yaml, sections: [include, templates]}]\nworkspaces: {own: {}}\n"
        ),
        "p/teams/a.yaml": (
            "include: [{path: ../common.yaml, sections: [templates]}]\nworkspaces: {team: {template: t}}\n"
        ),
        "p/common.yaml": "templates: {t: {protect: false}}\n",
    }
    review = review_stack("stacks/prod.yaml", files=snapshot(tree, "p"))
    assert review.files == ("stacks/prod.yaml", "teams/a.yaml", "common.yaml")
    assert review.stack.file.workspaces["team"].protect is False
    del tree["p/common.yaml"]
    review = review_stack("stacks/prod.yaml", files=snapshot(tree, "p"))
    assert "teams/a.yaml:1:11: include[0]: '../common.yaml' matches no file" in str(review.problems[0])

"""One stack of many files: what is found, in which order it counts, and where problems are reported."""

import pytest

from ambient_components.stackfile.files import PlannedFiles
from ambient_components.stackfile.includes import MAX_NESTING
from ambient_components.stackfile.loader import load_stack, review_stack

OUTSIDE = "write the path from the folder of this file; add the file, or remove the line"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path):
    def write_files(**files):
        """Write files; `__` in a name is a folder, and each gets the ending .yaml."""
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write_files


def problems_of(path="s.yaml"):
    return [str(problem) for problem in review_stack(path).problems]


def test_workspaces_of_all_files_are_one_stack(write):
    write(
        stacks__prod=(
            "include: [workspaces/*.yaml, {path: ../shared/common.yaml, sections: [templates]}]\n"
            "workspaces: {own: {}}\n"
        ),
        stacks__workspaces__b="workspaces: {bb: {}}\n",
        stacks__workspaces__a="workspaces: {aa: {template: t}}\n",
        shared__common="templates: {t: {protect: false}}\n",
    )
    loaded = load_stack("stacks/prod.yaml")
    assert sorted(loaded.file.workspaces) == ["aa", "bb", "own"]
    assert loaded.file.workspaces["aa"].protect is False
    assert loaded.files == (
        "stacks/prod.yaml",
        "stacks/workspaces/a.yaml",
        "stacks/workspaces/b.yaml",
        "shared/common.yaml",
    )
    assert str(loaded.sources.key(("workspaces", "bb"))) == "stacks/workspaces/b.yaml:1:14"
    origin = loaded.origin(("workspaces", "aa", "protect"))
    assert (origin.layer, str(origin.where)) == ("template t", "shared/common.yaml:1:26")


def test_an_included_file_finds_its_own_from_its_own_folder(write):
    write(
        s="include: [{path: a/a.yaml, sections: [include]}]\n",
        a__a="include: [b/b.yaml]\n",
        a__b__b="workspaces: {pay: {}}\n",
    )
    assert load_stack("s.yaml").files == ("s.yaml", "a/a.yaml", "a/b/b.yaml")


def test_wildcards_find_sorted_files_and_leave_out_what_is_hidden(write, tmp_path):
    write(s='include: ["w/**/*.yaml", "x?.yaml"]\n', w__b="workspaces: {bb: {}}\n", w__c__a="workspaces: {aa: {}}\n")
    write(xy="workspaces: {xy: {}}\n")
    (tmp_path / "w/.#b.yaml").write_text("not: [yaml")
    (tmp_path / "w/folder.yaml").mkdir()
    assert load_stack("s.yaml").files == ("s.yaml", "w/b.yaml", "w/c/a.yaml", "xy.yaml")


def test_a_file_that_is_reached_twice_is_read_once(write, tmp_path):
    write(
        s='include: [{path: "*.yaml", sections: [include]}, a.yaml, ./b.yaml, link.yaml]\nworkspaces: {own: {}}\n',
        a="include: [b.yaml, s.yaml]\nworkspaces: {aa: {}}\n",
        b="include: [a.yaml]\nworkspaces: {bb: {}}\n",
    )
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    loaded = load_stack("s.yaml")
    assert (sorted(loaded.file.workspaces), loaded.files) == (["aa", "bb", "own"], ("s.yaml", "a.yaml", "b.yaml"))


def test_later_defaults_lie_over_earlier_ones_and_the_including_file_over_all(write):
    write(
        s=(
            "include: [{path: a.yaml, sections: [defaults]}, {path: b.yaml, sections: [defaults, include]}]\n"
            "defaults: {labels: {z: own}}\nworkspaces: {pay: {}}\n"
        ),
        a="defaults: {labels: {x: a, y: a, z: a}, owners: [user:a]}\n",
        b="include: [{path: c.yaml, sections: [defaults]}]\ndefaults: {labels: {y: b, z: b}}\n",
        c="defaults: {labels: {y: c, w: c}, owners: [user:c]}\n",
    )
    loaded = load_stack("s.yaml")
    labels = {
        name: (value, str(loaded.origin(("workspaces", "pay", "labels", name)).where))
        for name, value in loaded.file.workspaces["pay"].labels.items()
    }
    assert labels == {
        "x": ("a", "a.yaml:1:24"),
        "w": ("c", "c.yaml:1:30"),
        "y": ("b", "b.yaml:2:24"),
        "z": ("own", "s.yaml:2:24"),
    }
    assert [str(owner) for owner in loaded.file.workspaces["pay"].owners] == ["user:c"]


def test_includes_end(write):
    write(s="include: [{path: f0.yaml, sections: [include]}]\nworkspaces: {}\n")
    write(**{f"f{n}": f"include: [{{path: f{n + 1}.yaml, sections: [include]}}]\n" for n in range(MAX_NESTING + 5)})
    assert problems_of() == [
        f"f{MAX_NESTING - 1}.yaml:1:11: include[0]: includes nested deeper than {MAX_NESTING} files; flatten them"
    ]


def test_planned_files_are_read_before_they_are_written(write, tmp_path):
    write(stacks__prod="workspaces: {old: {}}\n", stacks__prod__b="workspaces: {bb: {}}\n")
    planned = {
        "stacks/prod.yaml": "include: [prod/*.yaml]\nworkspaces: {own: {}}\n",
        "stacks/prod/a.yaml": "workspaces: {aa: {}}\n",
        "stacks/prod/deep/c.yaml": "workspaces: {cc: {}}\n",
    }
    files = PlannedFiles({str(tmp_path / path): text for path, text in planned.items()})
    review = review_stack("stacks/prod.yaml", files=files)
    assert sorted(review.stack.file.workspaces) == ["aa", "bb", "own"]
    assert review.files == ("stacks/prod.yaml", "stacks/prod/a.yaml", "stacks/prod/b.yaml")
    assert not (tmp_path / "stacks/prod/a.yaml").exists()

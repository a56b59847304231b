import pickle

import pytest

from ambient_components.documentation import page
from ambient_components.errors import AmbientError, Problem, Problems, Where, fail, format_path, refusal, with_docs
from ambient_components.output import show_problems
from ambient_components.suggest import did_you_mean

ROLE = Problem(
    Where("stacks/dev.yaml", 41, 17),
    "workspaces.research.grants[2].role",
    "'admni' is not a role",
    ("allowed: view, edit, admin; did you mean 'admin'?",),
)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            ROLE,
            "stacks/dev.yaml:41:17: workspaces.research.grants[2].role: 'admni' is not a role; "
            "allowed: view, edit, admin; did you mean 'admin'?",
        ),
        (Problem(Where("a.yaml"), "", "can't be read"), "a.yaml: can't be read"),
        (Problem(None, "", "no cluster", ("start one",)), "no cluster; start one"),
        (Problem(None, "workspaces.a", "exists"), "workspaces.a: exists"),
    ],
)
def test_a_problem_is_one_line_of_place_path_problem_and_remedy(problem, text):
    assert str(problem) == text


def test_an_error_lists_its_problems_by_place():
    texts = [("b.yaml", 1, 1), ("a.yaml", 10, 1), ("a.yaml", 9, 11), ("a.yaml", 9, 2)]
    problems = [Problem(Where(*place), "", "x") for place in texts]
    error = AmbientError([*problems, Problem(None, "", "y")])
    assert str(error) == "y\na.yaml:9:2: x\na.yaml:9:11: x\na.yaml:10:1: x\nb.yaml:1:1: x"


def test_an_error_survives_a_process_boundary():
    assert pickle.loads(pickle.dumps(AmbientError([ROLE]))).problems == (ROLE,)  # noqa: S301 - our own bytes


def test_collected_problems_are_raised_together():
    problems = Problems()
    problems.raise_if_any()
    problems.add(None, "", "one")
    problems.extend([ROLE])
    with pytest.raises(AmbientError) as caught:
        problems.raise_if_any()
    assert (set(caught.value.problems), len(problems)) == ({Problem(None, "", "one"), ROLE}, 2)


def test_a_warning_stops_nothing_and_is_in_no_error():
    problems = Problems()
    problems.add(Where("b"), "", "odd", warning=True)
    problems.raise_if_any()
    problems.add(Where("a"), "", "wrong")
    assert (problems.errors, problems.warnings) == (
        (Problem(Where("a"), "", "wrong"),),
        (Problem(Where("b"), "", "odd", warning=True),),
    )
    with pytest.raises(AmbientError, match=r"^a: wrong$"):
        problems.raise_if_any()


def test_fail_raises_one_problem():
    with pytest.raises(AmbientError) as caught:
        fail(Where("a"), "p", "bad", "mend it")
    assert caught.value.problems == (Problem(Where("a"), "p", "bad", ("mend it",)),)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("workspaces", "research", "grants", 2, "role"), "workspaces.research.grants[2].role"),
        (("workspaces", "a.b", "x y"), "workspaces['a.b']['x y']"),
        (("a\nb", 0), "['a\\nb'][0]"),
    ],
)
def test_paths_read_like_the_file(path, text):
    assert format_path(path) == text


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("admni", "did you mean 'admin'?"),
        ("ADMIN", "did you mean 'admin'?"),
        ("displayname", "did you mean 'displayName'?"),
        ("owner", ""),
    ],
)
def test_suggestions_name_what_is_near(word, text):
    assert did_you_mean(word, ["view", "admin", "displayName"]) == text


def test_the_address_of_a_rule_is_shown_once_after_its_last_problem():
    one, two = refusal("a", rule="noAdmin"), refusal("b", rule="noAdmin")
    other, plain = refusal("c", rule="ownership"), refusal("d")
    warning = Problem(None, "", "e", rule="noAdmin", warning=True)
    shown = [docs.rpartition(" ")[2] for _, docs in with_docs([one, plain, two, other, warning])]
    assert shown == ["", "", "noAdmin", "ownership", ""]


def test_it_is_a_line_on_standard_error(capsys):
    show_problems([refusal("no admin is left", "keep one", rule="noAdmin"), refusal("no cluster")])
    address = page("reference/errors", "noAdmin")
    expected = f"ambient: no admin is left\n  hint: keep one\n  docs: {address}\nambient: no cluster\n"
    assert capsys.readouterr().err == expected

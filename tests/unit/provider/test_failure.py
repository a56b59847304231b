import pytest

from ambient_components.cluster.client import ApiError
from ambient_components.errors import AmbientError, Problem, StepError, text_of

HIDDEN = "sk-very-secret"


def caught(error, cause=None):
    """The error with the traceback that it has once somebody caught it."""
    try:
        raise error from cause
    except BaseException as raised:
        return raised


@pytest.mark.parametrize("error", [StepError("what to do"), ApiError(403, "what to do")])
def test_our_own_errors_are_told_as_they_are(error):
    assert text_of(caught(error)) == "what to do"


def test_the_problems_of_the_rules_are_told_too():
    assert "cannot be" in text_of(AmbientError([Problem(None, "a.b", "cannot be")]))


@pytest.mark.parametrize(
    "error",
    [
        ValueError(HIDDEN),
        KeyError(HIDDEN),
        RuntimeError({"token": HIDDEN}),
        UnicodeDecodeError("utf-8", HIDDEN.encode(), 0, 1, HIDDEN),
        ExceptionGroup(HIDDEN, [ValueError(HIDDEN)]),
        type("Told", (Exception,), {"__str__": lambda self: HIDDEN})(),
    ],
)
def test_of_other_errors_only_the_type_and_the_place_are_told(error):
    error.add_note(HIDDEN)
    text = text_of(caught(error, ValueError(HIDDEN)))
    assert HIDDEN not in text
    assert type(error).__name__ in text
    assert f"{__name__}:" in text
    assert "please report" in text
    assert "\n" not in text


def test_an_error_that_was_never_raised_has_no_place_and_still_a_text():
    assert text_of(ValueError(HIDDEN)).startswith("a bug in the ambient provider: ValueError at")


def test_the_place_is_the_last_three_calls():
    def deep(n):
        if n == 0:
            raise ValueError(HIDDEN)
        deep(n - 1)

    with pytest.raises(ValueError, match=HIDDEN) as raised:
        deep(9)
    assert text_of(raised.value).count(" > ") == 2

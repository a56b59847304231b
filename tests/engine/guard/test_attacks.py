"""Every attack that the engine tests know, tried again under the guard: a write is refused at once, a read stays one.

They are the tests of test_escalation.py, test_escalation_platform.py and of the folder insider, unchanged. What is
answered to each is in `tests.support.guard_answers`.
"""

import inspect

import pytest

from tests.support.guard_answers import CLOSED, INSIDER, OTHERS, PATHS, By, all_answers, answers
from tests.support.guarded import Watch
from tests.support.guarded_attacks import ENGINE, Attack, forms, of_modules, quick

OF_PATHS = of_modules(ENGINE / "test_escalation.py", ENGINE / "test_escalation_platform.py")
OF_INSIDER = of_modules(*sorted((ENGINE / "insider").glob("test_*.py")))
OF_OTHERS = of_modules(ENGINE / "test_keys_identity.py", ENGINE / "test_dated_grants.py")
ANSWERS = all_answers()
PATH_ATTACKS = [attack for attack in forms(answers(PATHS), OF_PATHS) if ANSWERS[attack.name] is not CLOSED]
BY_INSIDERS = forms([*answers(INSIDER), *answers(OTHERS)], OF_INSIDER | OF_OTHERS)
INSIDER_ATTACKS = [attack for attack in BY_INSIDERS if isinstance(ANSWERS[attack.name], By)]


def test_every_attack_has_an_answer() -> None:
    assert sorted(OF_PATHS) == sorted(answers(PATHS))
    assert sorted(OF_INSIDER) == sorted(answers(INSIDER))


def tried(attack: Attack, watch: Watch, request: pytest.FixtureRequest) -> None:
    """Run an attack until the guard refuses something, and compare what it says with the table."""

    def run() -> None:
        wanted = [name for name in inspect.signature(attack.test).parameters if name not in attack.form]
        attack.test(**attack.form, **{name: request.getfixturevalue(name) for name in wanted})

    refused, answer = watch.first(run), ANSWERS[attack.name]
    if isinstance(answer, By):
        assert refused is not None, "nothing was refused"
        assert refused.rule == answer.rule, refused
        assert answer.sentence in refused.sentence or answer.other == refused.sentence
        # A session of one's own is no attack; anything else before the refusal would be half of one.
        assert [path for path in watch.taken if not path.endswith("/agenticsessions")] == []
    else:
        assert refused is None, refused


@pytest.mark.parametrize("attack", PATH_ATTACKS, ids=str)
def test_a_path_of_the_report(attack: Attack, watch: Watch, request: pytest.FixtureRequest) -> None:
    tried(attack, watch, request)


@pytest.mark.parametrize("attack", quick(INSIDER_ATTACKS, lambda attack: ANSWERS[attack.name]))
def test_an_insider(attack: Attack, watch: Watch, request: pytest.FixtureRequest) -> None:
    tried(attack, watch, request)

"""States as `pulumi stack export` prints them, and what is said where it prints something else."""

from collections.abc import Mapping

import pytest

from ambient_components.engine.backend import export, export_with_secrets, read_stacks, stack_of
from ambient_components.engine.command import Answer
from ambient_components.engine.steps import Preview, read_preview
from ambient_components.errors import AmbientError


class Pulumi:
    """A program that always answers the same."""

    def __init__(self, stdout: str, code: int = 0, stderr: str = "") -> None:
        self._answer = Answer(code, stdout, stderr)
        self.environ: Mapping[str, str] = {}
        self.requested: list[tuple[str, ...]] = []

    def with_backend(self, _: str) -> "Pulumi":
        return self

    def with_environ(self, _: Mapping[str, str]) -> "Pulumi":
        return self

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        return self.attempt(*arguments).stdout

    def attempt(self, *arguments: str) -> Answer:
        self.requested.append(arguments)
        return self._answer


STATE = '{"version": 3, "deployment": {"resources": []}}'


def test_both_exports_are_states() -> None:
    pulumi = Pulumi(STATE)
    assert (
        export(pulumi, "dev") == export_with_secrets(pulumi, "dev") == {"version": 3, "deployment": {"resources": []}}
    )
    assert ["--show-secrets" in words for words in pulumi.requested] == [False, True]


@pytest.mark.parametrize("text", ["", "no state", "[]", '"v-secret"'])
@pytest.mark.parametrize("read", [export, export_with_secrets])
def test_what_is_no_state_is_refused_and_not_quoted(read: object, text: str) -> None:
    with pytest.raises(AmbientError, match="`pulumi stack export --stack dev` printed no state") as caught:
        read(Pulumi(text), "dev")  # type: ignore[operator]
    assert "v-secret" not in str(caught.value)


def test_no_part_of_a_state_with_its_secrets_is_in_an_error() -> None:
    with pytest.raises(AmbientError, match="failed: exit code 1") as caught:
        export_with_secrets(Pulumi("v-secret", code=1), "dev")
    assert "v-secret" not in str(caught.value)


def test_a_stack_of_another_organisation_is_another_stack() -> None:
    stacks = read_stacks('[{"name": "org/prod", "lastUpdate": "a"}, {"name": "prod-00", "lastUpdate": "b"}]')
    stack = {name: getattr(stack_of(stacks, name), "at", None) for name in (
        "prod", "org/prod", "org/p/prod", "other/prod", "other/p/prod", "prod-00", "org/prod-00", "stage",
    )}  # fmt: skip
    assert stack == {
        "prod": "a", "org/prod": "a", "org/p/prod": "a", "other/prod": None, "other/p/prod": None,
        "prod-00": "b", "org/prod-00": "b", "stage": None,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "error: no", "[]", "3"])
def test_what_is_no_preview_is_none(text: str) -> None:
    assert read_preview(text) is None
    assert read_preview("{}") == Preview()

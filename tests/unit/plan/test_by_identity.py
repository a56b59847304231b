"""A key that gives way to a pipeline's grant, as the plan of the example says it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ambient_components.plan.headline import headline
from ambient_components.plan.page import as_html, as_text
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of
from ambient_components.stackfile.loader import review_stack
from tests.support.plan_facts import plan

EXAMPLE = (Path(__file__).parents[3] / "stacks/dev.yaml").read_text()
KEY = "      ci: {role: edit, lifetime: 30d}          # runs renew it before it expires\n"
GRANT = "    grants:\n"
PIPELINE = "      - {pipeline: {github: {repository: acme/payments, id: 123456, branch: main}}, role: edit}\n"
NAME = "pipeline:github:acme/payments:123456@main"
INSTEAD = "key revoked, access by identity instead"


def ledger(text):
    stack = review_stack("stacks/dev.yaml", text).stack
    assert stack is not None
    return ledger_of(stack.file.workspaces, Calendar(datetime(2026, 11, 25, tzinfo=UTC)))


WITHOUT = EXAMPLE.replace(KEY, "", 1)
WITH = WITHOUT.replace(GRANT, f"{GRANT}{PIPELINE}", 1)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(EXAMPLE, WITH, True), (EXAMPLE, WITHOUT, False), (WITHOUT, WITH, False), (WITH, EXAMPLE, False)],
    ids=["a pipeline for a key", "a key ends", "a pipeline comes", "a key for a pipeline"],
)
def test_the_plan_says_that_a_pipeline_takes_the_place_of_a_key(before, after, said):
    planned = plan(ledger(before), ledger(after))
    text = as_text(planned)
    assert (f"1 {INSTEAD}" in headline(planned)) is said
    assert (f"access by identity instead: {NAME}" in " ".join(text.split())) is said
    assert (INSTEAD in as_html(planned)) is said
    strength = "as strong as who may push to its branch"
    assert (strength in " ".join(text.split())) is (after is WITH)

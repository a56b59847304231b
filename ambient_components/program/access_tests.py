"""Access tests of a stack's files: what breaks them, with places, and whether the stack's config approves them."""

from collections.abc import Iterator
from dataclasses import replace

from ambient_components.access.access_tests import Broken, broken_tests
from ambient_components.errors import Problem
from ambient_components.model.stack import StackFile
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of, place_in, stack_guardrails
from ambient_components.rules.findings import Finding
from ambient_components.rules.installation import ACCESS_TESTS
from ambient_components.stackfile.loader import LoadedStack


def access_test_refusals(stack: LoadedStack, calendar: Calendar) -> list[Problem]:
    """Return what breaks the access tests, at the access that does."""
    tests = stack_guardrails(stack.file, calendar)
    if not tests.never and not tests.always:
        return []
    return [
        _placed(stack, broken)
        for broken in broken_tests(ledger_of(stack.file.workspaces, calendar), tests, calendar.now)
    ]


def _placed(stack: LoadedStack, broken: Broken) -> Problem:
    name = broken.begins.workspace if broken.begins else broken.workspace
    path = place_in(stack.file.workspaces[name], broken.place)
    where = stack.sources.value(("workspaces", name, *path)) if path else stack.sources.key(("workspaces", name))
    test = stack.sources.value((ACCESS_TESTS, broken.test.word, broken.index))
    return replace(broken.refusal(str(test)), where=where)


def unapproved(file: StackFile, approved: object) -> Iterator[Finding]:
    """Find access tests that are not those of which the stack's config has the digest."""
    digest = file.access_tests.digest
    if approved is not None and approved != digest:
        problem = f"are not those that {ACCESS_TESTS} of the stack's config approves"
        remedy = (
            "put the approved tests back",
            f"or let those who approve the config approve these: pulumi config set {ACCESS_TESTS} {digest}",
        )
        yield Finding((ACCESS_TESTS,), problem, remedy, at_key=True)

"""The checks of `ambient validate`, independent of the output format."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ambient_components.errors import AmbientError, BadValue, Problem, Problems, Where, stop
from ambient_components.output import from_here
from ambient_components.program.access_tests import access_test_refusals, unapproved
from ambient_components.program.acknowledgements import acknowledgements, from_the_future, unused
from ambient_components.program.calendar import Calendar
from ambient_components.program.guardrails import guardrail_findings
from ambient_components.program.ledger import expired_exceptions, ledger_of
from ambient_components.rules.findings import Finding
from ambient_components.rules.installation import ACCESS_TESTS, API_SERVER, PLATFORM_URL, SSO, platform_url_problem
from ambient_components.rules.object_store import IN_PLAIN_TEXT, OBJECT_STORE, given_store
from ambient_components.rules.schedules import OPERATOR_IMAGE, image_problem
from ambient_components.rules.warnings import LoudWarning
from ambient_components.shards.names import CONFIG_KEY, shard_count, shard_stack
from ambient_components.stackfile.checks.installation import check_installation
from ambient_components.stackfile.checks.keys import MAX_TOKEN_LIFETIME, beyond_cap, max_token_lifetime
from ambient_components.stackfile.checks.reviews import overdue
from ambient_components.stackfile.checks.sources import in_platform_namespace
from ambient_components.stackfile.checks.storage import against_store, missing_libraries
from ambient_components.stackfile.checks.upcoming_dates import ended_grants
from ambient_components.stackfile.checks.workspaces import without_runner_secret
from ambient_components.stackfile.loader import (
    LoadedStack,
    Review,
    beyond_shards,
    located,
    review_stack,
    shards_of,
    whole_stacks,
)
from ambient_components.stacks.project import Project, bare_name, is_true


@dataclass(frozen=True, slots=True)
class Validation:
    problems: tuple[Problem, ...]
    """Errors and warnings by position. Problems of a file that several stacks include appear once."""
    workspaces: int
    files: int
    """Number of files, readable or not."""
    lenient: frozenset[Problem] = frozenset()
    """Warnings that never fail the command, even with --strict, because they may not be due to a change: dates that
    passed, also those of acknowledgements, violations of guardrails that may be deployed already, and libraries that
    are missing here. A failure would stop the nightly run that ends access and rotates keys. A run refuses new
    violations and missing libraries."""
    shards: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def fails(self, *, strict: bool) -> bool:
        refused = (problem for problem in self.problems if problem.acknowledged is None and problem not in self.lenient)
        return bool(self.errors or (strict and any(refused)))

    @property
    def errors(self) -> int:
        return sum(not problem.warning for problem in self.problems)

    @property
    def warnings(self) -> int:
        return sum(problem.warning and problem.acknowledged is None for problem in self.problems)

    @property
    def acknowledged(self) -> int:
        return sum(problem.acknowledged is not None for problem in self.problems)


def validate_files(paths: Sequence[str]) -> Validation:
    return _together([_review(path) for path in dict.fromkeys(paths)])


def validate_stacks(paths: Sequence[str]) -> Validation:
    """Check those of these files that no other one includes. An included file is only part of a stack."""
    if not paths:
        stop("this project has no stack files", "`ambient init dev` makes the first one, stacks/dev.yaml")
    return _together(whole_stacks({path: _review(path) for path in paths}))


def _review(path: str) -> Review:
    review = review_stack(path)
    if review.stack is None:
        return review
    problems = Problems(_stacks(review.stack))
    problems.extend(located(review.stack, from_the_future(review.stack.file, Calendar.of(review.stack.file))))
    config = _config(path, problems)
    problems.extend(access_test_refusals(review.stack, Calendar.of(review.stack.file)))
    problems.extend(located(review.stack, unapproved(review.stack.file, config.get(ACCESS_TESTS))))
    problems.extend(_pins(config.get(CONFIG_KEY), review.stack))
    problems.extend(_configs_of_shards(path))
    workspaces = review.stack.file.workspaces
    cap = max_token_lifetime(config.get(MAX_TOKEN_LIFETIME), problems)
    if cap is not None:
        problems.extend(located(review.stack, beyond_cap(workspaces, cap)))
    platform = config.get("platformNamespace")
    if isinstance(platform, str):
        problems.extend(located(review.stack, in_platform_namespace(workspaces, platform)))
    url = config.get(PLATFORM_URL)
    if isinstance(url, str) and (verdict := platform_url_problem(url)):
        problems.add(None, PLATFORM_URL, *verdict)
    image = config.get(OPERATOR_IMAGE)
    if isinstance(image, str) and image and (verdict := image_problem(image)):
        problems.add(None, OPERATOR_IMAGE, *verdict)
    if config:
        problems.extend(_storage(config.get(OBJECT_STORE), review.stack))
    if not problems:
        return review
    everything = sorted((*review.problems, *problems), key=lambda problem: problem.sort_key)
    return Review(None, tuple(everything), review.files)


def _storage(reported: object, stack: LoadedStack) -> list[Problem]:
    given = given_store(reported)
    if given is None:
        return located(stack, against_store(stack.file.workspaces, None))
    problems = Problems()
    plain = isinstance(given.secret_key, str) and given.secret_key
    for problem in (*given.problems, *([IN_PLAIN_TEXT] if plain else ())):
        problem.report(problems)
    if not problems and not given.encrypted:
        return located(stack, against_store(stack.file.workspaces, given.config))
    return list(problems)


def _pins(reported: object, stack: LoadedStack) -> list[Problem]:
    if reported is None:
        return []
    try:
        return located(stack, beyond_shards(stack.file.workspaces, shard_count(reported)))
    except BadValue as error:
        return [Problem(None, CONFIG_KEY, error.problem, error.hints)]


def _configs_of_shards(path: str) -> list[Problem]:
    """Return a problem for each shard with its own config, as created by `pulumi config set` without --config-file."""
    file = Path(path)
    try:
        project = Project.find(file.absolute().parent)
        count = project.shards(file.stem)
    except AmbientError:
        return []  # reported elsewhere, or no project
    shared = project.config_file(file.stem)
    own = (shared.with_name(f"Pulumi.{shard_stack(file.stem, number)}.yaml") for number in range(count or 0))
    return [
        Problem(
            Where(from_here(config_file)),
            "",
            "is the config of a single shard, and shards have that of their fleet",
            (f"set what it says with --config-file {project.shown(shared)}, and remove it",),
        )
        for config_file in own
        if config_file.exists()
    ]


def _stacks(stack: LoadedStack) -> list[Problem]:
    problems = Problems()
    for index, name in enumerate(stack.file.stacks):
        path, where = _beside(stack.path, name), stack.sources.value(("stacks", index))
        if not Path(path).is_file():
            problems.add(
                where,
                f"stacks[{index}]",
                f"there is no {path}",
                "name stacks that have a file of their own: shards have none",
            )
        elif (named := review_stack(path).stack) and named.file.stacks:
            remedy = "one level is all there is: name those stacks here"
            problems.add(where, f"stacks[{index}]", f"{path} names stacks itself", remedy)
    return list(problems)


def _beside(path: str, stack: str) -> str:
    return str(Path(path).parent / f"{bare_name(stack)}.yaml")


def _of_stack(stack: LoadedStack, problems: Sequence[Problem]) -> tuple[list[Problem], list[Problem]]:
    """Return all warnings of a valid stack, and those that may not be due to a change."""
    calendar = Calendar.of(stack.file)
    ledger = ledger_of(stack.file.workspaces, calendar)
    dated = [
        *located(stack, [*ended_grants(stack.file, calendar.now), *overdue(stack.file, calendar.now)]),
        *guardrail_findings(stack, ledger, calendar),
        *located(stack, expired_exceptions(stack.file, ledger, calendar)),
        *located(stack, _missing_libraries(stack)),
    ]
    installed = located(stack, _of_installation(stack))
    # Of several stacks with one file, only some may be on such an installation: what any causes is in use.
    everywhere = located(stack, check_installation(stack.file, sso=True, api_server=True))
    caused = [*problems, *dated, *everywhere, *located(stack, without_runner_secret(stack.file))]
    warnings = [*problems, *dated, *installed, *located(stack, unused(stack.file, caused))]
    ever = acknowledgements(stack.file, None)
    not_due = [*dated, *(problem for problem in (*problems, *installed) if ever.of(problem))]
    return acknowledgements(stack.file, calendar).marked(warnings), not_due


def _of_installation(stack: LoadedStack) -> Iterator[Finding]:
    config = _config(stack.path, Problems())
    sso, api_server = (is_true(config.get(key)) for key in (SSO, API_SERVER))
    return check_installation(stack.file, sso=sso, api_server=api_server)


def _missing_libraries(stack: LoadedStack) -> Iterator[Finding]:
    given = given_store(_config(stack.path, Problems()).get(OBJECT_STORE))
    store = given.config if given else None
    return missing_libraries(stack.file.workspaces, store, warning=LoudWarning.MISSING_LIBRARY)


def _sizes(review: Review) -> tuple[int, ...]:
    if review.stack is None or (reported := _config(review.stack.path, Problems()).get(CONFIG_KEY)) is None:
        return ()
    return tuple(map(len, shards_of(review.stack.file.workspaces, shard_count(reported)).values()))


def _config(path: str, problems: Problems) -> Mapping[str, Any]:
    file = Path(path)
    try:
        project, stack = Project.find(file.absolute().parent), bare_name(file.stem)
    except AmbientError:
        return {}
    try:
        return project.config(stack)
    except AmbientError as error:
        problems.extend(error.problems)
        return {}


def _together(reviews: Sequence[Review]) -> Validation:
    stacks = [review.stack for review in reviews if review.stack is not None]
    problems, lenient = set[Problem](), set[Problem]()
    for review in reviews:
        if review.stack is None:
            problems.update(review.problems)
        else:
            warnings, not_due = _of_stack(review.stack, review.problems)
            problems.update(warnings)
            lenient.update(not_due)
    # Another stack that includes the same file may have acknowledged the warning.
    problems -= {
        problem for problem in problems if problem.acknowledged and replace(problem, acknowledged=None) in problems
    }
    return Validation(
        tuple(sorted(problems, key=lambda problem: problem.sort_key)),
        sum(len(stack.file.workspaces) for stack in stacks),
        len({file for review in reviews for file in review.files}),
        frozenset(lenient),
        {review.files[0]: sizes for review in reviews if (sizes := _sizes(review))},
    )

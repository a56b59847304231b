"""What makes the command line fast, without a clock: what it imports, what it reads, and how its work grows.

The figures themselves are those of `make bench` (docs/internals/performance-figures.md): a clock fails on a busy
machine.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import VERBS, run
from ambient_components.stackfile.loader import review_stack
from ambient_components.stackfile.yaml import reader
from bench.workload import stack_files

MANY = 1000

HEAVY = {"pulumi", "pulumi_kubernetes", "kubernetes", "grpc", "google", "urllib3", "requests", "jinja2", "asyncio"}
"""What takes tenths of a second to import, and no verb that reads files alone needs."""

AT_START = {
    "_version",
    "activity",
    "cli",
    "clock",
    "collector",
    "documentation",
    "errors",
    "memory",
    "output",
    "printable",
    "rules",
    "suggest",
}
"""Our own modules that `ambient --version` may import; the others wait for a verb."""


PROGRAM = """
import contextlib, io, json, os, sys
from ambient_components.cli.app import run
for arguments in json.loads(sys.argv[1]):
    if os.fork() == 0:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = run(arguments)
        print(json.dumps([code, *sys.modules]), flush=True)
        os._exit(0)
    os.wait()
"""


def imported(*command_lines: list[str]) -> list[list[str]]:
    """The modules that each command line has imported by its end, each in a process that has run no other one."""
    words = [sys.executable, "-c", PROGRAM, json.dumps(command_lines)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [code for code, *_ in answers] == [0] * len(command_lines)
    return [modules for _, *modules in answers]


def tops(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


STARTS = [["--version"], ["--help"], *([verb, "--help"] for verb in VERBS)]


@pytest.fixture(scope="module")
def started() -> list[list[str]]:
    return imported(*STARTS)


@pytest.mark.parametrize("arguments", STARTS, ids=str)
def test_the_command_line_starts_with_little(arguments: list[str], started: list[list[str]]) -> None:
    modules = started[STARTS.index(arguments)]
    late = {"rich"} if len(arguments) > 1 else {"yaml", "rich", "pydantic", "pydantic_core"}
    assert tops(modules) & (HEAVY | late) == set()
    ours = {name.split(".")[1] for name in modules if name.startswith("ambient_components.")}
    assert len(arguments) > 1 or ours <= AT_START


def test_the_package_of_the_command_line_alone_needs_no_typer() -> None:
    program = "import ambient_components.cli, json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert tops(json.loads(done.stdout)) & (HEAVY | {"pydantic", "yaml", "rich", "typer", "click"}) == set()


def test_a_validation_needs_no_engine_and_no_client(many: Path) -> None:
    (modules,) = imported(["validate", str(many)])
    assert tops(modules) & (HEAVY | {"rich"}) == set()


# A thousand workspaces in a thousand files


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("many") / "project", MANY)


def project(folder: Path, workspaces: int) -> Path:
    """A project whose one stack includes a file for each workspace; the stack file."""
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    for name, text in stack_files(workspaces).items():
        (folder / "stacks" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "stacks" / name).write_text(text)
    return folder / "stacks" / "many.yaml"


_opened: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open" and str(arguments[0]).endswith(".yaml"):
        _opened.append(str(Path(arguments[0]).absolute()))


sys.addaudithook(_audit)  # for good, as there is no way to take one back: outside of `opened` it does nothing


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every YAML file that is opened, in order, by whatever means."""
    global _opened  # noqa: PLW0603  # the hook can't be given anything
    _opened = []
    yield _opened
    _opened = None


@pytest.mark.parametrize("form", ["text", "json", "github"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "found"])
def test_each_file_is_read_and_parsed_once(
    many: Path,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: str,
    named: bool,
) -> None:
    parsed: list[str] = []

    class Counted(reader._Loader):  # type: ignore[misc,name-defined]
        def __init__(self, text: str) -> None:
            parsed.append(text)
            super().__init__(text)

    monkeypatch.setattr(reader, "_Loader", Counted)
    monkeypatch.chdir(many.parents[1])
    del opened[:]
    assert run(["validate", "--format", form, *([str(many)] if named else [])]) == 0
    reported = capsys.readouterr()
    assert "1000 workspaces" in reported.err or '"workspaces": 1000' in reported.out
    read = Counter(path for path in opened if not path.endswith("Pulumi.yaml"))
    assert len(read) == MANY + 1
    assert {path: times for path, times in read.items() if times != 1} == {}
    assert len(parsed) == MANY + 1


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, Python's and C's: work that depends on no machine."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_the_work_grows_as_the_files_do(tmp_path: Path) -> None:
    few, more = (project(tmp_path / str(number), number) for number in (50, 200))
    review_stack(few)  # what is done once
    one, four = calls(lambda: review_stack(few)), calls(lambda: review_stack(more))
    assert four / one == pytest.approx(4, rel=0.1)

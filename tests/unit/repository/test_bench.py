"""The benchmark's own parts; that contenders make the same objects it checks by itself, in every run."""

from pathlib import Path

from ambient_components.stackfile import parse_stack
from bench.machine import Machine
from bench.offline import Offline
from bench.page import BEGIN, END, write
from bench.phases import Contender, Phase
from bench.process import Usage
from bench.run import Results, Row
from bench.server import Server
from bench.workload import Change, stack_file


def test_the_workload_is_a_valid_stack_file() -> None:
    stack = parse_stack(stack_file(3), "stack.yaml").file
    assert sorted(stack.workspaces) == ["bench-0000", "bench-0001", "bench-0002"]
    for workspace in stack.workspaces.values():
        assert (len(workspace.owners), len(workspace.grants), len(workspace.keys)) == (1, 2, 1)
        assert not workspace.protect


def test_changes_are_of_one_of_a_tenth_and_of_all() -> None:
    files = {change: parse_stack(stack_file(20, change), "s").file.workspaces for change in Change}
    before = files[Change.NONE]

    def changed(change: Change) -> list[str]:
        return [name for name in before if files[change][name] != before[name]]

    assert changed(Change.ONE) == ["bench-0000"]
    assert changed(Change.TENTH) == ["bench-0000", "bench-0005", "bench-0015"]
    assert changed(Change.EVERYWHERE) == sorted(before)
    assert [len(workspace.grants) for workspace in files[Change.EVERYWHERE].values()] == [3] * 20


def results_of(**seconds: dict[int, float]) -> Results:
    """Seconds of the fleet by phase and size."""
    rows = [
        Row(Contender.FLEET, size, Phase[phase], Usage(spent, 2 * spent, 100, 5, 300, {"engine": spent}), server)
        for phase, sizes in seconds.items()
        for size, spent in sizes.items()
    ]
    return Results(Offline(load=0.1, validate=1.234, start=0.06, imported=0.05), rows)


server = Server(api_cpu=1.5, other_cpu=0.5, requests=1234)
machine = Machine("2026-11-25", 2, "a CPU", 0.1, "3.11", "v3", "v4")


def test_the_page_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(results_of(CREATE={10: 1, 100: 9, 1000: 80}), machine, page)
    written = page.read_text()
    assert written.startswith(f"before\n{BEGIN}\n")
    assert written.endswith(f"{END}\nafter\n")
    assert "old" not in written
    assert "| 1,000 | create | fleet | 80.0 |" in written

"""The benchmark's own parts; that both programs make the same objects it checks itself, in every run."""

import argparse
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from ambient_components.spec import parse_stack
from bench.__main__ import _sizes, main
from bench.machine import Machine
from bench.objects import _lines, difference
from bench.offline import Offline
from bench.process import run
from bench.report import aligned, as_json, show
from bench.run import Results
from bench.workload import stack_file


def test_the_workload_is_a_valid_stack_file() -> None:
    stack = parse_stack(stack_file(3), "stack.yaml").file
    assert sorted(stack.workspaces) == ["bench-0000", "bench-0001", "bench-0002"]
    for workspace in stack.workspaces.values():
        assert (len(workspace.owners), len(workspace.grants), len(workspace.keys)) == (1, 2, 1)
        assert not workspace.protect


def test_the_change_is_the_role_of_one_grant() -> None:
    before, after = (parse_stack(stack_file(2, changed=changed), "s").file.workspaces for changed in (False, True))
    assert before["bench-0001"] == after["bench-0001"]
    roles = [[grant.role.value for grant in each["bench-0000"].grants] for each in (before, after)]
    assert roles == [["edit", "view"], ["edit", "edit"]]


def test_objects_are_compared_without_what_kubernetes_makes_and_without_a_tokens_serial() -> None:
    def item(namespace: str, name: str, **labels: str) -> dict[str, object]:
        return {"metadata": {"namespace": namespace, "name": name, "labels": labels}}

    handle = item("bench-0000", "ambient-key-ci-1a2b3c4d-9f9f9f9f", **{"ambient-components/handle": "true"})
    assert list(_lines("Secret", [handle, item("kube-system", "other")])) == [
        "Secret bench-0000/ambient-key-ci-1a2b3c4d-* ambient-components/handle=true"
    ]
    assert list(_lines("ServiceAccount", [item("bench-0000", "default")])) == []


def test_a_difference_names_both_sides_and_is_cut() -> None:
    assert difference({"a", "b"}, {"b", "c"}) == ["  only ours:  a", "  only plain: c"]
    assert difference({str(number) for number in range(5)}, set(), most=2)[2:] == ["  and 3 more"]
    assert difference({"a"}, {"a"}) == []


@pytest.mark.parametrize("text", ["10,x", "", "0", "10,,50", "-1"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as 10,50,100"):
        _sizes(text)


def test_sizes_are_sorted() -> None:
    assert _sizes("50, 10,10") == [10, 50]


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "python -m bench --sizes 10" in capsys.readouterr().out


def test_a_command_is_measured_with_its_children(tmp_path: Path) -> None:
    child = "x = bytearray(80 << 20); import time; time.sleep(1)"
    program = (
        f"import subprocess, sys; print(input()); sys.exit(subprocess.call([sys.executable, '-c', {child!r}]) or 3)"
    )
    ended = run([sys.executable, "-c", program], cwd=tmp_path, environment={}, stdin="hello")
    assert (ended.code, ended.text.strip()) == (3, "hello")
    assert ended.usage.seconds > 1
    assert ended.usage.largest_mib > 80
    if ended.usage.total_mib is not None:
        # Not "more than the largest": the kernel's peak of a child begins with what its parent had when it forked.
        assert ended.usage.total_mib > 80


def test_columns_line_up() -> None:
    assert aligned([["N", "phase", "s"], ["100", "create", "9.0"]]) == "  N  phase     s\n100  create  9.0"


def test_the_command_lines_own_times_are_printed_with_their_goals() -> None:
    results = Results(Offline(load=0.1, validate=1.234, start=0.06, imported=0.05))
    machine = Machine("2026-11-25", 2, "a CPU", 0.1, "3.11", "v3", "v4")
    console = Console(file=io.StringIO(), width=200)
    show(console, results, machine, [], 1)
    said = console.file.getvalue()
    assert "ambient validate, 1,000 workspaces in as many included files: 1.23 s (goal: under 2 s)" in said
    assert "import ambient_components.cli.app': 0.05 s (goal: under 0.3 s)" in said
    assert "2 cores, a CPU" in said
    assert json.loads(as_json(results, machine, [], 1))["offline"]["imported"] == 0.05

"""The benchmark's own parts; that contenders make the same objects it checks by itself, in every run."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from ambient_components.stackfile import parse_stack
from bench.__main__ import _sizes, main, parser
from bench.errors import BenchError
from bench.machine import Machine
from bench.medians import is_median, medians
from bench.objects import KINDS, Object, difference, lines, objects
from bench.offline import Offline
from bench.page import BEGIN, END, PAGE, replaced, write
from bench.phases import Contender, Phase, change_of, phases_of
from bench.process import Usage, run
from bench.report import aligned, as_json, exponent, text
from bench.run import Results, Row
from bench.sent import _requests
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


def test_a_phase_that_changes_nothing_has_the_file_of_the_last_that_did() -> None:
    phases = [Phase.CREATE, Phase.NOTHING, Phase.ONE, Phase.DESTROY]
    assert [change_of(phase, phases) for phase in phases] == [Change.NONE, Change.NONE, Change.ONE, Change.ONE]


def test_large_sizes_leave_out_what_would_take_hours() -> None:
    assert phases_of(Contender.FLEET, 1000) == [phase for phase in Phase if phase is not Phase.DESTROY]
    assert phases_of(Contender.PLAIN, 1000) == []
    assert phases_of(Contender.KUBECTL, 1000) == [Phase.CREATE, Phase.NOTHING, Phase.ONE]


def space(name: str) -> Object:
    labels = {"ambient-code.io/managed": "true"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def inside(kind: str, name: str) -> Object:
    return {"apiVersion": KINDS[kind][0], "kind": kind, "metadata": {"name": name, "namespace": "bench-0000"}}


def test_objects_are_compared_without_a_tokens_serial() -> None:
    token_secret = inside("Secret", "ambient-key-ci-1a2b3c4d-9f9f9f9f")
    token_secret["metadata"]["labels"] = {"ambient-components/handle": "true"}
    assert list(lines([token_secret])) == ["Secret bench-0000/ambient-key-ci-1a2b3c4d-*"]


def test_objects_are_read_without_what_the_server_adds() -> None:
    class FakeApi:
        def request(self, _method: str, path: str) -> dict[str, list[Any]]:
            found = {
                "/api/v1/namespaces": [
                    {"metadata": {"name": "kube-system"}},
                    {
                        "metadata": {
                            "name": "bench-0000",
                            "uid": "u",
                            "labels": {"kubernetes.io/metadata.name": "bench-0000", "mine": "yes"},
                        },
                        "spec": {"finalizers": ["kubernetes"]},
                        "status": {"phase": "Active"},
                    },
                ],
                "/api/v1/serviceaccounts": [{"metadata": {"name": "default", "namespace": "bench-0000"}}],
            }
            return {"items": found.get(path, [])}

    assert objects(cast("Any", FakeApi())) == [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench-0000", "labels": {"mine": "yes"}}}
    ]


def test_a_difference_names_both_sides_and_is_cut() -> None:
    assert difference(Counter("ab"), Counter("bc")) == ["  only the fleet:  a", "  only the other:  c"]
    assert difference(Counter("abcde"), Counter(), most=2)[2:] == ["  and 3 more"]
    assert difference(Counter("a"), Counter("a")) == []


def test_the_raw_client_lists_a_workspace_when_all_else_is_there() -> None:
    made = _requests(Phase.CREATE, [], [space("bench-0000"), inside("ServiceAccount", "ci")])
    account = "/api/v1/namespaces/bench-0000/serviceaccounts"
    assert [[(method, path) for method, path, _, _ in batch] for batch in made[0]] == [
        [("POST", "/api/v1/namespaces")],
        [("POST", account)],
        [("POST", f"{account}/ci/token")],
        [("PATCH", "/api/v1/namespaces/bench-0000")],
    ]
    assert "labels" not in made[0][0][0][2]["metadata"]


def test_the_raw_client_sends_of_a_change_what_differs_and_nothing_else() -> None:
    before = [space("bench-0000"), inside("RoleBinding", "as-view")]
    after = [space("bench-0000"), inside("RoleBinding", "as-edit")]
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/bench-0000/rolebindings"
    sent = [request[:2] for batches in _requests(Phase.ONE, before, after) for batch in batches for request in batch]
    assert sent == [("POST", bindings), ("DELETE", f"{bindings}/as-view")]
    assert _requests(Phase.ONE, after, after) == []


@pytest.mark.parametrize("text", ["10,x", "", "0", "10,,50", "-1"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as 10,100,1000"):
        _sizes(text)


def test_sizes_are_sorted() -> None:
    assert _sizes("50, 10,10") == [10, 50]


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "python -m bench --quick" in capsys.readouterr().out


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
    assert (
        aligned([["N", "phase", "by", "s"], ["100", "create", "us", "9.0"]])
        == "  N  phase   by    s\n100  create  us  9.0"
    )


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


def test_the_exponent_is_that_of_the_last_step() -> None:
    results = results_of(CREATE={10: 5, 100: 20, 1000: 400})
    found = exponent(results, Contender.FLEET, Phase.CREATE)
    assert found is not None
    assert found[:2] == (100, 1000)
    assert found[2] == pytest.approx(1.301, abs=0.001)
    assert exponent(results, Contender.FLEET, Phase.ONE) is None
    assert exponent(results_of(CREATE={10: 5, 100: 20}), Contender.FLEET, Phase.CREATE) is None


def test_what_is_measured_is_said_with_the_machine() -> None:
    results = results_of(CREATE={100: 20})
    reported = text(results, machine)
    assert "2 cores, a CPU" in reported
    row = next(line.split() for line in reported.splitlines() if line.startswith("100"))
    assert row == ["100", "create", "fleet", "20.0", "40.0", "2.0", "300", "100", "1,234", "5.0"]
    assert json.loads(as_json(results, machine))["offline"]["imported"] == 0.05


def test_the_page_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page, picture = tmp_path / "page.md", tmp_path / "page.svg"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(results_of(CREATE={10: 1, 100: 9, 1000: 80}), machine, page, picture)
    written = page.read_text()
    assert written.startswith(f"before\n{BEGIN}\n")
    assert written.endswith(f"{END}\nafter\n")
    assert "old" not in written
    assert "| 1,000 | create | fleet | 80.0 |" in written
    lines_drawn = [one for one in ElementTree.fromstring(picture.read_text()) if one.tag.endswith("polyline")]  # noqa: S314  # our own
    assert [len(one.attrib["points"].split()) for one in lines_drawn] == [3]


def test_several_runs_are_reported_as_medians_with_their_spread() -> None:
    runs = [results_of(CREATE={100: spent}) for spent in (30, 20, 50)]
    found = medians(runs)
    (row,) = found.rows
    assert (row.usage.seconds, row.usage.cpu_seconds, row.usage.cpu_of) == (30, 60, {"engine": 30})
    assert (row.server, row.fastest, row.slowest) == (server, 20, 50)
    assert "30.0 (20.0-50.0)" in text(found, machine)
    assert is_median(found)
    assert not is_median(medians(runs[:1]))


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(BenchError, match="no lines"):
        replaced("nothing", "part")


def test_the_repositorys_page_has_the_marks() -> None:
    assert replaced(PAGE.read_text(encoding="utf-8"), "x")


def test_a_short_name_will_do_where_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    options = parser().parse_args(["--only", "plain,fleet", "--phases", "no-op"])
    assert (options.only, options.phases) == ([Contender.PLAIN, Contender.FLEET], [Phase.NOTHING])
    with pytest.raises(SystemExit):
        parser().parse_args(["--only", "floor"])
    assert "'floor' is none of: fleet, plain stack, kubectl, raw API client" in capsys.readouterr().err

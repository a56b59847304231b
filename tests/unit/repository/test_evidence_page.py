"""The page of evidence: its hand-kept tables are of today, and each test that they name is there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.evidence import FILE, count, totals
from tests.support.evidence_data import AREAS, BUGS, FINDINGS
from tests.support.evidence_page import PAGE, commits, measured, replaced, with_kept

ROOT = Path(__file__).parents[3]
NAMED = sorted({bug.test for bug in BUGS} | {test for finding in FINDINGS for test in finding.tests})


def test_the_tables_are_of_today(request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        PAGE.write_text(with_kept(page), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == with_kept(page), "run this test with --update-golden"


@pytest.mark.parametrize("test", NAMED)
def test_each_named_test_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^ *def {name}\(", text, re.MULTILINE), test


def test_every_finding_of_the_review_has_its_row() -> None:
    numbers = [re.match(r"\d+", finding.number) for finding in FINDINGS]
    assert {int(number[0]) for number in numbers if number} == set(range(1, 16))
    assert {bug.area for bug in BUGS} <= AREAS.keys()


def test_each_commit_is_in_the_history() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no history")
    for commit in commits():
        found = subprocess.run([git, "cat-file", "-t", commit], cwd=ROOT, capture_output=True, text=True, check=False)
        shallow = subprocess.run(
            [git, "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == "commit" or shallow.stdout.strip() == "true", commit


def test_figures_of_one_name_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE, raising=False)
    count("walk", "not counted", 1)
    file = tmp_path / "figures"
    assert totals(file) == {}
    monkeypatch.setenv(FILE, str(file))
    for number in (2, 1000):
        count("walk", "transitions walked", number)
    count("soak", "years", 3)
    found = totals(file)
    assert found == {"walk": {"transitions walked": 1002}, "soak": {"years": 3}}
    text = measured(found, "Commit `x`.")
    assert (
        text.index("| transitions walked | 1,002 |") < text.index("### Simulated years") < text.index("| years | 3 |")
    )


def test_a_page_without_the_places_is_refused() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        replaced("# Evidence\n", ("<!-- a -->", "<!-- b -->"), "x")

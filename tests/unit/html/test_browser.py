"""The pages in a real browser: Chromium by AMBIENT_CHROMIUM or on PATH. Screenshots go to AMBIENT_SCREENSHOTS.

Debian's package is `chromium`. Without a browser these tests are skipped; the tests of structure run everywhere.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ambient_components.access.role_assignments import GRANT, AccessDiff, RoleAssignment
from ambient_components.errors import refusal
from ambient_components.fleet import page as fleet_page
from ambient_components.fleet.skipping import Result, Task
from ambient_components.plan.facts import Plan, Step
from ambient_components.plan.page import as_html as plan_as_html
from ambient_components.review.page import as_html
from tests.support import axe
from tests.support.browser import VARIABLE, Browser, Page, find
from tests.support.html_pages import HOSTILE
from tests.support.reviews import NOW, ledger, review, troubled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find() is None, reason=f"no browser: install chromium, or set {VARIABLE} to its program"),
]

LOOKS = [("wide", False), ("wide", True), ("narrow", False), ("narrow", True)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    assert program is not None
    found = Browser(program, tmp_path_factory.mktemp("browser") / "profile")
    yield found
    found.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("AMBIENT_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    hostile = {
        f"w-{number}": {
            "state": name, "owners": [name], "grants": {f"user:{name}": "edit"},
            "keys": {name: {"role": "admin", "generation": 1}},
        }
        for number, name in enumerate(HOSTILE)
    }  # fmt: skip
    gained = tuple(RoleAssignment(name, f"user:{name}", "admin", GRANT) for name in HOSTILE)
    plan = Plan(
        "prod", NOW, online=True, access=AccessDiff(gained, gained[:2]), steps=(Step("create", "a:b:C", HOSTILE[0]),),
        guardrails=(refusal("too much", "less", rule="noAdmin", workspaces=("x",)),),
    )  # fmt: skip
    tasks = [Task(number, f"prod-{number}", 9, 1, one.value, result=one) for number, one in enumerate(Result)]
    done = SimpleNamespace(ended="2026-11-20T00:00:00Z", next_action="2026-12-20T00:00:00Z", resources=99)
    shards: Any = SimpleNamespace(tasks=tasks, known={0: SimpleNamespace(done=done)}, inputs={}, notes=())
    texts = {
        "fleet": fleet_page.as_html("prod", [shards], NOW),
        "review": as_html(troubled()),
        "hostile": as_html(review(hostile)),
        "large": as_html(review(ledger(1000))),
        "plan": plan_as_html(plan),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


def clean(page: Page, path: Path) -> None:
    assert page.complaints() == []
    assert page.requests() == [path.as_uri()]


@pytest.mark.parametrize("name", ["review", "hostile", "large", "plan", "fleet"])
def test_it_loads_nothing_else_and_complains_of_nothing(
    browser: Browser, pages: dict[str, Path], pictures: Path, name: str
) -> None:
    for size, dark in LOOKS:
        with browser.page(pages[name], size, dark=dark) as page:
            # A table scrolls by itself, and never the page.
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.screenshot(pictures / f"{name}-{size}{'-dark' if dark else ''}.png")
            clean(page, pages[name])
    with browser.page(pages[name], media="print") as page:
        page.screenshot(pictures / f"{name}-print.png")
        clean(page, pages[name])


@pytest.mark.parametrize(
    ("name", "look"),
    [*(("review", look) for look in LOOKS), ("hostile", LOOKS[0]), ("plan", LOOKS[0]), ("fleet", LOOKS[1])],
    ids=str,
)
def test_axe_finds_nothing(
    browser: Browser, pages: dict[str, Path], tmp_path: Path, name: str, look: tuple[str, bool]
) -> None:
    script = axe.source(tmp_path)
    with browser.page(pages[name], look[0], dark=look[1]) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.evaluate(f"{script}; 0")
        found = json.loads(page.evaluate("axe.run(document).then((found) => JSON.stringify(found))"))
    violations = [
        (one["id"], node["html"], node["failureSummary"]) for one in found["violations"] for node in one["nodes"]
    ]
    assert violations == []
    # It has looked at something.
    assert len(found["passes"]) > 20


def test_the_policy_holds(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.page(pages["review"]) as page:
        page.evaluate(
            "{ const one = document.createElement('script'); one.text = 'window.ran = 1'; document.body.append(one) }"
        )
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=\"x\" style=\"width: 7px\">x</p>')")
        assert page.evaluate("window.ran") is None
        assert page.evaluate("document.getElementById('x').offsetWidth") != 7
        assert any("Content Security Policy" in json.dumps(one) for one in page.complaints())


SHOWN = """
[...document.querySelectorAll('#workspaces tbody tr')].filter((one) => one.checkVisibility()).map((one) => one.id)
"""


def test_filters_need_no_script(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.page(pages["review"], scripts=False) as page:
        everything = page.evaluate(SHOWN)
        assert len(everything) == 10
        assert page.evaluate("document.getElementById('search-label').checkVisibility()") is False
        page.evaluate("document.querySelector('input[value=H]').click()")
        assert page.evaluate(SHOWN) == ["w-payments"]
        page.evaluate("document.querySelector('input[value=V]').click()")
        assert page.evaluate(SHOWN) == ["w-payments"]
        assert page.evaluate("document.querySelector('#workspaces td.A').checkVisibility()") is False
        page.evaluate("document.querySelector('input[value=H]').click()")
        assert page.evaluate(SHOWN) == everything


def test_the_search_and_links_into_folded_blocks(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.page(pages["review"]) as page:
        page.evaluate("document.getElementById('search').value = 'MALLORY'")
        page.evaluate("document.getElementById('search').dispatchEvent(new Event('input'))")
        assert page.evaluate(SHOWN) == ["w-payments"]
        assert page.evaluate("document.getElementById('found').textContent").startswith("3 of ")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert len(page.evaluate(SHOWN)) == 10
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(SHOWN) == ["w-payments"]
        page.evaluate("location.hash = 'f-grantsEdit'")
        page.evaluate("new Promise((done) => setTimeout(done, 200))")
        assert page.evaluate("document.getElementById('f-grantsEdit').open") is True


def test_the_keyboard_begins_at_the_skip_link(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.page(pages["review"]) as page:
        for kind in ("keyDown", "keyUp"):
            page.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


def test_print_shows_what_is_folded(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.page(pages["review"], media="print", scripts=False) as page:
        assert page.evaluate("document.querySelectorAll('details:not([open])').length") > 10
        assert page.evaluate("[...document.querySelectorAll('details h3')].every((one) => one.checkVisibility())")
        assert page.evaluate("document.querySelector('.filters').checkVisibility()") is False


def test_print_ignores_filters(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.page(pages["large"]) as page:
        page.evaluate("document.querySelector('input[value=H]').click()")
        assert len(page.evaluate(SHOWN)) == 100
        page.ask("Emulation.setEmulatedMedia", media="print")
        assert len(page.evaluate(SHOWN)) == 1000


def test_a_thousand_workspaces_can_be_used(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.page(pages["large"]) as page:
        assert len(page.evaluate(SHOWN)) == 1000
        # Measured on two cores: loaded in 1 to 3 s, filtered in under 1 s.
        page.evaluate("document.querySelector('input[value=H]').click()")
        assert len(page.evaluate(SHOWN)) == 100

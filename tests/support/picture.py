"""Make README's picture, the page of `ambient plan` for the example: `make picture`, where there is a Chromium."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import browser

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "assets" / "plan.png"
PLAN = ("plan", "dev", "--offline", "--state", "examples/demo/state.json", "--format", "html")


def main() -> None:
    program = browser.find()
    if program is None:
        sys.exit(f"there is no Chromium: install it, or name it with {browser.VARIABLE}")
    ambient = Path(sys.executable).with_name("ambient")
    made = subprocess.run([ambient, *PLAN], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode != 2:  # changes are pending
        sys.exit(made.returncode or 1)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "plan.html")
        page.write_text(made.stdout, encoding="utf-8")
        chromium = browser.Browser(program, Path(folder, "profile"))
        try:
            with chromium.page(page, "medium") as opened:
                opened.screenshot(PICTURE, 760)
        finally:
            chromium.close()
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()

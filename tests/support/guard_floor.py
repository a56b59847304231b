"""`--guard-floor`: the engine tests with every workspace of the cluster guarded, whatever its stack file says.

Left out are the attacks that the guard refuses (`tests.support.guard_answers`): tests/engine/guard tries those.
"""

import pytest

from tests.support.guard_answers import attack_name, refused


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "run the engine tests with the guard, which denies in every workspace, but for the attacks that it refuses"
    parser.addoption("--guard-floor", action="store_true", help=text)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--guard-floor"):
        return
    attacks = refused()
    left_out = [item for item in items if attack_name(item.path.stem, getattr(item, "originalname", "")) in attacks]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]

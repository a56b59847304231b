"""Where the platform's programs are looked for, and when the conformance tests need them."""

from pathlib import Path

import pytest

from sandbox.backend import available, programs_folder, required


def test_the_variable_names_the_folder_before_the_cache(tmp_path: Path) -> None:
    cache = {"AMBIENT_CACHE_DIR": str(tmp_path)}
    assert programs_folder(cache) == tmp_path / "platform"
    assert programs_folder({**cache, "AMBIENT_PLATFORM_DIR": "/x"}) == Path("/x")


@pytest.mark.parametrize(("environ", "is_required"), [({"CI": "true"}, False), ({"AMBIENT_PLATFORM_DIR": "/x"}, True)])
def test_only_the_variable_makes_them_required(environ: dict[str, str], is_required: bool) -> None:
    assert required(environ) is is_required


def test_a_file_that_cannot_be_executed_is_missing(tmp_path: Path) -> None:
    for name in ("ambient-backend", "ambient-operator"):
        (tmp_path / name).touch(mode=0o755)
    environ = {"AMBIENT_PLATFORM_DIR": str(tmp_path)}
    assert available(environ) is None
    (tmp_path / "ambient-operator").chmod(0o644)
    assert available(environ) == f"ambient-operator not found in {tmp_path}"

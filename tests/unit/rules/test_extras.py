"""Which extra of the package a bucket needs, and what is said where it is not installed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.extras import LIBRARIES, extra_of, not_installed
from ambient_components.rules.object_store import IAM, MINIO

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def listed(extra: str) -> dict[str, str]:
    """The libraries of an extra in pyproject.toml with their ranges, those of the extras that it names among them."""
    found: dict[str, str] = {}
    for requirement in PROJECT["optional-dependencies"][extra]:
        name = re.match(r"[\w-]+", requirement)
        assert name
        other = re.match(rf"{PROJECT['name']}\[(\w+)\]", requirement)
        found |= listed(other[1]) if other else {name[0]: requirement}
    return found


@pytest.mark.parametrize("extra", LIBRARIES)
def test_the_libraries_are_those_that_the_extra_installs(extra: str) -> None:
    assert dict(LIBRARIES[extra]) == listed(extra)


def test_a_library_of_an_extra_is_not_installed_by_default() -> None:
    required = " ".join(PROJECT["dependencies"])
    assert [name for names in LIBRARIES.values() for name in names if name in required] == []


@pytest.mark.parametrize(
    ("driver", "api", "extra"),
    [
        ("s3", IAM, "s3"),
        ("s3", MINIO, "minio"),
        ("aws", IAM, "aws"),
        ("existing", IAM, None),
        ("existing", MINIO, None),
    ],
)
def test_the_driver_and_the_stores_api_say_which_extra(driver: str, api: str, extra: str | None) -> None:
    assert extra_of(BucketDriver(driver), api) == extra


def test_what_is_installed_is_no_problem() -> None:
    assert [not_installed(extra) for extra in LIBRARIES] == [None, None, None]


@pytest.mark.parametrize(
    ("extra", "there", "problem"),
    [
        ("s3", (), "needs boto3, which is not installed"),
        ("minio", (), "needs boto3 and minio, which are not installed"),
        ("minio", ("boto3",), "needs minio, which is not installed"),
        ("aws", ("boto3",), "needs pulumi-aws, which is not installed"),
    ],
)
def test_what_is_not_installed_is_named_with_the_command(monkeypatch, extra: str, there, problem: str) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name in there else None)
    lacking = " ".join(f"'{one}'" for name, one in LIBRARIES[extra].items() if name not in there)
    assert not_installed(extra) == (problem, f"pip install {lacking} (the extra {extra})")


IMPORT_ALL = """
import pkgutil, sys
sys.modules |= dict.fromkeys(("boto3", "botocore", "minio", "pulumi_aws"))
import ambient_components
needing = {"ambient_components.provider.store.minio_client"}
for module in pkgutil.walk_packages(ambient_components.__path__, "ambient_components."):
    if module.name not in needing and not module.name.endswith("__main__"):
        __import__(module.name)
"""


def test_the_package_can_be_imported_without_its_extras() -> None:
    run = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr

"""The image for pipelines: what it downloads is pinned, and it runs as a user without rights. It is not built here."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_pulumi_cli_is_the_one_that_the_engine_tests_run_with() -> None:
    """A cluster's keys pass through it, so its archive is checked."""
    releases = tomllib.loads((ROOT / "sandbox/releases.toml").read_text(encoding="utf-8"))["release"]
    files = next(release["files"] for release in releases if "pulumi" in release["programs"])
    found = re.findall(
        r"AS pulumi-(\w+)\nADD --checksum=sha256:([0-9a-f]{64}) \\\n +(https://\S+) ", TEXT, re.MULTILINE
    )
    assert len(found) == TEXT.count("https://") == 2
    assert {machine: (checksum, url) for machine, checksum, url in found} == {
        machine: (files[f"linux-{machine}"]["sha256"], files[f"linux-{machine}"]["url"])
        for machine in ("amd64", "arm64")
    }


def test_the_base_image_is_named_by_digest() -> None:
    images = re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)
    assert set(images) == {"scratch", "pulumi-${TARGETARCH}", "${PYTHON}"}
    assert re.search(
        r"^ARG PYTHON=docker\.io/library/python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", TEXT, re.MULTILINE
    )


def test_packages_are_installed_by_hash_and_this_one_by_checksum() -> None:
    installs = re.findall(r"pip install --no-cache-dir (.*);", TEXT)
    assert installs == ["--only-binary :all: --require-hashes -r requirements.lock", "--no-index --no-deps ./*.whl"]
    assert "sha256sum --check --ignore-missing SHA256SUMS" in TEXT


def test_it_runs_as_a_user_without_rights() -> None:
    last = TEXT[TEXT.rindex("\nFROM ") :]
    users = re.findall(r"^USER (\S+)", last, re.MULTILINE)
    assert users
    assert users[-1].partition(":")[0] not in {"0", "root"}
    assert last.rindex("\nUSER ") > last.rindex("\nRUN ")

"""The image for pipelines: what it downloads is pinned, and it runs as a user without rights. It is not built here."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_pulumi_and_its_plugin_are_those_that_the_engine_tests_run_with() -> None:
    """A cluster's keys pass through them, so their archives are checked."""
    releases = tomllib.loads((ROOT / "sandbox/releases.toml").read_text(encoding="utf-8"))["release"]
    downloads = re.findall(r"^ADD --checksum=sha256:([0-9a-f]{64}) \\\n +(https://\S+) ", TEXT, re.MULTILINE)
    assert len(downloads) == TEXT.count("https://") == 4
    files = [
        release["files"][f"linux-{machine}"]
        for machine in ("amd64", "arm64")
        for program in ("pulumi", "pulumi-resource-kubernetes")
        for release in releases
        if program in release["programs"]
    ]
    assert downloads == [(file["sha256"], file["url"]) for file in files]


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
    # A number: Kubernetes can't tell of a name whether it is root.
    assert int(users[-1].partition(":")[0]) > 0
    assert last.rindex("\nUSER ") > last.rindex("\nRUN ")

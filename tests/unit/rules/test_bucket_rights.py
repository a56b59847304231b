"""The page of storage names each right that the administrator's key needs: by what the code sends, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from ambient_components.provider.store.client import _RIGHTS, _right

ROOT = Path(__file__).parents[3]
PROVIDER = ROOT / "ambient_components" / "provider"
PAGE = ROOT / "docs" / "tasks" / "storage.md"

TABLES_OF_ALL = PROVIDER / "store" / "client.py"
"""It sends what others name, and has tables of operations besides."""

BESIDES = {
    # AWS asks for it beside s3:CreateBucket, where object lock is switched on.
    "s3:PutBucketObjectLockConfiguration",
}
"""Rights that no operation is called after."""


def sent(api: str) -> set[str]:
    """Operations of S3's or IAM's API that the provider names anywhere in its code."""
    model = botocore.session.get_session().get_service_model(api)
    known = {xform_name(name) for name in model.operation_names}
    return {text for file in PROVIDER.rglob("*.py") if file != TABLES_OF_ALL for text in texts(file) if text in known}


def texts(file: Path) -> Iterator[str]:
    """Every text in a file's code."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def needed(api: str) -> set[str]:
    return {right for operation in sent(api) for right in _right(api, operation).split(" and ")}


def documented(api: str) -> list[str]:
    """Rights in the table of the page: after `s3:` in a cell, what stands alone is of S3."""
    page = PAGE.read_text(encoding="utf-8")
    section = page[page.index("\n### What the deployer needs") :]
    found, prefix = [], ""
    for token in re.findall(r"`([^`]+)`|\n\|", section[: section.index("\n## ")]):
        if re.fullmatch(r"[a-z0-9]+:", token) or not token:
            prefix = token
        elif prefix == f"{api}:" and re.fullmatch(r"[A-Z][A-Za-z]+", token):
            found.append(prefix + token)
    return found


def test_what_is_sent_is_found() -> None:
    assert {"create_bucket", "put_public_access_block", "delete_objects", "delete_bucket_lifecycle"} <= sent("s3")
    assert {"create_user", "list_groups_for_user", "remove_user_from_group", "untag_user"} <= sent("iam")


def test_every_call_names_its_operation_where_it_is_found() -> None:
    """`texts` would not see one that is put together."""
    calls = [
        (file.name, node.args[0])
        for file in PROVIDER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("call", "pages")
        if node.args
    ]
    assert len(calls) > 20
    assert [name for name, operation in calls if not isinstance(operation, ast.Constant | ast.Name)] == []


@pytest.mark.parametrize("api", ["s3", "iam"])
def test_every_right_is_in_the_table_and_no_other(api: str) -> None:
    rows = documented(api)
    assert len(rows) == len(set(rows))
    assert sorted(needed(api) - set(rows)) == []
    assert sorted(set(rows) - needed(api) - BESIDES) == []
    assert sorted(right for right in BESIDES if right.startswith(api) and right not in rows) == []


def test_no_right_is_told_for_what_s3_does_not_have() -> None:
    known = {xform_name(name) for name in botocore.session.get_session().get_service_model("s3").operation_names}
    assert sorted(set(_RIGHTS) - known) == []


def test_minios_own_rights_are_in_the_table_and_no_others() -> None:
    named = {
        text for text in texts(PROVIDER / "store" / "minio_client.py") if re.fullmatch(r"admin:[A-Z][A-Za-z]+", text)
    }
    assert len(named) > 10
    assert sorted(documented("admin")) == sorted(named)

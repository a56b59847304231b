"""Policies as MinIO reads them, for its stand-in: what it refuses, how it writes them, and what they decide.

After ``policy/policy.go`` and ``policy/statement.go`` of github.com/minio/pkg v3.1.3. Of conditions it knows nothing.
"""

from fnmatch import fnmatchcase

_FIELDS = {"ID", "Version", "Statement"}
_OF_STATEMENT = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


class MalformedError(Exception):
    """XMinioMalformedIAMPolicy."""


def normal(document: object) -> dict:
    """A document as MinIO stores it: every list in order, nothing that it does not know.

    Raises:
        MalformedError: MinIO would not take it.
    """
    if not isinstance(document, dict) or set(document) - _FIELDS:
        msg = f"unknown field in {document!r}"
        raise MalformedError(msg)
    version = document.get("Version", "")
    if version not in ("2012-10-17", ""):
        msg = f"invalid version {version!r}"
        raise MalformedError(msg)
    mark = {"ID": document["ID"]} if document.get("ID") else {}
    return {**mark, "Version": version, "Statement": [_statement(each) for each in document.get("Statement") or []]}


def decide(document: dict, action: str, resource: str = "") -> bool | None:
    """Decide: False where a statement denies it, True where one allows it, None where none says anything."""
    matching = [each["Effect"] for each in document["Statement"] if _matches(each, action, resource)]
    return False if "Deny" in matching else True if "Allow" in matching else None


def _statement(given: dict) -> dict:
    if set(given) - _OF_STATEMENT:
        msg = f"unknown field in {given!r}"
        raise MalformedError(msg)
    statement = {
        name: sorted([value] if isinstance(value, str) else value) if name in ("Action", "Resource") else value
        for name, value in given.items()
    }
    if statement.get("Effect") not in ("Allow", "Deny"):
        msg = f"invalid Effect {statement.get('Effect')}"
        raise MalformedError(msg)
    kinds = {action.split(":")[0] for action in statement.get("Action") or []}
    if len(kinds) != 1:
        msg = "Action must not be empty" if not kinds else "mixing action types in the same statement is not allowed"
        raise MalformedError(msg)
    if kinds == {"s3"} and not statement.get("Resource"):
        msg = "Resource must not be empty"
        raise MalformedError(msg)
    return statement


def _matches(statement: dict, action: str, resource: str) -> bool:
    if not any(fnmatchcase(action, pattern) for pattern in statement["Action"]):
        return False
    if action.startswith("admin:"):
        return True  # their resources are not looked at
    return any(fnmatchcase(f"arn:aws:s3:::{resource}", pattern) for pattern in statement["Resource"])

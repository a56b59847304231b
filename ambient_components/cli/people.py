"""Exports of a directory: the members of groups, and people who left. For display, never for grants."""

import base64
import binascii
import csv
import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from ambient_components.errors import stop
from ambient_components.platform.subjects import Subject, SubjectKind, without_login_prefix

Members = Mapping[str, frozenset[str]]
"""Names of users by name of their group."""

_HINT: Final = "allowed: Group objects of OpenShift as JSON or YAML, CSV (group,user), or LDIF"
_MEMBERS: Final = frozenset({"memberuid", "member", "uniquemember"})
_NAMES: Final = frozenset({"user", "username", "name", "email", "id"})
_RDN: Final = re.compile(r"\s*[\w.-]+\s*=\s*((?:\\.|[^,+\\])*)")
"""The value of the first name of a DN, such as `alice` of `uid=alice,ou=people`."""


def read_members(path: str) -> Members:
    """Read the members of groups from a file."""
    text = _read(path)
    begin = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    pairs = _of_ldif if re.match(r"(version|dn)::? ", begin, re.IGNORECASE) else _of_csv
    if begin.startswith(("{", "[", "---", "apiVersion:", "kind:", "items:", "metadata:", "users:")):
        pairs = _of_objects
    members: dict[str, set[str]] = {}
    try:
        for group, users in pairs(text):
            members.setdefault(group, set()).update(users)
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error, yaml.YAMLError, csv.Error):
        stop(f"{path} can't be read as members of groups", _HINT)
    if not members:
        stop(f"{path} has no group", _HINT)
    return {group: frozenset(users) for group, users in members.items()}


def read_people(path: str) -> frozenset[str]:
    """Read the names of people, for `is_of`, from a file: one a line, or the first column of a CSV."""
    rows = list(_rows(_read(path)))
    names = [row[0].casefold() for row in rows]
    people = frozenset(names[1:] if names and names[0] in _NAMES else names)
    if not people:
        stop(f"{path} names no people", "allowed: one user a line, or CSV with users in the first column")
    return people


def is_of(subject: Subject, people: Collection[str]) -> bool:
    """Tell whether a subject is one of these people, in any case, and with or without the prefix of a login."""
    names = {subject.name, without_login_prefix(subject) or subject.name}
    return subject.kind is SubjectKind.USER and not {name.casefold() for name in names}.isdisjoint(people)


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        stop(f"{path} can't be read: {error}")


def _of_objects(text: str) -> Iterator[tuple[str, Iterable[str]]]:
    documents = [json.loads(text)] if text.startswith(("{", "[")) else yaml.safe_load_all(text)
    for document in filter(None, documents):
        for item in document if isinstance(document, list) else document.get("items", [document]):
            if item["kind"] == "Group":
                yield _text(item["metadata"]["name"]), map(_text, item.get("users") or ())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _of_csv(text: str) -> Iterator[tuple[str, Iterable[str]]]:
    rows = list(_rows(text))
    head = [cell.lower() for cell in rows[0]] if rows else []
    group, user = (head.index("group"), head.index("user")) if {"group", "user"} <= {*head} else (0, 1)
    for number, row in enumerate(rows):
        if number or not {"group", "user"} <= {*head}:
            if len(row) <= max(group, user):
                raise ValueError(row)
            yield row[group], [row[user]]


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the rows that have a first cell, without comments."""
    for row in csv.reader(text.splitlines(), strict=True):
        cells = [cell.strip() for cell in row]
        if cells and cells[0] and not cells[0].startswith("#"):
            yield cells


def _of_ldif(text: str) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield the groups of LDIF (RFC 2849): entries with a member, by their cn, else by the first name of their DN."""
    for entry in re.split(r"\n(?:[ \t]*\n)+", text.replace("\r\n", "\n").replace("\n ", "")):
        attributes = [_attribute(line) for line in entry.splitlines() if ":" in line and not line.startswith("#")]
        users = [_first(value) if "=" in value else value for name, value in attributes if name in _MEMBERS]
        names = [value for name, value in attributes if name == "cn"]
        names += [_first(value) for name, value in attributes if name == "dn"]
        if users:
            yield names[0], users


def _attribute(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    plain = base64.b64decode(value[1:].strip(), validate=True).decode() if value.startswith(":") else value.strip()
    return name.partition(";")[0].lower(), plain


def _first(name: str) -> str:
    """Return the value of the first part of a DN, without escapes."""
    match = _RDN.match(name)
    return re.sub(r"\\(.)", r"\1", match[1]).strip() if match else name

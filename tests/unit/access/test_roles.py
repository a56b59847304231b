"""The table of rights, against the ClusterRoles that the platform ships."""

import re
from pathlib import Path

import pytest
import yaml

from ambient_components.access.effective import (
    ALL_RIGHTS,
    RIGHTS_OF,
    SESSION_RIGHTS,
    TRIGGER_RIGHTS,
    RoleRight,
    parse_right,
    roles_with,
)
from ambient_components.platform.contract import ROLES, Role, cluster_role

MANIFESTS = Path(__file__).parents[3] / "sandbox" / "platform" / "clusterroles.yaml"


def in_manifests():
    """What each ClusterRole's rules come to: API group and right."""
    return {
        document["metadata"]["name"]: {
            (group, RoleRight(verb, resource, name))
            for rule in document["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
            for name in rule.get("resourceNames", [""])
        }
        for document in yaml.safe_load_all(MANIFESTS.read_text())
        if "aggregationRule" not in document
    }


@pytest.mark.parametrize("role", ROLES)
def test_the_table_is_what_the_platform_ships(role):
    assert RIGHTS_OF[role] == {right for _, right in in_manifests()[cluster_role(role)]}


def test_there_are_no_other_roles():
    assert set(in_manifests()) == {cluster_role(role) for role in ROLES}


def test_a_right_needs_no_api_group_to_be_told_from_others():
    groups = {}
    for rights in in_manifests().values():
        for group, right in rights:
            groups.setdefault(right.resource, set()).add(group)
    assert [resource for resource, found in groups.items() if len(found) != 1] == []


def test_all_rights_are_sorted_and_each_is_some_roles():
    assert list(ALL_RIGHTS) == sorted(set(ALL_RIGHTS))
    assert set(ALL_RIGHTS) == set().union(*RIGHTS_OF.values())


def test_the_platforms_own_accounts_have_no_right_that_no_role_has():
    assert set(ALL_RIGHTS) >= SESSION_RIGHTS | TRIGGER_RIGHTS


@pytest.mark.parametrize(
    ("right", "roles"),
    [
        (RoleRight("get", "secrets"), {Role.ADMIN}),
        (RoleRight("get", "secrets", "ambient-runner-secrets"), {Role.EDIT, Role.ADMIN}),
        (RoleRight("get", "secrets", "another"), {Role.ADMIN}),
        (RoleRight("create", "serviceaccounts/token"), {Role.EDIT, Role.ADMIN}),
        (RoleRight("delete", "agenticsessions"), {Role.ADMIN}),
        (RoleRight("get", "projectsettings/status"), {Role.VIEW, Role.ADMIN}),  # not cumulative
        (RoleRight("get", "pods"), set(Role)),
        (RoleRight("create", "pods"), set()),
    ],
    # Sets have another order, and so another name, in every process.
    ids=lambda value: None if isinstance(value, set) else str(value),
)
def test_who_has_a_right(right, roles):
    assert roles_with(right) == roles


def documented():
    """The rows of the page for people: rights, and whether view, edit and admin have them."""
    page = (MANIFESTS.parents[2] / "docs" / "tasks" / "access.md").read_text()
    table = page[page.index("## What the roles come to") : page.index("## What is really there")]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ") and "`" in line]
    return [(row[0], re.findall(r"`([^`]+)`", row[1]), row[2:]) for row in rows]


@pytest.mark.parametrize(("what", "rights", "cells"), documented(), ids=[row[0] for row in documented()])
def test_what_people_are_told_is_what_the_roles_have(what, rights, cells):
    has = [cell.split(",")[0] for cell in cells]
    assert set(has) <= {"yes", "no"}, what
    for role, received in zip(Role, has, strict=True):
        held = {role in roles_with(parse_right(right)) for right in rights}
        assert held == {received == "yes"}, f"{what}: {role}"


def test_people_are_told_enough():
    assert len(documented()) > 15

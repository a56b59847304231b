"""Tests without an engine and a cluster: pip install pytest; pytest."""

from typing import Any

import pulumi

MADE: dict[str, dict[str, Any]] = {}
"""Inputs of each resource, by its logical name."""


class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        MADE[args.name] = args.inputs
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None


pulumi.runtime.set_mocks(Mocks(), project="workspaces", stack="dev")

from infrastructure import workspaces  # noqa: E402


@pulumi.runtime.test
def test_only_owners_are_admins() -> pulumi.Output[None]:
    grants = workspaces["payments"].grants.values()

    def check(_: list[str]) -> None:
        roles = {MADE[f"payments/grant/{who}"]["roleRef"]["name"] for who in workspaces["payments"].grants}
        assert roles == {"ambient-project-edit", "ambient-project-view"}

    return pulumi.Output.all(*(grant.urn for grant in grants)).apply(check)


@pulumi.runtime.test
def test_the_ledger_names_every_workspace() -> pulumi.Output[None]:
    def check(_: str) -> None:
        assert [*MADE["access"]["workspaces"]] == [*workspaces]

    return workspaces.ledger.urn.apply(check)

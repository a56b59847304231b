"""The policy pack: `pulumi preview --policy-pack policy`. What it holds is in `ambient_components.policies`."""

from pulumi_policy import PolicyPack

from ambient_components.policies.pack import policies

PolicyPack("ambient", policies())

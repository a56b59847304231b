"""The policy pack, for `pulumi preview --policy-pack FOLDER`. Its rules are in `ambient_components.policies`."""

from pulumi_policy import PolicyPack

from ambient_components.policies.pack import policies

PolicyPack("ambient", policies())

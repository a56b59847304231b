"""A workspace in Python, with the SDK that `pulumi package add` writes."""

import pulumi
import pulumi_ambient as ambient

config = pulumi.Config()
workspaces = ambient.Workspaces(
    "workspaces",
    workspaces={
        "payments": {
            "owners": ["user:alice@example.com"],
            "grants": [
                {"group": "payments-devs", "role": "edit"},
                {"user": "bob@example.com", "role": "view"},
            ],
            "keys": {"ci": {"role": "edit", "lifetime": "30d"}},
            "secrets": {"runner": {"ANTHROPIC_API_KEY": config.require_secret("anthropic")}},
            "storage": {"bucket": {"name": "payments-sessions", "protect": False}},
            "limits": {"quota": {"requests.cpu": 20, "pods": 50}},
            "protect": False,
        },
    },
)
pulumi.export("ci", workspaces.tokens.apply(lambda tokens: tokens["payments"]["ci"]))

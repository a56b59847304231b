"""The workspaces of this program, apart from `__main__.py`, so that tests import them."""

from ambient_components import Workspaces

workspaces = Workspaces(
    {
        "payments": {
            "owners": ["user:alice@example.com"],
            "grants": [{"group": "payments-devs", "role": "edit"}, {"group": "auditors"}],
            "keys": {"ci": {"lifetime": "30d"}},
        },
    }
)

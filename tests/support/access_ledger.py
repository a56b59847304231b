"""`ambient:index:AccessLedger` in a world with a cluster: entries, ledgers, and the reasons of a refusal."""

from tests.support.fake_plugin import LEDGER

OWNER = "app/dev"
MINE = {"ambient-components/owner": OWNER}


def entry(state="active", owners=("user:alice",), grants=None, keys=None):
    return {"state": state, "owners": list(owners), "grants": grants or {}, "keys": keys or {}}


def ledger(**workspaces):
    return {"owner": OWNER, "workspaces": workspaces}


def ledger_with_everything():
    """A ledger with all features, so with all rights of the deployer."""
    settings, limits = ["caBundle", "featureFlags", "idleTimeout", "mcpServers"], ["containers", "network", "quota"]
    key = {"role": "edit", "generation": 1}
    secrets = {"runner": {"ANTHROPIC_API_KEY": "config payments/anthropic"}}
    full = entry(keys={"ci": key}) | {"settings": settings, "limits": limits, "secrets": secrets}
    full["guard"] = {"mode": "warn"}
    full["schedules"] = {"review": {"schedule": "0 9 * * 1-5"}}
    return ledger(full=full, closed=entry("closed"))


def reasons(world, news, olds=None):
    answer = world.plugin.check(news, olds, urn=LEDGER)
    assert all(not failure.property for failure in answer.failures)
    return [failure.reason for failure in answer.failures]

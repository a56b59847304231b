"""`ambient:index:AccessToken` as its tests ask for it, and what they read of it."""

from datetime import UTC, datetime, timedelta

from pulumi.runtime import proto

from ambient_components.platform.contract import BOUND_OBJECT, BOUND_OBJECT_LABEL, KEY_LABEL, OWNER_ANNOTATION

DAY = 86_400
NAMESPACE = "/api/v1/namespaces/pay"
SECRETS = f"{NAMESPACE}/secrets"
ACCOUNT = f"{NAMESPACE}/serviceaccounts/ambient-key-ci-1"
SOME, NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE
MINTED = {"token", "current", "grantedSeconds", "retiring", "nextAction", "reason"}
WANTED = {
    "namespace": "pay",
    "serviceAccount": "ambient-key-ci-1",
    "serviceAccountUid": "uid-of-the-account",
    "key": "ci",
    "owner": "app/dev",
    "generation": 1.0,
    "lifetimeSeconds": 90.0 * DAY,
    "rotateBeforeSeconds": 14.0 * DAY,
    "overlapSeconds": 7.0 * DAY,
}


def leftover(world, name, age=timedelta(), owner="app/dev", account="ambient-key-ci-1", **notes):
    """A handle that no state records."""
    annotations = {
        OWNER_ANNOTATION: owner,
        "ambient-components/service-account": account,
        "ambient-components/generation": "1",
        "ambient-components/issued-at": (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **notes,
    }
    return world.api.add(SECRETS, name, None, {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}, annotations)


def notes(world, token_secret):
    """The annotations of a handle."""
    return world.api.objects[f"{SECRETS}/{token_secret}"]["metadata"]["annotations"]


def received(world, severity):
    return " / ".join(world.engine.texts(severity))


def due(world):
    """Moves the clock into the window in which a token is renewed."""
    world.later(80 * DAY)

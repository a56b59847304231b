"""Buckets as a program gives them to a workspace, and what the recorder has of them."""

import pulumi

from ambient_components import Bucket, ClusterProviders

ENDPOINT = "http://minio.ambient-code.svc:9000"
BUCKET = {"name": "payments-sessions", "endpoint": ENDPOINT}
EVERYTHING = {
    **BUCKET,
    "versioning": True,
    "expire_after": "90d",
    "tags": {"team": "payments", "cost": "4711"},
    "object_lock": True,
    "encryption": "AES256",
    "adopt": True,
    "on_delete": "delete",
    "force": True,
    "credentials": {
        "lifetime": "30d",
        "rotate_before": "7d",
        "overlap": "1d",
        "rotate": "auto",
        "generation": 3,
    },
}
KEYS = {"access_key": "AKIA-of-somebody", "secret_key": "v-existing"}
EXISTING = {**BUCKET, "driver": "existing", **KEYS}
NAMES = ["STORAGE_MODE", "S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"]


def variables(recording):
    return recording.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]


def storage(recording):
    """What is below the Bucket, by kind."""
    return recording.below(recording.named("Bucket", "payments/storage"))


def inputs_of_credentials(recording):
    item = recording.named("S3Credentials", "payments/storage/credentials")
    return {name: value for name, value in item.inputs.items() if value is not None}


def alone(record, args, name="sessions", opts=None, **surroundings):
    made = []

    def program():
        both = ClusterProviders.of("cluster", unguarded=True).both
        given_ = {"owner": "project/fleet", **BUCKET, **args}
        made.append(Bucket(name, **given_, opts=pulumi.ResourceOptions(providers=both, **(opts or {}))))
        for variable, value in made[0].variables.items():
            pulumi.export(variable, value)

    return record(program, **surroundings), made[0]

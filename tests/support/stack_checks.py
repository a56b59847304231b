"""What the checks find in a stack file of one workspace."""

from ambient_components.model.stack import StackFile
from ambient_components.stackfile.checks.names import check_stack

WS = ("workspaces", "pay")
SEARCH = {"url": "https://mcp.example.com/v1?lang=en", "headers": {"Authorization": "Bearer ${SEARCH_TOKEN}"}}


def findings_of(name="pay", **fields):
    return check_stack(StackFile.model_validate({"workspaces": {name: fields}}))


REF = {"config": "pay/x"}
BUCKET = (*WS, "storage", "bucket")
BY_REFERENCE = {"driver": "existing", "accessKey": {"value": "id"}, "secretKey": REF}


def bucket_findings(stack=None, **fields):
    data = {"workspaces": {"pay": {"storage": {"bucket": {"name": "pay-sessions", **fields}}}}, **(stack or {})}
    return check_stack(StackFile.model_validate(data), lambda path: path[-1] in fields.get("credentials", ()))

"""Models of a stack file, and what is wrong with them in the words that users read."""

import pytest
from pydantic import ValidationError

from ambient_components.errors import hints_of
from ambient_components.model.stack import StackFile
from ambient_components.stackfile.messages import explain


def workspace(**fields):
    return StackFile.model_validate({"workspaces": {"pay": fields}}).workspaces["pay"]


def problems_of(data):
    """Path within the workspace, problem and remedy of each fault."""
    with pytest.raises(ValidationError) as caught:
        StackFile.model_validate(data)
    items = caught.value.errors(include_url=False, include_input=False)
    found = [(".".join(map(str, item["loc"])), *explain(item, data)) for item in items]
    return [(path, problem, "; ".join(hints_of(remedy))) for path, problem, remedy in found]


def in_workspace(**fields):
    return [
        (path.removeprefix("workspaces.pay."), *rest) for path, *rest in problems_of({"workspaces": {"pay": fields}})
    ]

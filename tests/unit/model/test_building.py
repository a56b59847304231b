"""What models cost before one is used: none is built while modules are imported."""

import json
import subprocess
import sys

from ambient_components.model.base import Model, models_in
from ambient_components.model.stack import StackFile
from ambient_components.model.workspaces import SeparateWorkspace

PROGRAM = """
import json
from ambient_components.model.base import Model
import ambient_components.program.workspaces, ambient_components.provider.serving
def all_of(model):
    return [model, *(below for sub in model.__subclasses__() for below in all_of(sub))]
print(json.dumps([model.__name__ for model in all_of(Model)[1:] if model.__pydantic_complete__]))
"""


def test_an_import_builds_no_validator():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_defaults_are_what_a_file_without_the_field_has():
    seen = 0
    for model in {*models_in(StackFile), *models_in(SeparateWorkspace)}:
        for field in model.model_fields.values():
            if isinstance(field.default, Model):
                default = type(field.default)
                assert field.default == default()
                assert field.default.model_fields_set == default().model_fields_set == set()
                seen += 1
    assert seen > 10

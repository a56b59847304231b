"""Which files a stack has: a shard's are those of its fleet."""

from pathlib import Path

import pytest
import yaml

from ambient_components.errors import AmbientError
from ambient_components.stacks.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: my-project\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    return Project.find(tmp_path)


def configure(project: Project, stack: str, **values: object) -> None:
    path = project.folder / "stacks" / f"Pulumi.{stack}.yaml"
    path.write_text(yaml.safe_dump({"config": {f"my-project:{key}": value for key, value in values.items()}}))


@pytest.mark.parametrize("stack", ["prod", "prod-00", "prod-03", "org/prod-03", "org/project/prod-07"])
def test_a_shard_has_the_files_of_its_fleet(project, stack):
    configure(project, "prod", shards="8", clusterUid="u")
    assert project.config_file(stack).name == "Pulumi.prod.yaml"
    assert project.stack_file(stack).name == "prod.yaml"
    assert project.config(stack) == {"shards": "8", "clusterUid": "u"}


@pytest.mark.parametrize("stack", ["prod-08", "prod-3", "stage-00", "prod-003"])
def test_what_is_no_shard_has_files_of_its_own(project, stack):
    configure(project, "prod", shards="8")
    assert project.shard_of(stack) is None
    assert project.config_file(stack).name == f"Pulumi.{stack}.yaml"
    assert project.stack_file(stack).name == f"{stack}.yaml"
    assert project.config(stack) == {}


def test_a_stack_with_a_config_of_its_own_is_no_shard(project):
    configure(project, "prod", shards="8")
    configure(project, "prod-03", clusterUid="own")
    assert project.shard_of("prod-03") is None
    assert project.config("prod-03") == {"clusterUid": "own"}


def test_a_salt_alone_is_no_config_of_its_own(project):
    configure(project, "prod", shards="8")
    (project.folder / "stacks/Pulumi.prod-03.yaml").write_text("encryptionsalt: v1:x\n")
    assert project.shard_of("prod-03") == ("prod", 3)
    assert project.config_file("prod-03").name == "Pulumi.prod.yaml"


def test_a_fleet_without_shards_has_none(project):
    configure(project, "prod", clusterUid="u")
    assert project.shards("prod") is None
    assert project.shard_of("prod-03") is None


def test_a_fleet_knows_its_number_of_shards_and_a_shard_has_none(project):
    configure(project, "prod", shards=8)
    assert project.shards("prod") == project.shards("org/prod") == 8
    assert project.shards("prod-03") is None
    assert project.shard_of("prod") is None
    assert project.shard_of("org/prod-03") == ("org/prod", 3)


@pytest.mark.parametrize("value", ["many", "0", {"secure": "v1:x"}])
def test_what_is_no_number_of_shards_is_said_where_it_stands(project, value):
    configure(project, "prod", shards=value)
    for ask in (project.shards, lambda stack: project.shard_of(f"{stack}-00")):
        with pytest.raises(AmbientError, match=r"^stacks/Pulumi\.prod\.yaml: my-project:shards: .* allowed: 1 to 999"):
            ask("prod")

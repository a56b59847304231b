"""What the options of `Workspaces` and of each component do to what is made, and those that would do nothing."""

import pulumi
import pulumi_kubernetes as k8s
import pytest

from ambient_components import AccessLedger, ApiKey, Bucket, ClusterProviders, Grant, Workspace, Workspaces
from ambient_components.resources import Provider
from tests.program.conftest import CLUSTER
from tests.program.test_inherited import COMPONENTS
from tests.support.recorder import Recorder

FILE = "workspaces: {payments: {owners: [user:alice@example.com], keys: {ci: {}}}}"
BUCKET_FILE = "workspaces: {payments: {storage: {bucket: {name: sessions}}}}"
STORE = {"objectStore": '{"endpoint": "https://s3.example.com"}'}
ENTRIES = {"payments": {"owners": ["user:alice@example.com"], "keys": {"ci": {}}}}


def options(**given):
    return pulumi.ResourceOptions(**given)


@pytest.fixture(params=["mapping", "file"])
def workspaces(request, tmp_path, monkeypatch):
    """Runs a program with `Workspaces` of a mapping, and of a file; `make` returns more arguments."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text(FILE)

    def run(make, config=CLUSTER):
        def program():
            if request.param == "file":
                Workspaces.from_file("other.yaml", **make())
            else:
                Workspaces(ENTRIES, **make())

        return Recorder(config).run(program)

    return run


def made(recording):
    return [item for item in recording if not item.type.startswith("pulumi:providers:")]


@pytest.mark.parametrize("form", ["list", "mapping", "single"])
def test_providers_of_the_options_are_the_cluster(workspaces, form):
    def make():
        both = ClusterProviders.of("mine").both
        if form == "single":
            return {"opts": options(provider=both[0], providers=both[1:])}
        return {"opts": options(providers=both if form == "list" else {each.package: each for each in both})}

    recording = workspaces(make)
    assert {item.provider for item in recording if item.custom and item in made(recording)} == {"mine"}
    assert recording.names("kubernetes") == ["mine"]


def outer(providers):
    return pulumi.ComponentResource("pkg:index:Outer", "outer", opts=options(providers=providers))


def test_providers_of_the_parent_are_the_cluster_unless_it_is_given(workspaces):
    def parent():
        return outer(ClusterProviders.of("outer", cluster_uid=CLUSTER["clusterUid"]).both)

    recording = workspaces(lambda: {"opts": options(parent=parent())})
    assert {item.provider for item in made(recording) if item.custom} == {"outer"}
    assert recording.named("Workspace", "payments").parent == recording.named("Outer", "outer").urn
    given = workspaces(lambda: {"opts": options(parent=parent()), "cluster": ClusterProviders.of("given")})
    assert {item.provider for item in made(given) if item.custom} == {"given"}


@pytest.mark.parametrize("provider", [k8s.Provider, Provider])
def test_a_parent_with_one_provider_of_two_has_no_cluster(workspaces, provider):
    recording = workspaces(lambda: {"opts": options(parent=outer([provider("theirs")]))})
    assert {item.provider for item in made(recording) if item.custom} == {"cluster"}


@pytest.mark.parametrize("uid", [{}, {"cluster_uid": "another"}])
def test_the_parents_cluster_is_that_of_the_config(workspaces, uid):
    text = (
        f"^cluster: the stack's config says {CLUSTER['clusterUid']}, and the parent's provider of ambient does not; "
        "give cluster, or the provider this clusterUid$"
    )
    with pytest.raises(ValueError, match=text):
        workspaces(lambda: {"opts": options(parent=outer(ClusterProviders.of("outer", **uid).both))})


def test_other_providers_are_those_of_the_workspaces(workspaces):
    recording = workspaces(lambda: {"opts": options(providers=[pulumi.ProviderResource("other", "another")])})
    assert recording.named("Workspace", "payments").providers["other"] == "another"
    assert recording.named("Namespace", "payments/namespace").provider == "cluster"


def test_half_a_cluster_and_two_are_refused(workspaces):
    text = "^the option providers lacks the package {}: give providers of kubernetes and ambient$"
    for provider, missing in ((k8s.Provider, "ambient"), (Provider, "kubernetes")):
        with pytest.raises(ValueError, match=text.format(missing)):
            workspaces(lambda provider=provider: {"opts": options(provider=provider("mine"))})
    with pytest.raises(ValueError, match=r"^cluster: is given by the option providers too; give one of them$"):
        workspaces(
            lambda: {"cluster": ClusterProviders.of("a"), "opts": options(providers=ClusterProviders.of("b").both)}
        )


def test_transforms_reach_the_ledger_and_the_workspaces(workspaces):
    seen = []

    def labelled(args):
        seen.append(args.name)
        if args.type_ == "kubernetes:core/v1:Namespace":
            args.props["metadata"] = {**args.props["metadata"], "labels": {"team": "a"}}
        return pulumi.ResourceTransformationResult(args.props, args.opts)

    recording = workspaces(lambda: {"opts": options(transformations=[labelled], transforms=[lambda _: None])})
    assert {item.name for item in made(recording)} == set(seen)
    assert all(len(item.transforms) == 1 for item in made(recording))
    namespace = recording.named("Namespace", "payments/namespace")
    assert (namespace.metadata["labels"], namespace.ignore_changes) == ({"team": "a"}, ())


def test_locks_aliases_dependencies_and_timeouts_hold(workspaces):
    def make():
        before = pulumi.CustomResource("pkg:index:Before", "before")
        former = pulumi.Alias(parent="urn:pulumi:dev::ambient-components::pkg:index:Outer::outer")
        timeouts = pulumi.CustomTimeouts(delete="20m")
        locks = {"protect": False, "retain_on_delete": True, "deleted_with": before}
        return {"opts": options(depends_on=[before], aliases=[former], custom_timeouts=timeouts, **locks)}

    recording = workspaces(make)
    before = recording.named("Before", "before").urn
    namespace = recording.named("Namespace", "payments/namespace")
    assert recording.named("AccessLedger", "access").depends_on == {before}
    assert (namespace.protect, namespace.retain_on_delete, namespace.deleted_with) == (False, True, before)
    assert [item.name for item in recording if item.retain_on_delete] == [namespace.name]
    assert any("pkg:index:Outer$" in alias for alias in recording.named("Workspace", "payments").aliases)
    inside = recording.below(recording.named("Workspace", "payments"))
    assert {tuple(item.timeouts.items()) for item in inside} == {(("delete", "20m"),)}


def test_what_would_do_nothing_is_refused(workspaces):
    given = {"ignore_changes": ["metadata"], "import_": "payments", "version": "1.0.0", "replacement_trigger": 1}
    with pytest.raises(ValueError, match="ignore_changes") as refused:
        workspaces(lambda: {"opts": options(**given, delete_before_replace=False, replace_on_changes=[])})
    rest = "is of single resources, and has no effect on a component; set it on the resources that need it, by "
    rest += "a transform"
    assert sorted(str(refused.value).splitlines()) == [
        f"Workspaces: the option ignore_changes {rest}",
        "Workspaces: the option import_ is of single resources; `adopt` takes over what exists",
        f"Workspaces: the option replacement_trigger {rest}",
        f"Workspaces: the option version {rest}",
    ]


@pytest.mark.parametrize("component", COMPONENTS)
def test_components_refuse_them_too_and_hand_timeouts_down(record, component):
    def program(**given):
        both = ClusterProviders.of("cluster", unguarded=True).both
        component("payments", **COMPONENTS[component], opts=options(providers=both, **given))

    kind = {Workspace: "workspace", Grant: "grant", ApiKey: "key", Bucket: "bucket"}[component]
    with pytest.raises(ValueError, match=f"^{kind} 'payments': the option ignore_changes is of single resources"):
        record(lambda: program(ignore_changes=["metadata"]))
    recording = record(lambda: program(custom_timeouts=pulumi.CustomTimeouts(create="5m")))
    below = recording.below(recording.named(component.__name__, "payments"))
    assert below
    assert {tuple(item.timeouts.items()) for item in below} == {(("create", "5m"),)}


def test_a_files_store_is_that_of_the_programs_cluster(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text(BUCKET_FILE)
    recorder = Recorder({**CLUSTER, **STORE})

    def program(**store):
        return lambda: Workspaces.from_file("other.yaml", cluster=ClusterProviders.of("mine", **store)) and None

    with pytest.raises(pulumi.RunError, match="needs an object store, and the program's cluster has no store"):
        recorder.run(program())
    recording = recorder.run(program(store={"endpoint": "https://minio.example.com"}))
    values = recording.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]
    assert values["S3_ENDPOINT"].value == "https://minio.example.com"
    assert recording.named("AccessLedger", "access").inputs["workspaces"]["payments"]["bucket"]["endpoint"] == (
        "https://minio.example.com"
    )


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("form", ["output", "list", "in a list"])
def test_a_ledger_in_an_output_is_a_ledger(record, form, preview):
    def program(name):
        providers = ClusterProviders.of("cluster")
        entries = {"owner": "p/f", "workspaces": {"payments": {}}}
        ledger = AccessLedger("access", entries, options(provider=providers.ambient))
        later = ledger.urn.apply(lambda _: [ledger] if form == "list" else ledger)
        after = [later] if form == "in a list" else later
        Workspace(name, owner="p/f", opts=options(providers=providers.both, depends_on=after))

    recording = record(lambda: program("payments"), preview=preview)
    ledger = recording.named("AccessLedger", "access")
    assert recording.named("Namespace", "payments/namespace").depends_on == {ledger.urn}
    with pytest.raises(pulumi.RunError, match="workspace 'other' depends on no AccessLedger that names it"):
        record(lambda: program("other"), preview=preview)

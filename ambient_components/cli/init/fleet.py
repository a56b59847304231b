"""`ambient init FLEET --shards N`: create a fleet's stacks, with one config and one salt or key for all of them.

As for a plain stack, everything is checked before anything changes, and a second run completes what is missing.
"""

from dataclasses import replace

from ambient_components.cli.init.initialize import (
    CONTEXT,
    Existing,
    Look,
    Outcome,
    Request,
    decide,
    has_passphrase,
    passphrase_missing,
    wanted_cluster,
    wanted_context,
    wanted_provider,
    write_files,
)
from ambient_components.cli.prompts import Ask, take_defaults
from ambient_components.engine.backend import current_backend, stack_names
from ambient_components.engine.command import Engine
from ambient_components.errors import BadValue, Where, fail
from ambient_components.fleet.creation import make_shards, provider_of, set_fleet_key
from ambient_components.shards import CONFIG_KEY, FLEET_KEY, shard_count, shard_stack
from ambient_components.stacks.cluster import identify
from ambient_components.stacks.project import Project, bare_name


def initialize_fleet(
    request: Request,
    shards: int,
    project: Project,
    engine: Engine,
    *,
    ask: Ask = take_defaults,
    look: Look = identify,
) -> Outcome:
    """Create or complete a fleet. Existing settings are never changed.

    Args:
        request: The options. Its stack is the fleet.
        shards: The number of stacks.
        project: The project.
        engine: The engine on the chosen backend.
        ask: Asks the user.
        look: Identifies the cluster.

    Raises:
        AmbientError: A precondition failed and nothing was changed, or Pulumi failed midway. A second run then
            continues.
    """
    count = _count(shards)
    fleet, config_file = request.stack, project.config_file(request.stack)
    names = [shard_stack(fleet, number) for number in range(count)]
    known = stack_names(engine)
    missing = [name for name in names if bare_name(name) not in known]
    _check(fleet, count, project, known, names)
    config = project.config(fleet)
    has_config = config_file.exists()
    provider = provider_of(config_file) if has_config else wanted_provider(request, ask, engine)
    if provider == "default" and (current_backend(engine) or "").startswith("https://"):
        remedy = "give --secrets-provider passphrase, or a key of your cloud such as awskms://…"
        fail(None, "", "Pulumi Cloud encrypts each stack with a key of its own, and shards share one config", remedy)
    if missing and provider == "passphrase" and not has_passphrase(engine):
        passphrase_missing()
    context = wanted_context(request, config, ask, engine)
    uid, openshift, server = wanted_cluster(request, context, engine, look)
    given = request if CONTEXT in config else replace(request, context=context)
    found = Existing(not missing, config, project.stack_file(fleet).exists(), uid, openshift)
    shown = project.shown(config_file)
    decision = decide(given, found, shown, f"--stack {names[0]} --config-file {shown}")

    lines = []
    flags = ("--stack", names[0], "--config-file", str(config_file))
    if missing:
        make_shards(engine, project, missing, config_file, provider)
        lines.append(f"Made {_those(missing)} (secrets provider: {provider}), with one config: {shown}")
    for key, value in {**decision.settings, CONFIG_KEY: str(count)}.items():
        if key in config:
            continue
        engine.run("config", "set", "--plaintext", key, value, *flags)
        lines.append(f"Set {key}: {value}{f' ({server})' if key == 'clusterUid' and server else ''} in {shown}")
    if FLEET_KEY not in config:
        set_fleet_key(engine, flags)
        lines.append(f"Set {FLEET_KEY}: a random secret, by which runs see whether a secret changed, in {shown}")
    lines += write_files(project, fleet)
    there = len(missing) < count and lines
    added = ("Some of it was there already: what was missing was added, the rest is unchanged.",) if there else ()
    return Outcome(tuple(lines), (*added, *decision.notes))


def _count(shards: int) -> int:
    try:
        return shard_count(shards)
    except BadValue as error:
        return fail(None, "--shards", error.problem, error.hints)


def _check(fleet: str, count: int, project: Project, known: set[str], names: list[str]) -> None:
    """Refuse a fleet that conflicts with existing stacks or configs."""
    config_file = project.config_file(fleet)
    shown = project.shown(config_file)
    said = project.shards(fleet)
    if said is not None and said != count:
        fail(
            Where(shown),
            CONFIG_KEY,
            f"the fleet {fleet!r} has {said} shards already, and not {count}",
            f"workspaces move with the number: ambient reshard {fleet} --shards {count}",
        )
    if said is None and bare_name(fleet) in known:
        fail(
            None,
            "",
            f"{fleet!r} is a plain stack already",
            f"divide it, and what it holds with it: ambient reshard {fleet} --shards {count}",
        )
    for name in names:
        own = config_file.with_name(f"Pulumi.{bare_name(name)}.yaml")
        if own.exists():
            remedy = "remove the file if it is a leftover, or choose another name for the fleet"
            fail(Where(project.shown(own)), "", f"{name!r} would be a shard, and has a config of its own", remedy)
        if not config_file.exists() and bare_name(name) in known:
            remedy = f"restore it from Git; if the stack is new and empty: pulumi stack rm {name}"
            fail(Where(shown), "", f"the shard {name!r} is there, and the fleet's config is not", remedy)


def _those(names: list[str]) -> str:
    return f"the stack {names[0]}" if len(names) == 1 else f"{len(names)} stacks, {names[0]} to {names[-1]}"

"""What a bucket's arguments may be: the rules of the stack file's checks that a library user could break as well."""

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ambient_components.access.entries import ACTIVE, CLOSED, DRIVERS, EXISTING, RELEASED, STATES
from ambient_components.keys import NEVER, Policy, misfit
from ambient_components.storage import bucket_name_problem, endpoint_problem
from ambient_components.storage.names import RESERVED_TAGS
from ambient_components.suggest import allowed_words

S3: Final = "s3"
"""The driver by which this tool makes the bucket."""

AWS: Final = "aws"
"""The driver by which pulumi-aws does."""

KEEP: Final = "keep"
DELETE: Final = "delete"
"""What becomes of a bucket that leaves the program."""

LIFETIME_DEFAULT: Final = 7_776_000
"""Seconds, 90 days: the life of an access key where nothing is said."""

_LIFETIME_MIN: Final = 86_400
_LIFETIME_MAX: Final = 31_536_000
_OVERLAP_MIN: Final = 3_600
_OF_THE_BUCKET: Final = ("versioning", "expireAfterDays", "tags", "objectLock", "encryption", "adopt", "onDelete")
_OF_A_DRIVER: Final = (*_OF_THE_BUCKET, "shared", "force", "credentials", "state", "protect")
_KEYS: Final = ("accessKey", "secretKey")


def check_bucket(name: str, args: Mapping[str, Any]) -> None:
    """Refuses what a store would refuse, and what would leave a workspace with half of its storage.

    Raises:
        ValueError: with every problem, one a line.
    """
    problems = list(bucket_problems(args))
    if problems:
        raise ValueError("\n".join(f"bucket {name!r}: {problem}" for problem in problems))


def bucket_problems(args: Mapping[str, Any]) -> Iterator[str]:
    """All that is wrong with a bucket's arguments; a closed workspace's needs no keys."""
    driver = args.get("driver") or S3
    yield from _names(args, driver)
    if driver == EXISTING:
        yield from _existing(args)
    else:
        yield from (f"{field} is of driver {EXISTING}" for field in _KEYS if args.get(field) is not None)
        yield from _shared(args)
        yield from _settings(args, driver)
        yield from _life(args.get("credentials") or {})
    if driver == AWS and importlib.util.find_spec("pulumi_aws") is None:
        yield f"driver {AWS} needs pulumi-aws: pip install 'ambient-components[aws]'"


def _names(args: Mapping[str, Any], driver: str) -> Iterator[str]:
    if problem := bucket_name_problem(str(args.get("name") or "")):
        yield f"name {args.get('name')!r} {'; '.join(problem)}"
    if driver not in DRIVERS:
        yield f"driver {driver!r}; {allowed_words(str(driver), DRIVERS)}"
    if not args.get("endpoint"):
        yield "endpoint is missing: sessions are told where the store is; allowed: https://HOST or http://HOST"
    elif problem := endpoint_problem(args["endpoint"]):
        yield f"endpoint {'; '.join(problem)}"
    if (state := args.get("state") or ACTIVE) not in (ACTIVE, RELEASED):
        yield f"state {state!r}; {allowed_words(str(state), (ACTIVE, RELEASED))}"
    if (state := args.get("workspaceState") or ACTIVE) not in STATES:
        yield f"workspaceState {state!r}; {allowed_words(str(state), STATES)}"


def _existing(args: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{field} is not of driver {EXISTING}" for field in _OF_A_DRIVER if args.get(field) is not None)
    if args.get("workspaceState") != CLOSED:
        # Half a pair would leave every session's state ephemeral, and nobody would be told (contract 4).
        yield from (f"driver {EXISTING} needs {field}" for field in _KEYS if args.get(field) in (None, ""))


def _shared(args: Mapping[str, Any]) -> Iterator[str]:
    if not args.get("shared"):
        return
    if not args.get("workspace"):
        yield "shared needs a workspace, whose part of the bucket the credentials are for"
    theirs = (field for field in (*_OF_THE_BUCKET, "force") if args.get(field) is not None)
    yield from (f"{field} of a shared bucket is its owner's to say" for field in theirs)


def _settings(args: Mapping[str, Any], driver: str) -> Iterator[str]:
    if (how := args.get("onDelete") or KEEP) not in (KEEP, DELETE):
        yield f"onDelete {how!r}; {allowed_words(str(how), (KEEP, DELETE))}"
    if args.get("force") and how != DELETE:
        yield f"force without onDelete: {DELETE}"
    if (kind := args.get("encryption")) not in (None, "AES256", "aws:kms"):
        yield f"encryption {kind!r}; {allowed_words(str(kind), ('AES256', 'aws:kms'))}"
    if args.get("objectLock") and args.get("versioning") is False:
        yield "objectLock needs versioning"
    if (days := args.get("expireAfterDays")) is not None and (not isinstance(days, int) or days < 1):
        yield f"expireAfterDays {days}; allowed: whole days, at least 1"
    if reserved := [key for key in args.get("tags") or () if key.lower().startswith(RESERVED_TAGS)]:
        yield f"tags: {', '.join(sorted(reserved))}: {' and '.join(RESERVED_TAGS)} are reserved"
    if driver == AWS and args.get("adopt"):
        # The engine imports only what matches the program to the letter, and the mark is not there yet.
        yield f"adopt is not of driver {AWS}: take the bucket over with driver {S3}, or by pulumi import"


def _life(credentials: Mapping[str, Any]) -> Iterator[str]:
    life, never = credentials.get("lifetimeSeconds"), bool(credentials.get("never"))
    if (generation := credentials.get("generation")) is not None and generation < 1:
        yield f"credentials: generation {generation}; allowed: 1 or a higher number"
    if never and life is not None:
        yield "credentials: lifetimeSeconds of keys that never end"
    elif life is not None and not _LIFETIME_MIN <= life <= _LIFETIME_MAX:
        yield f"credentials: lifetimeSeconds {life}; allowed: {_LIFETIME_MIN} to {_LIFETIME_MAX}"
    else:
        policy = Policy.of(
            NEVER if never else life or LIFETIME_DEFAULT,
            credentials.get("rotateBeforeSeconds"),
            credentials.get("overlapSeconds"),
            credentials.get("runEverySeconds") or 0,
            manual=credentials.get("manual"),
        )
        if wrong := misfit(policy):
            yield f"credentials: {'; '.join(wrong)}"
        elif not policy.manual and policy.overlap < _OVERLAP_MIN:
            # A session keeps the key that it was started with.
            yield f"credentials: an overlap of {policy.overlap} s; allowed: {_OVERLAP_MIN} or more"

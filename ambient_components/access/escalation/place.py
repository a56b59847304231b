"""A workspace of a ledger as the rules of escalation look at it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.access.entries import BucketEntry, Entry, KeyEntry
from ambient_components.access.holdings import Holding, of_ledger
from ambient_components.contract import Role
from ambient_components.rules.roles import MINTERS

VIEW: Final = Role.VIEW.value
EDIT: Final = Role.EDIT.value
ADMIN: Final = Role.ADMIN.value


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace."""

    name: str

    entry: Entry

    holdings: tuple[Holding, ...]
    """Who holds something here, sorted."""

    minters: tuple[Holding, ...]
    """Who holds edit or admin, keys too: they mint tokens, and run sessions."""

    editors: tuple[Holding, ...]
    """Who holds edit, and is no admin besides."""

    @classmethod
    def of(cls, name: str, entry: Entry, holdings: Iterable[Holding] | None = None) -> "Place":
        """The workspace, with its own holdings if they are known already."""
        held = tuple(sorted(of_ledger({name: entry}) if holdings is None else holdings))
        admins = {one.subject for one in held if one.role == ADMIN}
        minters = tuple(one for one in held if one.role in MINTERS)
        return cls(name, entry, held, minters, tuple(one for one in minters if one.subject not in admins))

    @property
    def keys(self) -> Mapping[str, KeyEntry]:
        """Keys by id."""
        return self.entry.keys

    @property
    def bucket(self) -> BucketEntry | None:
        """Its own bucket, whose credentials sessions have; None: the platform's shared store."""
        return self.entry.bucket

    @property
    def runs_sessions(self) -> bool:
        """Whether the platform has it on its list."""
        return not self.entry.is_closed

    @property
    def exposed_admin_keys(self) -> tuple[str, ...]:
        """Ids of the admin keys whose power somebody with edit can take, sorted."""
        return tuple(sorted(key for key, what in self.keys.items() if what.role == ADMIN)) if self.editors else ()

    def keys_where(self, test: Callable[[KeyEntry], object]) -> tuple[str, ...]:
        """Ids of the keys that pass a test, sorted."""
        return tuple(sorted(key_id for key_id, key in self.keys.items() if test(key)))


def strength(role: str) -> int:
    """Orders roles by their names, the weakest first."""
    return [VIEW, EDIT, ADMIN].index(role)


def named(ids: Iterable[str]) -> str:
    """Keys in a sentence: `key ci`, `keys ci, report`."""
    listed = list(ids)
    return f"{'key' if len(listed) == 1 else 'keys'} {', '.join(listed)}"


def fields(ids: Iterable[str], field: str) -> str:
    """A field of keys, as people look for it in the stack file: `keys.ci.role`."""
    return ", ".join(f"keys.{key_id}.{field}" for key_id in ids)

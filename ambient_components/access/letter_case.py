"""Changes of subjects in upper and lower case alone. To Kubernetes they are other subjects."""

from collections.abc import Iterator

from ambient_components.access.entries import Entry, Ledger
from ambient_components.errors import Problem, refusal
from ambient_components.rules.warnings import LoudWarning


def case_changes(before: Ledger, after: Ledger) -> Iterator[Problem]:
    for name in sorted(before.keys() & after.keys()):
        old, new = _subjects(before[name]), _subjects(after[name])
        lost = {subject.casefold(): subject for subject in sorted(old - new)}
        for gained in sorted(new - old):
            if (former := lost.get(gained.casefold())) is not None:
                yield refusal(
                    f"workspace {name!r}: {former} becomes {gained}: Kubernetes compares names with their case, so "
                    "this is another subject",
                    "make sure that the identity provider has the new name in exactly this case",
                    rule=LoudWarning.CASE_CHANGED,
                    workspaces=(name,),
                )


def _subjects(entry: Entry) -> set[str]:
    return {*entry.owners, *entry.grants}

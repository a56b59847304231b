"""The guard of a stack as text, for several verbs."""

from ambient_components.output import Paint
from ambient_components.printable import one_line
from ambient_components.stacks.guard_report import IMPERSONATE, GuardReport


def guard_text(report: GuardReport, paint: Paint) -> str:
    """Return the status of the cluster's guard, the guard of each workspace, and whom it does not bind."""
    lines = [paint(one_line(report.status), "loud" if report.is_known_to_lack else "bold")]
    lines += [f"  {one_line(name)}  {guard}" for name, guard in report.workspaces.items()]
    for item in report.unbound:
        why = "may impersonate service accounts" if item.role in IMPERSONATE else "exempts from it"
        who = one_line(f"{item.subject} in {item.workspace}: {item.role} {why}")
        lines.append(paint(f"  ! not bound by it: {who}", "loud"))
    for item in report.everywhere or ():
        who = one_line(f"{item.subject} in every workspace: {item.role} exempts from it")
        lines.append(paint(f"  ! not bound by it: {who}", "loud"))
    if report.everywhere is None:
        lines.append(paint("  ? ClusterRoleBindings that exempt from it are not known: they may not be listed", "dim"))
    return "\n".join(lines)

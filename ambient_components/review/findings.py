"""Escalation paths: one block for each path, and in it what is the same for many workspaces once."""

from collections import Counter
from collections.abc import Iterable

from ambient_components.access.escalation.findings import MEANINGS, Finding, Severity
from ambient_components.html.page import Markup, Part, Row, folded, join, name, table, tag
from ambient_components.printable import counted
from ambient_components.review.facts import Ids, Review
from ambient_components.rules.escalation_paths import Path


def findings_part(review: Review, ids: Ids) -> Part:
    # `Review.findings` is sorted by severity and path, and a path may have two severities.
    paths: dict[Path, list[Finding]] = {}
    for finding in review.findings:
        paths.setdefault(finding.path, []).append(finding)
    shown: dict[tuple[object, ...], Path] = {}
    blocks = [_path(ids, path, findings, shown) for path, findings in paths.items()]
    body = tag("div", blocks, class_="cards") if blocks else tag("p", "No subject can become more than was granted.")
    return Part("findings", "Who can become what", body, len(review.findings))


def finding_id(path: Path) -> str:
    return f"f-{path.value}"


def counts(findings: Iterable[Finding]) -> str:
    number = Counter(finding.severity for finding in findings)
    return ", ".join(f"{number[grade]} {grade}" for grade in Severity if number[grade])


def severity(grade: Severity) -> Markup:
    return tag("span", grade.value, class_=f"sev {grade.value}")


def _path(ids: Ids, path: Path, findings: list[Finding], shown: dict[tuple[object, ...], Path]) -> Markup:
    grades = sorted({finding.severity for finding in findings}, key=list(Severity).index)
    workspaces = len({finding.workspace for finding in findings})
    head = (
        *(severity(grade) for grade in grades),
        tag("span", MEANINGS[path], class_="who"),
        tag("small", counted(workspaces, "workspace")),
        tag("small", findings[0].can),
    )
    blocks = [_variant(ids, variant, shown) for variant in _variants(findings)]
    return folded(head, blocks, open=Severity.HIGH in grades, id=finding_id(path), class_="card")


def _variants(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings with the same texts together, in the order of the first of each."""
    variants: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        texts = (finding.severity, finding.can, finding.how, finding.remedy, finding.effect)
        variants.setdefault(texts, []).append(finding)
    return list(variants.values())


def _variant(ids: Ids, findings: list[Finding], shown: dict[tuple[object, ...], Path]) -> Markup:
    first = findings[0]
    facts = [("Can", first.can), ("How", first.how)]
    if first.closed_by:
        facts = [
            ("Could", first.can),
            ("How", first.how),
            ("Closed", f"by the guard's rule {first.closed_by}, if the cluster has it"),
        ]
    else:
        if first.effect:
            facts.append(("Weakened", f"by the guard's rule {first.weakened_by}: {first.effect.remains}"))
        facts += [("or" if number else "Change", remedy) for number, remedy in enumerate(first.remedy)]
    listed = tag("dl", [join(tag("dt", label), tag("dd", text)) for label, text in facts])
    who = tuple((finding.workspace, finding.who) for finding in findings)
    known = shown.setdefault(who, first.path)
    if known is not first.path:
        same = tag("a", MEANINGS[known], href=finding_id(known))
        return join(listed, tag("p", f"In {len(findings)} workspaces, the same subjects as for: ", same))
    return join(
        listed, table(f"Who can {name(first.can)}", ["Workspace", "Who"], (_row(ids, finding) for finding in findings))
    )


def _row(ids: Ids, finding: Finding) -> Row:
    who = ", ".join(name(each.seen_from(finding.workspace)) for each in finding.who) or "others, who are not known here"
    return Row([tag("a", name(finding.workspace), href=ids.workspace(finding.workspace)), who])

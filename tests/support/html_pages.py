"""What every HTML page has to be, whatever the names in it are: well-formed, self-contained and readable for all."""

import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser

VOID = {"input", "meta"}
ESCAPES = "\x1b]0;x\x07\r\n::error title=x::y\u202e\u200b"
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    '" autofocus onfocus="alert(1)',
    "<!-- ",
    "-->",
    "&lt;b&gt;&amp;",
    "javascript:alert(1)",
    "https://evil.example.com/?q=",
    "//evil.example.com",
    "user:\u202ealice@example.com",
    "\u2066admin\u2069",
    ESCAPES,
    "x" * 5_000,
    "",
    " ",
    "\x00",
    "\ud800",
    "ü",
)
"""Names that must stay text."""


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.texts: dict[str, list[str]] = {}
        self.flow: list[str] = []
        self.tables: list[set[str]] = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if len(found) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        self.elements.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if "href" in found:
            self.links.append(found["href"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.tables.append(set())
        elif tag in ("caption", "thead", "tbody"):
            self.tables[-1].add(tag)
        if tag == "th" and found.get("scope") not in ("col", "row"):
            self.faults.append("a th has no scope")
        if tag == "input" and "label" not in self.open:
            self.faults.append("an input has no label")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes another element")

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)
        if data.strip() and not {"style", "script"} & set(self.open):
            self.flow.append(data.strip())

    def handle_comment(self, data):
        self.faults.append("a comment")

    def unknown_decl(self, data):
        self.faults.append("a declaration")


def read(text: str) -> _Page:
    """Parse a page."""
    page = _Page()
    page.feed(text)
    page.close()
    return page


def words(text: str) -> str:
    """What a person can read on a page, in its order: a line for each text between two tags."""
    return "\n".join(read(text).flow)


def faults(text: str) -> list[str]:
    """Everything that is wrong with a page."""
    page = read(text)
    found = list(page.faults)
    found += [f"<{tag}> is not closed" for tag in page.open]
    counts = Counter(page.ids)
    found += [f"the id {one} is there twice" for one, count in counts.items() if count > 1]
    found += [
        f"the link {link} leads nowhere" for link in page.links if not link.startswith("#") or link[1:] not in counts
    ]
    found += [
        f"a table without {part}"
        for table in page.tables
        for part in ("caption", "thead", "tbody")
        if part not in table
    ]
    steps = zip([0, *page.headings], page.headings, strict=False)
    found += [f"h{new} after h{old}" for old, new in steps if new > old + 1]
    found += ["no single h1"] if page.headings.count(1) != 1 else []
    tags = [tag for tag, _ in page.elements]
    found += [f"no single <{one}>" for one in ("title", "main", "header", "footer") if tags.count(one) != 1]
    if page.elements[0] != ("html", {"lang": "en"}) or not text.startswith("<!doctype html>\n"):
        found.append("no language or doctype")
    for tag, attributes in page.elements:
        for key in attributes:
            if key.startswith("on") or key in ("style", "src", "srcset", "action", "background"):
                found.append(f"<{tag} {key}>")
        if tag in ("link", "iframe", "img", "object", "embed", "base"):
            found.append(f"<{tag}>")
    return found + _policy(page)


def _policy(page: _Page) -> list[str]:
    policies = [
        (at, element["content"])
        for at, (tag, element) in enumerate(page.elements)
        if tag == "meta" and element.get("http-equiv") == "Content-Security-Policy"
    ]
    first = min(at for at, (tag, _) in enumerate(page.elements) if tag in ("style", "script"))
    if len(policies) != 1 or policies[0][0] > first:
        return ["no single policy before what it allows"]
    rules = dict(one.split(" ", 1) for one in policies[0][1].split("; "))
    wanted = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    for tag in ("style", "script"):
        (source,) = ["".join(page.texts[tag])]
        wanted[f"{tag}-src"] = f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"
    return [] if rules == wanted else [f"the policy is {rules}, not {wanted}"]

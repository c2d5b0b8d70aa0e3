"""The law in force here: what each pack switches on in this installation, row by row, read or not."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any

from kehu.govern.deadlines import rule_of
from kehu.govern.keeping import keeping, kept_things
from kehu.govern.laws import company, follows
from kehu.govern.packs import KINDS, AgeRule, Breach, Document, Keep, Right, Row, Stays, digest, house_rows, law_packs
from kehu.guard.installation import installation
from kehu.serve.assurance.trial import tested


@dataclass(frozen=True, slots=True)
class Line:
    """A row in one language. ``policies``: each with how many test cases expect it. ``binds``: it binds this company."""

    kind: str
    id: str
    text: str
    detail: dict[str, Any]
    article: str
    source: str
    read: bool
    binds: bool
    policies: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """One law as it stands here; ``policies``: how many of its own decide uses."""

    id: str
    label: str
    place: str
    version: int
    counting: dict[str, Any]
    lines: tuple[Line, ...]
    policies: int
    consents: tuple[str, ...]

    @property
    def read(self) -> int:
        """Rows whose text somebody has read."""
        return sum(line.read for line in self.lines)

    @property
    def unread(self) -> int:
        """Rows that are unverified."""
        return len(self.lines) - self.read


def laws_in_force(language: str, *, law: str | None = None) -> list[InForce]:
    """Every pack in one language, in order; ``law`` (``CN``) has one alone."""
    known, cases = list(installation().rules.policies), tested()
    found = []
    for id, pack in law_packs().items():
        if law not in (None, id):
            continue
        rule, counting = rule_of(id), pack.counting
        shown = {
            "rule": counting.id, "text": counting.words[language], "article": counting.article, "source": counting.source,
            "read": counting.read, "zone": rule.zone, "calendar": rule.calendar,
        }  # fmt: skip
        own = sum(name.partition(".")[0] == id.lower() for name in known)
        consents = tuple(
            slug for slug, one in installation().rules.purposes.items() if one.grounds.get(id) == "consent"
        )
        lines = _lines(pack, language, known, cases)
        found.append(InForce(id, pack.label[language], pack.place[language], pack.version, shown, lines, own, consents))
    return found


def house_lines(language: str) -> tuple[Line, ...]:
    """What the house adds to every law."""
    return _lines(house_rows(), language, [], tested())


def settings() -> dict[str, Any]:
    """What of the law is the company's to say: what it is, what a law follows, and which packs are in force."""
    return {"company": sorted(company()), "follows": sorted(follows(), reverse=True), "digest": digest()}


def kept() -> list[dict[str, Any]]:
    """How long each thing is kept at least and at most, all laws together; where they cross, it is stored and not used."""
    found = []
    for what in kept_things():
        held = keeping(what, law_packs(), company=company())
        if not held.laws:
            continue
        bounds = {
            name: {"months": bound.months, "law": bound.law, "article": bound.row.article, "read": bound.row.read}
            if bound
            else None
            for name, bound in (("at_least", held.at_least), ("at_most", held.at_most))
        }
        found.append({"what": what, **bounds, "laws": list(held.laws), "conflict": held.conflict})
    return found


def _lines(pack: Document, language: str, known: list[str], cases: Any) -> tuple[Line, ...]:
    kinds = company()
    return tuple(
        Line(
            kind, row.id, row.words[language], _detail(row), row.article, row.source, row.read, row.binds(kinds),
            tuple(
                (name, cases[name]) for name in known if any(fnmatch.fnmatch(name, pattern) for pattern in row.policies)
            ),
        )
        for kind in KINDS
        for row in pack.rows(kind)
    )  # fmt: skip


def _detail(row: Row) -> dict[str, Any]:
    """The numbers of a row, for who reads them by machine or at a glance."""
    if isinstance(row, AgeRule):
        return {"below": row.below}
    if isinstance(row, Right):
        term = {"n": row.term.n, "unit": row.term.unit}
        return {"rights": list(row.rights), "step": row.step, "term": term, "more": row.more.n if row.more else 0}
    if isinstance(row, Breach):
        term = {"n": row.term.n, "unit": row.term.unit}
        conditions = {"all": list(row.all), "any": list(row.any), "unless": list(row.unless)}
        return {"to": row.to, "start": row.start, "term": term, **conditions}
    if isinstance(row, Keep):
        return {"what": row.what, "at_least": row.at_least, "at_most": row.at_most}
    if isinstance(row, Stays):
        return {"what": row.what, "months": row.months}
    return {}

"""Before anything is written: provenance checked, files looked through once, columns matched to fields."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID

import orjson
import polars as pl
from django.db import connection as django_connection
from django.db import transaction

from kehu.collect.imports.completed import Completed
from kehu.collect.imports.mended import PutRight
from kehu.collect.imports.prepare import residence_of
from kehu.collect.imports.recipe import KINDS, FileRecipe, ImportTerms, Known, Recipe
from kehu.collect.imports.staging import open_staged
from kehu.collect.imports.supplied import SourceUnfit, asked_of, claimed, fitting, supplier_of
from kehu.collect.mapping import masked_samples, override, shapes, suggest
from kehu.collect.models import Staged
from kehu.collect.presets import Recognised, headless, left_aside, refuses
from kehu.collect.quarantine.correcting import Correction
from kehu.collect.quarantine.source import MendedSource, QuarantineSource, Unread
from kehu.collect.readers import Source, UnreadableSource, open_source
from kehu.govern.consent import notice_in_force
from kehu.govern.laws import packs_beside, packs_for
from kehu.govern.models import Channel, Controller, Notice
from kehu.govern.models import Source as SourceRow
from kehu.govern.notices import covers_of
from kehu.govern.slugs import BASES, PURPOSES
from kehu.guard.aside import AsideDoesNotOpen
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.admit import Admission, CollectionRefused, Terms
from kehu.guard.gate.read import gate
from kehu.guard.gate.state import bits_of
from kehu.guard.installation import installation
from kehu.refine.clean.habits import DATES, NUMBERS, survey

SIZE: Final = 10_000
"""Rows of a chunk: one transaction."""
_SAMPLE: Final = 500
_BLOCK: Final = 1 << 20
_CONSENT_TIME: Final = "consent-time\x1f"  # no field: it has no such name
_TITLED: Final = ("csv", "xlsx")  # formats whose columns have the names that stand in the first row
_PROOF_LIMIT: Final = 8 << 20
_MOST_RESIDENCES: Final = 10_000
_OF_SOMEBODY: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}|\+\d[\d ()./-]{7,}\d|1[3-9]\d{9}|\d{17}[\dXx]")
"""An address, a telephone or an identity number: no header, and where one stands in the first row, that is none."""


class TermsRefused(ValueError):
    """Something is missing or wrong in what was asked; the message says what to add. ``option`` names it."""

    def __init__(self, option: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.option = option
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do: ``mapping`` and ``unmapped`` over all files, masked ``samples``.

    ``shapes``: how the values of columns without a name are made that are left out.
    """

    terms: Terms
    recipe: Recipe = field(repr=False)
    fingerprint: bytes
    way: str
    proof: bytes | None = field(repr=False)
    rows: int
    mapping: dict[str, str] = field(repr=False)
    unmapped: list[str] = field(repr=False)
    samples: dict[str, list[str]] = field(repr=False)
    notes: list[Sequence[str]] = field(default_factory=list, repr=False)
    recognised: tuple[Recognised, ...] = ()
    shapes: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def told(self, language: str) -> list[str]:
        """What whoever imports should know of the files, each once."""
        plain = [headless(language)] if any(not file.header for file in self.recipe.files) else []
        aside = [left_aside(code, about, language) for code, about in self.notes]
        told = [line for one in self.recognised for line in one.told(language)]
        return list(dict.fromkeys([*plain, *aside, *told]))


def make_plan(asked: ImportTerms, *, actor: Actor, known: Known | None = None) -> Plan:
    """Check the provenance and look through the files. Nothing is written.

    Args:
        known: what earlier looks have told of the file, if there is one; what this one finds is added to it, also where the
            terms are refused.
    Raises:
        ActRefused, CollectionRefused: this actor may not, or a law refuses these terms for every row.
        TermsRefused: something is missing or unknown.
        UnreadableSource, MappingRefused: a file or a mapping cannot be followed.
    """
    require_act("collect", actor)
    for file in asked.files:
        if isinstance(file, UUID) and not Staged.objects.filter(id=file, staff=actor.staff, use="import").exists():
            raise AsideDoesNotOpen(str(file))  # somebody else's answers as one that is gone
    terms, notice, country, source = _provenance(asked)
    admission = Admission(installation(), gate().decisions, actor=actor, terms=terms)
    column = asked.residence_column or (None if country or not asked.residence else asked.residence)
    beside = _packs_beside(terms)
    if column is None:
        _require(admission, [country], beside)
    looks = [
        _Look(asked, file, column, actor, known if len(asked.files) == 1 and known else Known()) for file in asked.files
    ]
    if column is not None:
        _require(admission, sorted(set[str | None]().union(*(look.residences for look in looks)), key=str), beside)
    way = asked.consent_way or asked.channel
    recipe = Recipe(
        kind=asked.kind, files=[look.file for look in looks], country=country, residence_column=column,
        consents=dict(asked.consents), consent_time=asked.consent_time, way=way,
        notice_purposes=list(notice.purposes), source_proof=asked.source_proof is not None,
        packs_beside=beside, day_first=asked.day_first, **_of_source(terms, source),
        told={slug: held.version for slug, held in covers_of(notice).items() if slug in dict(asked.consents)},
    )  # fmt: skip
    if source is not None:  # what it may give is known once the columns are
        terms = dataclasses.replace(terms, fields=recipe.brings)
        admission = Admission(installation(), gate().decisions, actor=actor, terms=terms)
        residences = {country} if column is None else set[str | None]().union(*(look.residences for look in looks))
        _require(admission, sorted(residences, key=str), beside)
    mapping: dict[str, str] = {}
    for look in looks:
        mapping |= {name: column for name, column in look.file.fields.items() if name not in mapping}
    return Plan(
        terms=terms, recipe=recipe, fingerprint=_fingerprint(recipe, terms, actor), way=way, proof=asked.source_proof,
        rows=sum(look.file.rows for look in looks), mapping=mapping,
        unmapped=list(dict.fromkeys(name for look in looks for name in look.file.unmapped)),
        samples=looks[0].samples, notes=[note for look in looks for note in look.notes],
        recognised=tuple(look.recognised for look in looks if look.recognised is not None), shapes=looks[0].shapes,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Glance:
    """The columns of a file and what they would be, whatever its terms: for who has yet to say terms that hold."""

    mapping: dict[str, str] = field(repr=False)
    unmapped: list[str] = field(repr=False)
    samples: dict[str, list[str]] = field(repr=False)
    shapes: dict[str, list[str]] = field(repr=False)


def glance(asked: ImportTerms, *, actor: Actor) -> Glance:
    """Look at the first rows of the first file alone.

    Raises:
        ActRefused: the actor may not import.
        UnreadableSource, MappingRefused: the file or a mapping cannot be followed.
    """
    require_act("collect", actor)
    file = asked.files[0]
    path, staged = (None, str(file)) if isinstance(file, UUID) else (str(file.absolute()), None)
    source, header = _read_first(asked, FileRecipe(path, staged, True, "", 0, {}, []), actor)
    first = next(source.batches(_SAMPLE), None)
    if first is None:
        raise UnreadableSource("empty", "the file has a header and no row", "Give a file with at least one row.")
    dictionary = installation().rules.dictionary
    suggested = suggest(source.columns, first.frame, asked.kind, dictionary)
    found = override(suggested, asked.maps, source.columns, dictionary)
    nameless = [] if header else found.unmapped
    samples = masked_samples(first.frame, found.fields, dictionary)
    return Glance(found.fields, found.unmapped, samples, shapes(first.frame, nameless))


def _read_first(asked: ImportTerms, file: FileRecipe, actor: Actor) -> tuple[Source, bool]:
    """A file's records, and whether its first row is a header.

    It is none where a column is named by its place, nor where something of somebody stands in it that nobody names.
    """
    source = opened(file, actor=actor)
    places = [told.partition("=")[2].strip() for told in asked.maps]
    by_place = any(place.startswith("#") and place not in source.columns for place in places)
    somebody = [name for name in source.columns if _OF_SOMEBODY.fullmatch(name)] if source.format in _TITLED else []
    if not by_place and (not somebody or not set(places).isdisjoint(source.columns)):
        return source, True
    return opened(dataclasses.replace(file, header=False), actor=actor), False


def opened(file: FileRecipe, *, actor: Actor) -> Source:
    """A file's records, wherever its bytes lie."""
    held = _held(file, actor)
    if file.codes or file.spares:
        held = Completed(held, codes=file.codes, spares=file.spares)
    # cells were put right by their line, and rows that come again out of quarantine have other places
    return PutRight(held, file.mends) if file.mends and file.replays is None else held


def _held(file: FileRecipe, actor: Actor) -> Source:
    if file.replays is not None:
        ids, columns = [UUID(id) for id in file.replayed], [*file.fields.values(), *file.unmapped]
        if file.path is not None:
            return MendedSource(Path(file.path), ids, columns)
        how = Unread(file.columns, file.delimiter or "", file.codec, Correction.of(file.correction))
        return QuarantineSource(ids, columns, actor=actor, detail=UUID(file.replays), unread=how)
    if file.staged is not None:
        return open_source("staged.json", header=file.header, opener=open_staged(UUID(file.staged), actor=actor))
    return open_source(file.path or "", header=file.header)


def digest_of(file: FileRecipe, *, actor: Actor) -> str:
    """Digest of a file's bytes as they are now; rows out of the quarantine have none."""
    if file.replays is not None:
        return file.digest
    if file.staged is not None:
        return _digest(open_staged(UUID(file.staged), actor=actor)())
    return _digest(Path(file.path or "").open("rb"))


def _of_source(terms: Terms, source: SourceRow | None) -> dict[str, Any]:
    """What a recipe says of the source."""
    said = {"supplier": terms.supplier, "purposes": list(terms.purposes), "claimed": list(terms.claimed)}
    return said | asked_of(source, Controller.objects.get(id=terms.controller).name)


def _provenance(asked: ImportTerms) -> tuple[Terms, Notice, str | None, SourceRow | None]:
    if asked.kind not in KINDS:
        raise TermsRefused("kind", f"kind: one of {', '.join(KINDS)}", "Name it with --kind.")
    if asked.basis not in BASES:
        raise TermsRefused("basis", f"basis: one of {', '.join(BASES)}", "Name the lawful basis with --basis.")
    if not asked.files:
        raise TermsRefused("file", "No file is named.", "Name the file to import.")
    channel = Channel.objects.filter(name=asked.channel).first()
    if channel is None:
        known = ", ".join(Channel.objects.order_by("id").values_list("name", flat=True))
        raise TermsRefused("channel", f"channel: one of {known}", "Make a new one with: kehu channel add")
    controllers = Controller.objects.order_by("id")
    controller = controllers.filter(name=asked.controller).first() if asked.controller else controllers.first()
    if controller is None:
        known = ", ".join(controllers.values_list("name", flat=True))
        raise TermsRefused("controller", f"controller: one of {known}", "Make a new one with: kehu controller add")
    try:
        notice = notice_in_force(asked.notice)
    except Notice.DoesNotExist:
        if asked.notice is None:
            raise CollectionRefused("house.collect-notice") from None
        raise TermsRefused(
            "notice", "There is no notice of that name in force.", "Name it as NAME or NAME@2."
        ) from None
    for purpose, column in asked.consents:
        if purpose not in PURPOSES:
            raise TermsRefused("consent", f"purpose: one of {', '.join(PURPOSES)}", "Write --consent PURPOSE=COLUMN.")
        if refuses(column):
            raise TermsRefused(
                "refusal", "A consent names a column of those who refuse: yes there is a no.",
                "Leave it out, and bring these people in as a list with: kehu subscriptions suppress",
            )  # fmt: skip
    if asked.source_proof is not None and not 0 < len(asked.source_proof) <= _PROOF_LIMIT:
        raise TermsRefused("source-proof", "The proof is empty or larger than 8 MiB.", "Give the document itself.")
    said = "" if asked.residence_column else asked.residence or ""
    country = said if re.fullmatch("[A-Z]{2}", said) else None
    source = _source(asked, channel)
    terms = Terms(
        channel.id, channel.kind, controller.id, asked.basis, notice.id, asked.source_proof is not None, None,
        supplier=supplier_of(channel, source), purposes=claimed(asked.purposes, ()),
        claimed=claimed(asked.purposes, asked.consents),
    )  # fmt: skip
    return terms, notice, country, source


def _source(asked: ImportTerms, channel: Channel) -> SourceRow | None:
    """The source that is named, fit for the channel.

    Raises:
        TermsRefused: it is not, or purposes are unknown.
    """
    if unknown := set(asked.purposes) - set(PURPOSES):
        raise TermsRefused("for", f"{len(unknown)} purpose(s) are unknown.", f"One of {', '.join(PURPOSES)}.")
    digest = hashlib.sha256(asked.source_proof).hexdigest() if asked.source_proof is not None else ""
    try:
        return fitting(channel, asked.source, asked.source_proof, digest)
    except SourceUnfit as unfit:
        raise TermsRefused("source", str(unfit), unfit.remedy) from None


def _packs_beside(terms: Terms) -> int:
    """Laws that come with the places of collection and establishment, where the company's setting says so."""
    channel, controller = Channel.objects.get(id=terms.channel), Controller.objects.get(id=terms.controller)
    return bits_of(packs_beside(collected_in=channel.country, established_in=controller.country))


def _require(admission: Admission, residences: Sequence[str | None], beside: int) -> None:
    """Refuse the whole where the law refuses every residence in it; where only some, their rows are quarantined.

    Raises:
        CollectionRefused: no row could come in.
    """
    with transaction.atomic():
        facts = admission.facts(django_connection.connection)
    refused: list[str] = []
    for packs in sorted({bits_of(packs_for(residence_of(residence))) | beside for residence in residences}):
        answer = admission.verdict(packs, facts)
        if answer.answer != "denied":
            return
        refused.append(answer.policy)
    if refused:
        raise CollectionRefused(refused[0])


class _Look:
    """One look at a file: its rows counted, the habits of its columns learnt, its residences seen; what is known is not read."""

    def __init__(
        self, asked: ImportTerms, file: Path | UUID, residence: str | None, actor: Actor, known: Known
    ) -> None:
        path, staged = (None, str(file)) if isinstance(file, UUID) else (str(file.absolute()), None)
        empty = FileRecipe(path, staged, True, "", 0, {}, [])
        known.digest = known.digest or digest_of(empty, actor=actor)
        self.source, header = _read_first(asked, empty, actor)
        known.read_as(header=header)
        dictionary = installation().rules.dictionary
        first = next(self.source.batches(_SAMPLE), None)
        if first is None:
            raise UnreadableSource("empty", "the file has a header and no row", "Give a file with at least one row.")
        sample = first.frame
        taken = {column for _, column in asked.consents} | {asked.consent_time}
        self._require_columns([*taken - {None}, *([residence] if residence else [])])
        free = [name for name in self.source.columns if name not in taken]
        found = override(suggest(free, sample, asked.kind, dictionary), asked.maps, self.source.columns, dictionary)
        fields = found.fields
        self.recognised = found.recognised.as_mapped(fields) if found.recognised is not None else None
        codes, self._spares = (
            (self.recognised.codes, self.recognised.spares) if self.recognised is not None else ({}, {})
        )
        self.source = Completed(self.source, codes=codes, spares=self._spares)
        if not fields:
            raise TermsRefused(
                "map", "No column of the file is known as a field.", "Name them with --map field=column."
            )
        used = {*taken, *fields.values(), residence}
        unmapped = [name for name in self.source.columns if name not in used]
        self.samples = masked_samples(sample, fields, dictionary)
        self.shapes = shapes(sample, [] if header else unmapped)
        columns = dict(fields) | ({_CONSENT_TIME: asked.consent_time} if asked.consent_time else {})
        types = {name: dictionary.field(name).type for name in fields} | {_CONSENT_TIME: "datetime"}
        types = {name: types[name] for name in columns}
        self._learn(known, columns, types, residence)
        self.notes = known.notes
        self.residences = set(known.residences[self._told(residence)]) if residence else set[str | None]()
        learnt = {name: known.dates.get(self._told(column)) for name, column in columns.items() if types[name] in DATES}
        commas = [
            name for name, column in columns.items() if known.commas.get(self._told(column)) and types[name] in NUMBERS
        ]
        self.file = FileRecipe(
            path, staged, header, known.digest, known.rows, fields, unmapped,
            self._day_first(asked, types, {name: first for name, first in learnt.items() if first is not None}),
            sorted(commas), columns=list(self.source.columns),
            delimiter=self.source.delimiter, codec=self.source.codec,
            mends={line: dict(cells) for line, cells in asked.mends.items()}, codes=codes, spares=self._spares,
        )  # fmt: skip

    @staticmethod
    def _day_first(asked: ImportTerms, types: Mapping[str, str], learnt: Mapping[str, bool]) -> dict[str, bool]:
        """How each column of dates is written: as somebody said, else as its values show."""
        if asked.day_first is None:
            return dict(learnt)
        return {name: asked.day_first for name, type_ in types.items() if type_ in DATES}

    def _told(self, column: str) -> str:
        """A column by the name under which it is known: what stands in for it makes another of it."""
        return "\x1f".join([column, *self._spares.get(column, [])])

    def _learn(self, known: Known, columns: Mapping[str, str], types: Mapping[str, str], residence: str | None) -> None:
        """Pass through the file for what is not known of it."""

        def unknown(kinds: Sequence[str], held: Mapping[str, Any]) -> dict[str, str]:
            named = [(name, column) for name, column in columns.items() if types[name] in kinds]
            return {name: column for name, column in named if self._told(column) not in held}

        dates, numbers = unknown(DATES, known.dates), unknown(NUMBERS, known.commas)
        lives = residence if residence and self._told(residence) not in known.residences else None
        if known.rows >= 0 and not (dates or numbers or lives):
            return
        self._rows, residences = 0, set[str | None]()
        wanted = dates | numbers
        habits = survey(self._frames(wanted, lives, residences), {name: types[name] for name in wanted})
        known.rows, known.notes = self._rows, [list(note) for note in self.source.notes]
        known.dates |= {self._told(column): habits.day_first.get(name) for name, column in dates.items()}
        known.commas |= {self._told(column): name in habits.decimal_comma for name, column in numbers.items()}
        if lives:
            known.residences[self._told(lives)] = sorted(residences, key=str)

    def _frames(self, fields: dict[str, str], lives: str | None, residences: set[str | None]) -> Iterator[pl.DataFrame]:
        wanted = [pl.col(column).alias(name) for name, column in fields.items()]
        for batch in self.source.batches(SIZE):
            self._rows += batch.frame.height + len(batch.bad)
            if lives and len(residences) < _MOST_RESIDENCES:
                residences.update(batch.frame[lives].unique().to_list())
            yield batch.frame.select(wanted)

    def _require_columns(self, names: Sequence[Any]) -> None:
        missing = [name for name in names if name not in self.source.columns]
        if missing:
            raise TermsRefused(
                "columns", f"The file has no column of this name: {missing[0]}", "See the columns with --dry-run."
            )


def _fingerprint(recipe: Recipe, terms: Terms, actor: Actor) -> bytes:
    """Keyed digest of contents and options; where the files lie does not enter."""
    told = [
        [[file.digest, file.header, sorted(file.fields.items()), *([file.mends] if file.mends else [])] for file in recipe.files],
        recipe.kind, recipe.country, recipe.residence_column, sorted(recipe.consents.items()), recipe.consent_time,
        recipe.way, terms.channel, terms.controller, terms.basis, terms.notice, terms.source_proof,
        *([terms.supplier, terms.purposes] if terms.supplier is not None else []),
        *([{"day_first": recipe.day_first}] if recipe.day_first is not None else []),
    ]  # fmt: skip
    return installation().tokens.content(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))


def _digest(stream: AbstractContextManager[BinaryIO]) -> str:
    found = hashlib.sha256()
    with stream as held:
        while block := held.read(_BLOCK):
            found.update(block)
    return found.hexdigest()

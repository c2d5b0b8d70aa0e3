"""From a batch of strings to drafts: cleaned, keyed and tokenised; no database, so that it runs beside the writing."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import polars as pl

from kehu.collect.imports.nobody import nobodys, without_nobodys
from kehu.collect.imports.recipe import EVENTS, KINDS, FileRecipe, Recipe
from kehu.collect.imports.supplied import Proofs, Proven
from kehu.collect.imports.written import said_of_rows, sealed_of_rows
from kehu.collect.quarantine.reasons import NO_USABLE_VALUE
from kehu.collect.readers import BadRow, Batch
from kehu.govern.dictionary import Field
from kehu.govern.imported import Said
from kehu.govern.laws import AGE_BANDS, age_band, packs_for
from kehu.govern.slugs import PURPOSES, RECORD_KINDS
from kehu.guard.gate.admit import Draft
from kehu.guard.gate.state import PACKS, bits_of
from kehu.guard.installation import Installation
from kehu.refine.clean import INVALID, VALID, clean, exact_key, names_keys
from kehu.refine.clean.identifiers import is_my_number
from kehu.refine.clean.terms import country_code
from kehu.vault.copying import INT8_ITEM, int8_values
from kehu.vault.seal import packed

CONSENT: Final = "consent\x1f"
SAID_AT: Final = "consent-time\x1f"
RESIDENCE: Final = "residence"
OWN: Final = "own-key\x1f"
JOINS: Final = "joins\x1f"
WHEN: Final = "when\x1f"
WAITING: Final = 0  # kind of the key under which a customer waits of whom only events came
_YES: Final = frozenset({"yes", "true", "1", "是"})
_NO: Final = frozenset({"no", "false", "0", "否"})
_NUMBERS: Final = ("national_id", "registration_number")
_CONTACTS: Final = ("email", "phone")
_NAMES: Final = ("full_name", "legal_name")
_NOTHING: Final = packed({})


@dataclass(slots=True)
class Row:
    """A row on its way.

    ``owners``: keys under which its customer may be known; ``contacts``: index tokens of an event; ``joins``: the keys of
    another name under which the same customer may wait, of whom only events came and what they allow.
    """

    line: int
    draft: Draft
    said: tuple[Said, ...]
    invalid: tuple[str, ...]
    owners: tuple[bytes, ...] = ()
    contacts: tuple[int, ...] = ()
    joins: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that goes to quarantine; ``raw`` is sealed there.

    ``token``: its customer's key, by which an erasure finds it; ``owners``: of an event, the keys of which one is that.
    """

    line: int
    reason: str
    raw: bytes = field(repr=False)
    token: bytes | None = None
    owners: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Prepared:
    """One batch, ready to be resolved and written."""

    rows: list[Row]
    refused: list[Refusal]
    frame: pl.DataFrame = field(repr=False)

    @property
    def count(self) -> int:
        """Rows of the batch, whatever becomes of them."""
        return len(self.rows) + len(self.refused)

    def part(self, start: int, count: int) -> Prepared:
        """Some of it, counted through its rows and then its refusals; all parts together are the whole."""
        held = len(self.rows)
        refused = self.refused[max(0, start - held) : max(0, start + count - held)]
        return Prepared(self.rows[start : start + count], refused, self.frame)

    def raw(self, line: int) -> bytes:
        """A row as it came, to be sealed in quarantine."""
        return _raw_row(self.frame, int(self.frame["line"].search_sorted(line)))


class Preparer:
    """Prepares the batches of one file, in order."""

    def __init__(self, held: Installation, recipe: Recipe, file: FileRecipe, *, controller: int, channel: int) -> None:
        self._held = held
        self._recipe = recipe
        self._file = file
        self._controller = controller
        self._channel = channel
        self._event = recipe.kind in EVENTS
        self._kind = KINDS[recipe.kind]
        self._seen: Counter[bytes] = Counter()
        self._today = dt.datetime.now(dt.UTC).date()
        dictionary = held.rules.dictionary
        self._types = {name: dictionary.field(name).type for name in file.fields}
        self._types_and_time = self._types | ({SAID_AT: "datetime"} if recipe.consent_time else {})
        in_force = {slug: held.rules.purposes[slug].version for slug in recipe.consents}
        self._versions = {slug: min(version, recipe.told.get(slug, version)) for slug, version in in_force.items()}
        self._packs: dict[str | None, int] = {}
        self._reading = held.tokens.content(recipe.reading)[:4] if recipe.reading else b""
        self._proofs = Proofs(
            recipe.proves_consent, recipe.proves_public, recipe.consent_to, held.rules.purposes, dictionary
        )

    @property
    def counts_repeats(self) -> bool:
        """Whether rows without a key of their own are told apart by how often they came in this file."""
        return self._event

    def skip(self, batch: Batch) -> None:
        """Count what an earlier run has done of a batch, so that repeats within the file keep their numbers."""
        self._seen.update(self._contents(self._named(batch.frame)))

    def prepare(self, batch: Batch) -> Prepared:
        """Clean, key and tokenise one batch."""
        refused = [Refusal(bad.line, bad.reason, _raw_of(bad)) for bad in batch.bad]
        if batch.frame.is_empty():
            return Prepared([], refused, batch.frame)
        named = self._named(batch.frame)
        contents = self._contents(named)
        country = self._recipe.country
        frame = clean(
            named, residence=country, columns=self._types_and_time, habits=self._file.habits, today=self._today
        )
        columns = _Columns(without_nobodys(frame), self._held)
        rows: list[Row] = []
        packs, said = self._packs_of(named), list(self._said(frame))
        usable, ages = columns.usable(), self._ages(columns)
        values, tokens = columns.values(), columns.tokens()
        keys, joins = list(self._keys(named, columns, contents)), self._joins(named)
        invalid, when, proofs = columns.invalid(), self._when(named), columns.proofs(self._proofs)
        lines = frame["line"].to_list()
        for at, line in enumerate(lines):
            source, owners = keys[at]
            unproven, agreed = proofs[at]
            if not usable[at] or unproven is not None:
                why = NO_USABLE_VALUE if not usable[at] else unproven or ""
                token = source if "external_id" in self._file.fields and not self._event else None
                whose = owners if self._event else ()
                refused.append(Refusal(line, why, _raw_row(batch.frame, at), token, whose))
                continue
            draft = Draft(
                kind=self._kind, content=contents[at] + self._reading, source=source, values=values[at], tokens=tokens[at],
                identity=[] if self._event else self._identity(columns, at, columns.names[at], packs[at]),
                packs=packs[at], age=ages[at], said_at=when[at], agreed=agreed,
                kind_of_subject=2 if self._kind == RECORD_KINDS["organisation"] else 1,
            )  # fmt: skip
            contacts = columns.contacts(at) if self._event else ()
            rows.append(Row(line, draft, said[at], invalid.get(at, ()), owners, contacts, joins[at]))
        return Prepared(rows, refused, batch.frame)

    # -- what a row is

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        recipe = self._recipe
        wanted = [pl.col(column).alias(name) for name, column in self._file.fields.items()]
        wanted += [pl.col(column).alias(CONSENT + purpose) for purpose, column in recipe.consents.items()]
        if recipe.consent_time:
            wanted.append(pl.col(recipe.consent_time).alias(SAID_AT))
        if recipe.residence_column:
            wanted.append(pl.col(recipe.residence_column).alias(RESIDENCE))
        for name, column in ((OWN, recipe.own_column), (JOINS, recipe.joins_column), (WHEN, recipe.when_column)):
            if column is not None:
                wanted.append(pl.col(column).alias(name))
        return frame.select("line", *wanted)

    def _contents(self, named: pl.DataFrame) -> list[bytes]:
        """Keyed digest of everything a row says, as given: the same row in another order of columns is the same."""
        left_out = {"line", OWN, JOINS, WHEN}
        if self._recipe.silence_is_no_answer:  # what is said with every message is no news each time
            left_out.add(SAID_AT)
        columns = sorted(set(named.columns) - left_out)
        digest = self._held.tokens.content
        return list(map(digest, said_of_rows(named.select(columns))))

    def _when(self, named: pl.DataFrame) -> list[dt.datetime | None]:
        """The sender's own time of each row, where it says one; nobody has said anything tomorrow."""
        if WHEN not in named.columns:
            return [None] * named.height
        now = dt.datetime.now(dt.UTC)
        return [min(dt.datetime.fromisoformat(one), now) if one else None for one in named[WHEN].to_list()]

    def _joins(self, named: pl.DataFrame) -> list[tuple[bytes, ...]]:
        """The keys of the other name that a row gives its customer: of whom events came, and who said what they allow."""
        if JOINS not in named.columns:
            return [()] * named.height
        source, controller, channel = self._held.tokens.source, self._controller, self._channel
        kinds = (WAITING, RECORD_KINDS["person"])
        names = zip(named[JOINS].to_list(), nobodys(named[JOINS]).to_list(), strict=True)
        return [
            tuple([source(controller, channel, kind, one) for kind in kinds]) if one and not nobody else ()
            for one, nobody in names
        ]

    def _keys(
        self, named: pl.DataFrame, columns: _Columns, contents: Sequence[bytes]
    ) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """Each row's own key, and the keys under which its customer may be known."""
        source = self._held.tokens.source
        controller, channel, kind = self._controller, self._channel, self._kind
        own = columns.normal("order_id" if self._event else "external_id")
        if self._recipe.own_column is not None and self._event:
            own = [given or said for given, said in zip(own, named[OWN].to_list(), strict=True)]
        customer = columns.normal("external_id")
        for at, content in enumerate(contents):
            name = customer[at]
            owners: tuple[bytes, ...] = ()
            if name is not None:
                kinds = (1, 2, WAITING) if self._event else (WAITING,)
                owners = tuple([source(controller, channel, one, name) for one in kinds])
            if own[at] is not None:
                key = str(own[at])
            elif self._event:
                self._seen[content] += 1
                key = f"\x1e{content.hex()}\x1e{self._seen[content]}"
            else:
                key = f"\x1e{content.hex()}"
            yield source(controller, channel, kind, key), owners

    def _identity(self, columns: _Columns, at: int, name: str, packs: int) -> list[bytes]:
        """Tokens of a valid number together with an agreeing name, and with an agreeing birth date that was given."""
        found: list[bytes] = []
        for field_name in _NUMBERS:
            number = columns.valid(field_name, at)
            # a My Number never links, nor what may be one (My Number Act 9, 19)
            if number is None or (packs & PACKS["JP"] and is_my_number(number)):
                continue
            token = self._held.tokens.identity
            if name:
                found.append(token(self._controller, field_name, number, "name", name))
            if (born := columns.given_and_valid("birth_date", at)) is not None:
                found.append(token(self._controller, field_name, number, "birth", born))
        return found

    def _packs_of(self, named: pl.DataFrame) -> list[int]:
        if RESIDENCE not in named.columns:
            return [self._bits(self._recipe.country)] * named.height
        return [self._bits(residence) for residence in named[RESIDENCE].to_list()]

    def _bits(self, residence: str | None) -> int:
        held = self._packs.get(residence)
        if held is None:
            held = self._packs[residence] = bits_of(packs_for(residence_of(residence))) | self._recipe.packs_beside
        return held

    def _ages(self, columns: _Columns) -> list[int]:
        bands: dict[str, int] = {}
        found: list[int] = []
        for born in columns.normal("birth_date"):
            if born is None or self._kind != RECORD_KINDS["person"]:
                found.append(0)
                continue
            band = bands.get(born)
            if band is None:
                band = bands[born] = AGE_BANDS.index(age_band(dt.date.fromisoformat(born), self._today))
            found.append(band)
        return found

    def _said(self, frame: pl.DataFrame) -> Iterator[tuple[Said, ...]]:
        """What each row says of the purposes that have a column."""
        purposes = list(self._recipe.consents)
        if not purposes:
            yield from [()] * frame.height
            return
        covered = {slug: PURPOSES[slug] in self._recipe.notice_purposes for slug in purposes}
        answers = [frame[CONSENT + slug].to_list() for slug in purposes]
        times = frame[f"{SAID_AT}__n"].to_list() if self._recipe.consent_time else [None] * frame.height
        now = dt.datetime.now(dt.UTC)
        for at in range(frame.height):
            moment = _moment(times[at], now)
            yield tuple(
                Said(PURPOSES[slug], self._versions[slug], _status(column[at], moment, covered[slug]), moment)
                for slug, column in zip(purposes, answers, strict=True)
                if column[at] is not None or not self._recipe.silence_is_no_answer
            )


class _Columns:
    """The cleaned columns of a batch as lists, and what rows take from them."""

    def __init__(self, frame: pl.DataFrame, held: Installation) -> None:
        dictionary = held.rules.dictionary
        self._tokens = held.tokens
        self._frame = frame
        self._height = frame.height
        self._fields = [field for name, field in dictionary.fields.items() if f"{name}__n" in frame.columns]
        self._given = {field.name: frame[field.name].to_list() for field in self._fields}
        self._normal = {field.name: frame[f"{field.name}__n"].to_list() for field in self._fields}
        self._status = {field.name: frame[f"{field.name}__s"].to_list() for field in self._fields}
        self._contact_tokens: dict[int, bytes] = {}
        self.names: list[str] = [""] * frame.height  # filled by tokens()

    def proofs(self, wanted: Proofs) -> list[Proven]:
        """What each row proves of its source."""
        return wanted.of_rows(self._given, self._normal, self._height)

    def normal(self, name: str) -> list[str | None]:
        """Normalised values of a field."""
        return self._normal.get(name) or [None] * self._height

    def valid(self, name: str, at: int) -> str | None:
        """A value that some rule vouches for."""
        return self._normal[name][at] if name in self._normal and self._status[name][at] == VALID else None

    def given_and_valid(self, name: str, at: int) -> str | None:
        """The same, and not derived from another field."""
        return self.valid(name, at) if name in self._given and self._given[name][at] is not None else None

    def usable(self) -> list[bool]:
        """Rows that hold something that can be used."""
        found = [False] * self._height
        for column in self._normal.values():
            found = [held or value is not None for held, value in zip(found, column, strict=True)]
        return found

    def invalid(self) -> dict[int, tuple[str, ...]]:
        """Place to the fields whose value is kept as given but invalid."""
        found: dict[int, tuple[str, ...]] = {}
        for name, column in self._status.items():
            if INVALID in column:
                for at, status in enumerate(column):
                    if status == INVALID:
                        found[at] = (*found.get(at, ()), name)
        return found

    def values(self) -> list[dict[int, bytes]]:
        """What is sealed of each row: its categories, absent fields left out."""
        rows: list[dict[int, bytes]] = [{} for _ in range(self._height)]
        for category in dict.fromkeys(field_.category_id for field_ in self._fields):
            held = {
                name: (self._frame[name], self._frame[f"{name}__n"], self._frame[f"{name}__s"])
                for name in (field_.name for field_ in self._fields if field_.category_id == category)
            }
            for row, content in zip(rows, sealed_of_rows(held), strict=True):
                if content != _NOTHING:
                    row[category] = content
        return rows

    def tokens(self) -> list[bytes]:
        """Index tokens of every row, as drafts have them; also notes those of contacts and the keys by which names agree."""
        rows = [b""] * self._height
        for field_ in self._fields:
            if not field_.search:
                continue
            values = self._normal[field_.name]
            made = self._made_of(field_, [value for value in dict.fromkeys(values) if value is not None])
            contact, name = field_.name in _CONTACTS, field_.name in _NAMES
            for at, value in enumerate(values):
                if value is None:
                    continue
                tokens, key = made[value]
                rows[at] += tokens
                if name:
                    self.names[at] = key
                elif contact:
                    self._contact_tokens[at] = self._contact_tokens.get(at, b"") + tokens
        return rows

    def _made_of(self, field_: Field, values: list[str]) -> dict[str, tuple[bytes, str]]:
        """Tokens of each value and its exact key; of this batch only: no plaintext outlives it."""
        name, type_, kinds = field_.name, field_.type, field_.search
        if type_ != "name":
            exacts = [exact_key(value, type_) for value in values]
            made = self._exact(field_, exacts)
            return {value: (token, key) for value, token, key in zip(values, made, exacts, strict=True)}
        named = names_keys(values)
        exacts = [keys.exact for keys in named]
        parts = [
            self._joined(name, kind, [keys[at] for keys in named])
            for at, kind in enumerate(("prefix", "bigram", "pinyin"), start=1)
            if kind in kinds
        ]
        every = map(b"".join, zip(self._exact(field_, exacts), *parts, strict=True))
        return dict(zip(values, zip(every, exacts, strict=True), strict=True))

    def _joined(self, field: str, kind: str, keys: Sequence[Sequence[str]]) -> Iterator[bytes]:
        """The tokens of each of these lists of keys. Short keys (two letters, a syllable) come often: each is made once."""
        flat = list(itertools.chain.from_iterable(keys))
        distinct = list(dict.fromkeys(flat))
        made = dict(zip(distinct, self._tokens.search_all(field, kind, distinct), strict=True))
        tokens = b"".join(map(made.__getitem__, flat))
        ends = list(itertools.accumulate([INT8_ITEM * len(one) for one in keys], initial=0))
        return (tokens[start:end] for start, end in itertools.pairwise(ends))

    def _exact(self, field_: Field, keys: Sequence[str]) -> list[bytes]:
        """The token of each key, where the field is searched by it."""
        if "exact" not in field_.search:
            return [b""] * len(keys)
        return self._tokens.search_all(field_.name, "exact", keys)

    def contacts(self, at: int) -> tuple[int, ...]:
        """Index tokens of a row's email and phone."""
        return tuple(int8_values(self._contact_tokens.get(at, b"")))


def residence_of(text: str | None) -> str | None:
    """A residence as law packs know it: a code as it is (``US-CA``), the name of a country as its code."""
    if text is None:
        return None
    code = country_code(text)
    return text if code and text[:2].upper() == code and len(text) > 2 and text[2] == "-" else code


def _status(answer: str | None, moment: dt.datetime | None, covered: bool) -> str:
    """Given and refused need a time and a wording; all else is unknown and permits nothing."""
    told = (answer or "").strip().casefold()
    if moment is None or not covered:
        return "unknown"
    return "given" if told in _YES else "refused" if told in _NO else "unknown"


def _moment(text: str | None, now: dt.datetime) -> dt.datetime | None:
    if text is None:
        return None
    moment = dt.datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return moment if moment <= now else None  # nobody has said anything tomorrow


def _raw_of(bad: BadRow) -> bytes:
    return b"\0" + bad.raw


def _raw_row(frame: pl.DataFrame, at: int) -> bytes:
    row: Mapping[str, Any] = frame.row(at, named=True)
    return orjson.dumps({name: value for name, value in row.items() if name != "line" and value is not None})

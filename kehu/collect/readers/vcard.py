"""vCard 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350): people and organisations."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Final

from kehu.collect.readers.encoding import detect
from kehu.collect.readers.lines import MAX_LINE, LineStream, read_blocks
from kehu.collect.readers.rows import BadRow, Batch, Opener, Source, bad_row, from_rows

_COLUMNS: Final = [
    "external_id", "vcard_kind", "full_name", "family_name", "given_name", "second_given_name", "legal_name",
    "organisation", "occupation", "gender", "birth_date", "email", "email.2", "phone", "phone.2", "unit", "street",
    "locality", "region", "postal_code", "country", "address.2", "language", "interests", "url", "platform", "handle",
    "note",
]  # fmt: skip
_PLACE: Final = {name: at for at, name in enumerate(_COLUMNS)}
_CARD_LINES: Final = 5000
"""Lines a card may have (a photo takes some hundreds) before it counts as unclosed."""

# no `;` within a parameter but in quotes: else a row of them can be read in more ways than there is time for
_PROPERTY: Final = re.compile(
    r"^(?:[\w-]+\.)?([A-Za-z0-9-]+)((?:;[^:;\"]*+(?:\"[^\"]*+\"[^:;\"]*+)*+)*+):(.*)$", re.DOTALL
)
_PREFERRED: Final = re.compile(r"\bPREF\b(?:=\"?(\d{1,3}))?")
"""The lower its number the better (RFC 6350, 5.3); without one, as before version 4, the best."""
_LAST: Final = 1000
_FAX: Final = re.compile(r"\b(?:FAX|PAGER)\b")
_PLAIN: Final = {
    "UID": "external_id", "FN": "full_name", "TITLE": "occupation", "ROLE": "occupation", "BDAY": "birth_date",
    "LANG": "language", "URL": "url", "NOTE": "note",
}  # fmt: skip

_Card = tuple[int, list[bytes], bool]


class VCardSource(Source):
    """vCards. `line` is the physical line of BEGIN; what a card has beyond the preferred e-mail or phone joins
    `….2`, and so does every fax."""

    format = "vcard"

    def __init__(self, opener: Opener) -> None:
        self._open = opener
        self.columns = list(_COLUMNS)
        self.notes = []
        with opener() as stream:
            self._encoding = detect(stream, folded=True)
        self.encoding = self._encoding.label

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """Batches of `size` cards."""
        pending: list[_Card] = []
        for card in self._cards():
            pending.append(card)
            if len(pending) == size:
                if skip > 0:
                    skip -= 1
                else:
                    yield self._parse(pending)
                pending = []
        if pending and skip <= 0:
            yield self._parse(pending)

    def _cards(self) -> Iterator[_Card]:
        """Cards as lines; the third part says whether the card is closed."""
        begun, card = 0, list[bytes]()
        for number, raw in self._lines():
            mark = raw.strip().upper()
            if mark == b"BEGIN:VCARD":
                if card:
                    yield begun, card, False
                begun, card = number, [raw]
            elif mark == b"END:VCARD":
                if card:  # an end of nothing is no card
                    yield begun, card, True
                begun, card = 0, []
            elif card or mark:
                begun = begun or number
                card.append(raw)
                if len(card) > _CARD_LINES:
                    yield begun, card[:_CARD_LINES], False
                    begun, card = 0, []
        if card:
            yield begun, card, False

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        codec = self._encoding.codec
        with self._open() as stream:
            stream.read(self._encoding.skip)
            lines = LineStream(read_blocks(stream, utf16=codec if codec.startswith("utf-16") else None))
            number = 0
            while piece := lines.take(10_000):
                for raw in piece.removesuffix(b"\n").split(b"\n"):
                    number += 1
                    yield number, raw.removesuffix(b"\r")

    def _parse(self, cards: list[_Card]) -> Batch:
        codec = "utf-8" if self._encoding.codec.startswith("utf") else self._encoding.codec
        rows: list[list[str | None]] = []
        lines: list[int] = []
        bad: list[BadRow] = []
        for begun, raw, closed in cards:
            reason = "bad_card"
            row = None
            if any(len(line) > MAX_LINE for line in raw):
                reason = "too_long"
            elif closed:
                try:
                    row = _row(b"\n".join(_joined(raw)).decode(codec))
                except UnicodeDecodeError:
                    reason = "bad_encoding"
            if row is None:
                bad.append(bad_row(begun, reason, b"\n".join(raw)))
            else:
                rows.append(row)
                lines.append(begun)
        return Batch(from_rows(_COLUMNS, rows, lines), bad)


def _row(text: str) -> list[str | None] | None:
    """The cells of one card; None: it holds nothing known."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    for line in text.split("\n"):
        if match := _PROPERTY.match(line):
            name, params, value = match[1].upper(), match[2].upper(), match[3]
            if "QUOTED-PRINTABLE" in params:
                charset = re.search(r"CHARSET=\"?([\w-]+)", params)
                value = _unquote(value, charset[1] if charset else "utf-8")
            name = "FAX" if name == "TEL" and _FAX.search(params) and "VOICE" not in params else name
            preferred = _PREFERRED.search(params)
            rank = int(preferred[1] or 1) if preferred else _LAST
            ranked.setdefault(name, []).append((rank, value.replace("\0", "")))
    found = {name: [value for _, value in sorted(held, key=itemgetter(0))] for name, held in ranked.items()}
    row: list[str | None] = [None] * len(_COLUMNS)
    _put_plain(row, found)
    _put_names(row, found)
    _put_reach(row, found)
    return row if any(row) else None


def _joined(lines: list[bytes]) -> list[bytes]:
    """Lines with what they go on with in the next: one that begins with a blank, and in quoted-printable after a last `=`.

    As bytes, for many write no more than 75 in a line and cut a character in two.
    """
    whole: list[list[bytes]] = []
    runs_on = quoted = False
    for line in lines:
        if line[:1] in (b" ", b"\t") and whole:
            line = line[1:]
        elif not runs_on:
            whole.append([])
            quoted = line.endswith(b"=") and b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper()
        runs_on = quoted and line.endswith(b"=")
        whole[-1].append(line[:-1] if runs_on else line)
    return list(map(b"".join, whole))


def _unquote(value: str, charset: str) -> str:
    try:
        return quopri.decodestring(value.encode("ascii", "ignore")).decode(charset, "replace")
    except LookupError:
        return value


def _parts(value: str, mark: str = ";") -> list[str]:
    """Cut at unescaped marks, then undo the escapes (RFC 6350, 3.4)."""
    return [_plain(part) for part in re.split(rf"(?<!\\){mark}", value)]


def _plain(value: str) -> str:
    return re.sub(r"\\([\\;,nN:])", lambda m: "\n" if m[1] in "nN" else m[1], value).strip()


def _bare(value: str) -> str:
    return re.sub(r"^(?:tel|mailto):", "", _plain(value), flags=re.IGNORECASE)


def _put_plain(row: list[str | None], found: dict[str, list[str]]) -> None:
    for name, column in _PLAIN.items():
        if name in found and row[_PLACE[column]] is None:
            row[_PLACE[column]] = _plain(found[name][0])
    if uid := row[0]:
        row[0] = uid.removeprefix("urn:uuid:")
    if gender := found.get("GENDER", found.get("X-GENDER")):
        row[_PLACE["gender"]] = _parts(gender[0])[0]
    if categories := found.get("CATEGORIES"):
        row[_PLACE["interests"]] = "; ".join(part for value in categories for part in _parts(value, ","))
    for name in ("X-SOCIALPROFILE", "SOCIALPROFILE", "IMPP", "X-WECHAT", "X-QQ"):
        if name in found:
            value = _plain(found[name][0])
            platform, _, handle = value.partition(":")
            named = name in ("X-WECHAT", "X-QQ")
            row[_PLACE["platform"]] = name[2:].lower() if named else (platform if handle else None)
            row[_PLACE["handle"]] = value if named or not handle else handle.removeprefix("//")
            break


def _put_names(row: list[str | None], found: dict[str, list[str]]) -> None:
    names = _parts(found["N"][0]) if "N" in found else []
    organisation = " ".join(part for part in _parts(found["ORG"][0]) if part) if "ORG" in found else None
    kind = _plain(found.get("KIND", found.get("X-ADDRESSBOOKSERVER-KIND", [""]))[0]).lower()
    company = kind in ("org", "organization", "group") or "COMPANY" in "".join(found.get("X-ABSHOWAS", [])).upper()
    if company or (organisation and not any(names) and row[_PLACE["full_name"]] in (None, organisation)):
        row[_PLACE["vcard_kind"]] = "organisation"
        row[_PLACE["legal_name"]] = organisation or row[_PLACE["full_name"]]
        row[_PLACE["full_name"]] = None
        return
    row[_PLACE["vcard_kind"]] = "person" if names or row[_PLACE["full_name"]] else None
    row[_PLACE["organisation"]] = organisation
    for column, part in zip(("family_name", "given_name", "second_given_name"), names, strict=False):
        row[_PLACE[column]] = part or None


def _put_reach(row: list[str | None], found: dict[str, list[str]]) -> None:
    for name, column, aside in (("EMAIL", "email", ""), ("TEL", "phone", "FAX")):
        first, *more = map(_bare, found.get(name, [""]))
        row[_PLACE[column]] = first.split(";")[0] or None
        row[_PLACE[f"{column}.2"]] = "; ".join([*more, *map(_bare, found.get(aside, []))]) or None
    for at, address in enumerate(found.get("ADR", [])):
        box, unit, street, locality, region, code, country = (_parts(address) + [""] * 7)[:7]
        if at == 0:
            cells = {"unit": unit or box, "street": street, "locality": locality, "region": region}
            for column, cell in {**cells, "postal_code": code, "country": country}.items():
                row[_PLACE[column]] = cell or None
        else:
            before = row[_PLACE["address.2"]]
            text = " ".join(part for part in (box, unit, street, locality, region, code, country) if part)
            row[_PLACE["address.2"]] = f"{before}; {text}" if before else text

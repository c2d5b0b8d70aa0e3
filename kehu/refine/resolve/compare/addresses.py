"""Addresses of a table of records in one form, however they were cut and written."""

from __future__ import annotations

import polars as pl

from kehu.refine.resolve.compare.spelling import BEHIND_ESTATE, ESTATE, LINE, NO_ESTATE_NAME, STREET
from kehu.refine.resolve.compare.texts import HAN, field, joined


def one_address(frame: pl.DataFrame) -> pl.DataFrame:
    """One form of an address: number and street, estate, and building and flat, from its parts or from the whole."""
    frame = _read(frame) if "address" in frame.columns else frame.with_columns(whole=pl.lit(None, dtype=pl.String))
    street = field(frame, "street").str.contains(HAN).fill_null(value=False)
    if "unit" in frame.columns:
        counted = pl.col("unit").str.contains(HAN) | pl.col("whole").is_not_null() | street
        frame = frame.with_columns(unit=pl.when(counted).then(_flat(pl.col("unit"))).otherwise(pl.col("unit")))
    if "house_number" in frame.columns:
        number = pl.col("house_number")
        bare = number.str.replace("号", "").replace([""], [None])
        frame = frame.with_columns(house_number=pl.when(street).then(bare).otherwise(number))
    return frame.drop("address", "whole", strict=False)


def _read(frame: pl.DataFrame) -> pl.DataFrame:
    """The parts that the text of an address says, before those that came cut; `whole`: what was read as a Chinese one.

    Those who leave out a 号 have the parts cut elsewhere.
    """
    text, street, number, unit = (field(frame, name) for name in ("address", "street", "house_number", "unit"))
    han = text.str.contains(HAN).fill_null(value=False)
    whole = pl.when(han).then(_closed_up(text.str.replace_all(NO_ESTATE_NAME, "", literal=True)))
    place, found = whole.str.extract_groups(STREET), whole.str.contains(STREET).fill_null(value=False)
    behind = pl.when(found).then(place.struct[2]).otherwise(whole)
    line = pl.when(~han & street.is_null()).then(text).str.extract_groups(LINE)
    rest = behind.str.extract(BEHIND_ESTATE, 1)
    frame = frame.with_columns(
        whole=whole, found=found, place=place, line=line, estate=behind.str.extract(ESTATE, 1), rest=rest
    )
    here, named = pl.when("found"), pl.when(pl.col("estate").is_null())
    read, cut = pl.col("place").struct, pl.col("line").struct
    numbered = pl.when(cut[1].is_null()).then(number).otherwise(cut[0])
    return frame.with_columns(
        street=here.then(read[0]).otherwise(named.then(pl.coalesce(street, cut[1]))),
        house_number=here.then(read[1]).otherwise(named.then(numbered)),
        unit=here.then(read[2]).otherwise(named.then(unit).otherwise("rest")),
    ).drop("found", "rest", "place", "line")


def _flat(unit: pl.Expr) -> pl.Expr:
    """Building and flat of 3栋2单元1001室; the entrance between them many leave out."""
    numbers = unit.str.extract_all("[0-9]+")
    entrance = (numbers.list.len() == 3) & (numbers.list.last().str.len_chars() >= 3)
    said = pl.when(entrance).then(numbers.list.gather_every(2)).otherwise(numbers).list.join(" ")
    return said.replace([""], [None])


def homes(frame: pl.DataFrame) -> dict[str, pl.Expr]:
    """Of an address in one form, spelt: number and street, `addr`, and the home that it is, `dwelling`."""
    street = pl.col("street")
    # A number alone is no address.
    return {
        "addr": pl.when(street.is_not_null()).then(joined(field(frame, "house_number"), street)),
        "dwelling": _dwelling(frame),
    }


def _dwelling(frame: pl.DataFrame) -> pl.Expr:
    """A home by its estate, building and flat; or by a line that has numbers somewhere, where it does not begin with one."""
    estate, unit, street, number = (field(frame, name) for name in ("estate", "unit", "street", "house_number"))
    flat = pl.when(unit.str.contains(" ", literal=True)).then(unit)
    line = pl.when(number.is_null() & street.str.contains("[0-9]")).then(street)
    return pl.when(estate.is_not_null()).then(pl.concat_str([estate, flat], separator=" ")).otherwise(line)


def _closed_up(text: pl.Expr) -> pl.Expr:
    """A text without its spaces; numbers remain apart."""
    for _ in range(2):  # a number may be between two others
        text = text.str.replace_all("([0-9]) ([0-9])", "$1-$2")
    return text.str.replace_all(" ", "", literal=True)

"""A kind's model with every comparison it knows, by given weights: for records that come one at a time.

In a table what no record has is left out; a record that has just come in may bring any field, and a comparison of which
one of two knows nothing says nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from kehu.refine.resolve.compare.features import FIELDS, Features, Kind, prepare
from kehu.refine.resolve.compare.guards import Guards, guards
from kehu.refine.resolve.compare.model import Model, shipped

_PRIOR: Final = 0.001  # where no run has said otherwise: of pairs that share a rare key one in a thousand
# Somebody of whom everything is known, made up.
_SOMEBODY: Final = {
    "full_name": "alice harper jr", "given_name": "alice", "family_name": "harper", "legal_name": "lights 2 ltd leeds branch",
    "birth_date": "19840309", "email": "alice@mail.example",
}  # fmt: skip


@functools.cache
def everything(kind: Kind, *, wide: bool) -> Features:
    """Features of one made-up record that has every column."""
    row = {name: pa.array([_SOMEBODY.get(name, "1")]) for name in FIELDS[kind]}
    return prepare(pa.table({"record": ["1"], **row}), kind, wide=wide)


@functools.cache
def whole_guards(kind: Kind, *, wide: bool) -> Guards:
    """The guards over every column."""
    return guards(everything(kind, wide=wide), kind)


def whole_model(kind: Kind, content: Mapping[str, Any] | None, *, wide: bool) -> Model:
    """Every comparison, by these weights where they have its levels, without frequencies."""
    bare = shipped(everything(kind, wide=wide), kind, prior=_PRIOR).without_frequencies()
    return bare.taught(content) if content else bare


def says_wide(content: Mapping[str, Any], kind: Kind) -> bool:
    """Whether these weights were learned where some name is not in Latin letters."""
    learned = content.get("levels", {}).get("name")
    if kind != "person" or not learned:
        return False
    return len(learned) == len(
        next(one for one in whole_model(kind, None, wide=True).comparisons if one.name == "name").levels
    )

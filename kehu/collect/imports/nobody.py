"""Keys that are nobody's: what programs write where there is none. Two rows under such a key are two people."""

from __future__ import annotations

from typing import Final

import polars as pl

from kehu.refine.clean import INVALID

_KEYS: Final = ("external_id", "order_id")
_WORDS: Final = (
    "null|nil|none|nan|na|n/a|undefined|unknown|empty|无|無|空|没有|沒有|暂无|暫無|未知|不详|不詳|なし|不明|없음"
)
# no letter and no digit but 0; such a word, be it in brackets; an error of a spreadsheet's
_NOBODYS: Final = rf"(?i)^(?:[\W_0]*|[<(\[]?(?:{_WORDS})[>)\]]?|#n/?[av]|#\p{{L}}[\p{{L}}/0]*[!?])$"


def nobodys(keys: pl.Series) -> pl.Series:
    """Which of these are nobody's; null where there is none."""
    return keys.str.contains(_NOBODYS)


def without_nobodys(frame: pl.DataFrame) -> pl.DataFrame:
    """A cleaned batch in which such a key is a value kept as given, but invalid."""
    for name in _KEYS:
        if f"{name}__n" in frame.columns and (found := nobodys(frame[f"{name}__n"]).fill_null(False)).any():
            normal = pl.when(found).then(None).otherwise(pl.col(f"{name}__n"))
            status = pl.when(found).then(pl.lit(INVALID, pl.Int8)).otherwise(pl.col(f"{name}__s"))
            frame = frame.with_columns(normal.alias(f"{name}__n"), status.alias(f"{name}__s"))
    return frame

"""The same correction for many refused rows: a column set, a row whose cells do not fit its header cut or filled.

It stands in the settings of the replay, sealed, and is applied as the rows are read; the rows themselves stay as they came
until they are in.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

SHAPES: Final = ("cut", "fill", "plain")
"""Of a row of a delimited file: leave out what stands beyond the last column, take missing cells as empty, take quotation
marks as they stand."""
ENCODINGS: Final = ("gb18030", "big5hkscs", "cp932", "cp949", "cp1252", "utf-16-le")


@dataclass(frozen=True, slots=True)
class Correction:
    """What is done to each row before it is read.

    Attributes:
        cells: column to the value that it has in every row.
        shape: one of ``SHAPES``, or none.
        encoding: one of ``ENCODINGS``, or none: in which bytes are read that do not fit the file's own.
    """

    cells: Mapping[str, str] = field(default_factory=dict, repr=False)
    shape: str = ""
    encoding: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Correction:
        """From what :meth:`told` gave."""
        return cls(**told)

    def told(self) -> dict[str, Any]:
        """As JSON will hold it; empty where nothing is corrected."""
        return {name: held for name, held in asdict(self).items() if held}

    def row(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """A row's cells, corrected."""
        return {**content, **self.cells}

    def read(self, raw: bytes, columns: Sequence[str], delimiter: str, codec: str) -> dict[str, Any] | None:
        """The cells of a row that could not be read, corrected; None: it still cannot be."""
        cells = cells_of(raw, columns, delimiter, shape=self.shape, codec=self.encoding or codec)
        return None if cells is None else self.row(cells)


def cells_of(
    raw: bytes, columns: Sequence[str], delimiter: str, *, shape: str = "", codec: str = "utf-8"
) -> dict[str, str] | None:
    """The cells of one row of a delimited file by column; None: it cannot be read so."""
    if not columns or not delimiter:
        return None
    try:
        text = raw.decode(codec).replace("\0", "").rstrip("\r\n")
    except UnicodeDecodeError:
        return None
    if shape == "plain":
        cells = text.split(delimiter)
    else:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        except csv.Error:
            return None
        if len(rows) != 1:
            return None
        [cells] = rows
    more, less = len(cells) > len(columns), len(cells) < len(columns)
    if (more and shape not in ("cut", "plain")) or (less and shape not in ("fill", "plain")):
        return None
    pairs = zip(columns, cells, strict=False)
    return {name: cell.strip() for name, cell in pairs if cell.strip()}

"""Readers: files of customer records as batches of strings, streaming and in bounded memory.

`open_source` looks at the content, never at the name alone. Nothing is dropped in silence: a row that cannot be read is
a `BadRow` with its line, and what a reader leaves aside (a sheet, a late column) is named in `Source.notes`.
"""

from kehu.collect.readers.opening import open_source
from kehu.collect.readers.rows import BadRow, Batch, Note, Source, UnreadableSource

__all__ = ["BadRow", "Batch", "Note", "Source", "UnreadableSource", "open_source"]

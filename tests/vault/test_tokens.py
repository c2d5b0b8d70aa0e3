"""Tokens are what RFC 2104 says they are, whichever SHA-256 makes them: an index that exists rests on their values."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from kehu.vault import tokens
from kehu.vault.copying import int8, int8_items, int8_values
from kehu.vault.tokens import Tokens

KEY = bytes(range(32))
TEXTS = ["", "a", "lin@mail.example", "张伟" * 40, "x" * 200]


def told(name, message):
    key = hmac.digest(KEY, name.encode(), "sha256")
    return hmac.digest(key, message.encode(), "sha256")


@pytest.mark.parametrize("made_by", [tokens.sha256, hashlib.sha256])
def test_as_the_standard_library_makes_them(monkeypatch, made_by):
    monkeypatch.setattr(tokens, "sha256", made_by)
    held = Tokens(KEY)
    wanted = [int.from_bytes(told("exact:email", text)[:8], "big", signed=True) for text in TEXTS]
    assert [held.search("email", "exact", text) for text in TEXTS] == wanted
    assert list(int8_values(b"".join(held.search_all("email", "exact", TEXTS)))) == wanted[1:]  # none of an empty key
    assert int8_items(wanted) == b"".join(map(int8, wanted)) and held.search_all("email", "exact", []) == []
    assert held.content(b"x" * 300) == told("content", "x" * 300)[:16]
    assert held.source(1, 2, 3, "A1") == told("source", "1\x1f2\x1f3\x1fA1")[:16]

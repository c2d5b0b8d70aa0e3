"""What is sealed opens where it belongs and nowhere else, and no nonce serves twice."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kehu.vault.open import FacetDoesNotOpen, open_facet, open_text
from kehu.vault.seal import nonces, packed, seal


def test_nonces_are_as_many_as_asked_for_and_each_another():
    made = list(nonces(5_000))
    assert len(set(made)) == 5_000 and {len(one) for one in made} == {12}
    assert not set(made) & set(nonces(5_000))


@pytest.mark.parametrize("nonce", [None, next(nonces(1))], ids=["its own", "given"])
def test_it_opens_where_it_belongs_and_nowhere_else(nonce):
    cipher, place = AESGCM(os.urandom(32)), {"subject": b"s" * 16, "record": b"r" * 16, "category": 2}
    sealed = seal(cipher, packed({"phone": ("1", None, 2, None)}), **place, nonce=nonce)
    assert nonce is None or sealed.startswith(nonce)
    assert list(open_facet(cipher, sealed, **place, version=1)) == ["phone"]
    for moved in ({"subject": b"t" * 16}, {"record": b"t" * 16}, {"category": 1}):
        with pytest.raises(FacetDoesNotOpen):
            open_facet(cipher, sealed, **(place | moved), version=1)
    with pytest.raises(FacetDoesNotOpen):
        open_facet(cipher, sealed, **place, version=2)


@pytest.mark.parametrize("left", [0, 5, 12, 15, 20])
def test_what_was_cut_off_opens_as_nothing(left):
    key, place = os.urandom(32), {"subject": b"s" * 16, "record": b"r" * 16, "category": 2}
    sealed = seal(AESGCM(key), packed({"phone": ("1", None, 2, None)}), **place)
    with pytest.raises(FacetDoesNotOpen):
        open_facet(AESGCM(key), sealed[:left], **place, version=1)
    with pytest.raises(FacetDoesNotOpen):
        open_text(key, sealed[:left], context=b"here")

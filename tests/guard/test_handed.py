"""What a page carries until its answer comes is read by the house alone, and about one thing only."""

from __future__ import annotations

import pytest

from kehu.guard.handed import NotOfThis, open_handed, seal_handed
from kehu.vault.ids import new_id

pytestmark = pytest.mark.usefixtures("database")


def test_it_comes_back_as_it_went_out_and_tells_nothing():
    one = new_id()
    handed = seal_handed(b'{"birth":[1,2.5,0]}', about=one)
    assert open_handed(handed, about=one) == b'{"birth":[1,2.5,0]}'
    assert "birth" not in handed and seal_handed(b'{"birth":[1,2.5,0]}', about=one) != handed


@pytest.mark.parametrize(
    "change", [lambda text: text[:-8] + "AAAAAAA=", lambda text: text[:12], lambda _: "€", lambda _: ""]
)
def test_what_was_changed_is_not_read(change):
    one = new_id()
    with pytest.raises(NotOfThis):
        open_handed(change(seal_handed(b"x", about=one)), about=one)


def test_what_is_about_something_else_is_not_read():
    with pytest.raises(NotOfThis):
        open_handed(seal_handed(b"x", about=new_id()), about=new_id())

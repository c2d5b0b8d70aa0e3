"""Wrong answers given to staff are counted by themselves: nobody locks a customer out of their own door."""

from __future__ import annotations

import pytest

from kehu.guard.gate.acts import Refused
from kehu.serve.desk.verifying import verify
from tests.cast import admit, staff

LIN = {"full_name": "林婉清", "email": "lin@mail.example", "birth_date": "1990-03-14"}


def test_the_customers_own_way_in_stays_open(post, visitor):
    alice, [lin] = staff("service"), admit(LIN)
    for day in range(1, 6):
        assert verify(lin, "birth_date", f"1991-01-0{day}", actor=alice, purpose="service").matched is False
    with pytest.raises(Refused):
        verify(lin, "birth_date", "1990-03-14", actor=alice, purpose="service")
    page = visitor.come_in("lin@mail.example").see()
    assert "林婉清" in page
    log = visitor.see("/portal/uses")
    assert "compared" in log.lower()

"""The second factor: RFC 6238's own vectors, one use a code, a step of drift, sealed at rest, ten minutes of level 4."""

from __future__ import annotations

import base64
import time
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import connection

from kehu.guard.staff import second_factor
from kehu.guard.staff.actions import actor_of_token, add_staff, issue_token
from kehu.guard.staff.models import Staff
from kehu.guard.staff.recovery import is_recovery_code, new_codes, use_code
from kehu.guard.staff.second_factor import CodeRefused, NotEnrolled, check_code, enrol
from kehu.serve.desk import queries
from tests.cast import admit

AT = 1_700_000_015.0
PERSON = {"full_name": "林婉清", "national_id": "11010519491231002X"}


def member(role="privacy", *, enrolled=True):
    made, _ = add_staff(email=f"{role}@kehu.example", role=role, department=None, attest=True)
    return made, base64.b32decode(enrol(made)) if enrolled else b""


def code(secret, at=AT):
    return TOTP(secret, 6, SHA1(), 30).generate(int(at)).decode()


@pytest.mark.parametrize(("at", "expected"), [(59, "287082"), (1111111109, "081804"), (2000000000, "279037")])
def test_codes_are_those_of_rfc_6238(database, monkeypatch, at, expected):
    member("service")  # the key is there before chance is taken away
    monkeypatch.setattr(second_factor, "os", SimpleNamespace(urandom=lambda count: b"12345678901234567890"[:count]))
    made, secret = member()
    assert secret == b"12345678901234567890"
    check_code(made.id, expected, at=at)


def test_a_code_is_taken_once_and_no_older_one_after_it(database):
    made, secret = member()
    check_code(made.id, code(secret), at=AT)
    for again in (code(secret), code(secret, AT - 30)):
        with pytest.raises(CodeRefused):
            check_code(made.id, again, at=AT + 5)
    check_code(made.id, code(secret, AT + 30), at=AT + 30)


def test_digits_that_an_input_method_writes_wide_are_digits(database):
    made, secret = member()
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    check_code(made.id, code(secret).translate(wide), at=AT)
    recovery = new_codes(made.id)[0]
    assert is_recovery_code(recovery.upper().translate(wide))
    use_code(made.id, recovery.upper().translate(wide))


def test_one_step_of_drift_and_no_more(database):
    made, secret = member()
    for off in (-60, 60):
        with pytest.raises(CodeRefused):
            check_code(made.id, code(secret, AT + off), at=AT)
    check_code(made.id, code(secret, AT - 30), at=AT)
    check_code(made.id, code(secret, AT + 30), at=AT)


def test_nobody_enrolled_a_wrong_code_and_a_moved_secret(database):
    made, secret = member()
    other, _ = member("service", enrolled=False)
    with pytest.raises(NotEnrolled):
        check_code(other.id, "123456", at=AT)
    for wrong in ("", "12345", "１２３４５６", "abcdef"):
        with pytest.raises(CodeRefused):
            check_code(made.id, wrong, at=AT)
    sealed = bytes(Staff.objects.get(id=made.id).totp)
    assert secret not in sealed
    Staff.objects.filter(id=other.id).update(totp=sealed)  # bound to its account: elsewhere it opens nothing
    with pytest.raises(CodeRefused):
        check_code(other.id, code(secret), at=AT)


def test_level_4_opens_with_a_code_for_ten_minutes(database):
    [lin] = admit(PERSON)
    made, secret = member()
    bare = actor_of_token(issue_token(email=made.email, purpose="rights-request", minutes=60)[0])
    strong_text, _ = issue_token(email=made.email, purpose="rights-request", minutes=60, code=code(secret, time.time()))
    strong = actor_of_token(strong_text)
    show = lambda actor: queries.show(lin, actor=actor, purpose="rights-request", fields=["national_id"])
    assert "national_id" not in show(bare).fields
    assert show(strong).fields["national_id"] == PERSON["national_id"]
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set second_factor_at = second_factor_at - interval '10 minutes' where actor = %s",
            [strong.credential],
        )
    assert "national_id" not in show(strong).fields

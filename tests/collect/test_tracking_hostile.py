"""The tracking API under hostile input: mutated calls and batches are taken in, quarantined or refused with a word."""

from __future__ import annotations

import copy
import gzip
import json
import os
import random

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kehu.collect.channels import Request, kinds
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Quarantined
from kehu.govern.channels import add_channel
from kehu.guard.staff.actions import owner_actor
from tests.collect.test_shops_hostile import _change, hostile

MANY = settings(
    max_examples=int(os.environ.get("KEHU_FUZZ") or 200), deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
CALLS = [
    {"type": "identify", "userId": "U1", "anonymousId": "D1", "timestamp": "2026-11-20T10:00:00Z",
     "traits": {"email": "lin@mail.example", "name": "Lin", "address": {"city": "Bonn"}, "birthday": "1990-03-04"},
     "context": {"consent": {"categoryPreferences": {"ads": True}}, "traits": {"phone": "+4915100000001"}}},
    {"type": "track", "userId": "U1", "event": "Order Completed",
     "properties": {"order_id": "O1", "total": 12.5, "currency": "EUR", "products": [{"name": "Tea"}]}},
    {"type": "track", "anonymousId": "D1", "event": "Looked", "properties": {"category": "tea"}},
    {"type": "page", "userId": "U1", "name": "home", "properties": {"path": "/"}},
    {"type": "screen", "anonymousId": "D1", "name": "home"},
    {"type": "group", "userId": "U1", "groupId": "G1", "traits": {"name": "Tea Ltd"}},
    {"type": "alias", "userId": "U1", "previousId": "D1"},
]  # fmt: skip
ONCE_STUMBLED_OVER = json.dumps(CALLS[1] | {"properties": {"order_id": "O1", "products": 7}}).encode()
RAW = [b"", b"[" * 100_000, b"NaN", b"{}", b"\xff\xfe{", b'{"batch":' * 300, b"\x1f\x8b\x08broken", b"null", b'"x"']


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes, dict[str, str]]:
    """A batch or one call of which some places are something else; packed, cut or no JSON at all now and then."""
    calls = [copy.deepcopy(draw(st.sampled_from(CALLS))) for _ in range(draw(st.integers(1, 4)))]
    path = draw(st.sampled_from(["/v1/batch", "/v1/batch", "/v1/identify", "/v1/track", "/v1/nothing"]))
    body = {"batch": calls, "sentAt": "2026-11-20T10:00:01Z"} if path == "/v1/batch" else calls[0]
    for _ in range(draw(st.integers(1, 4))):
        _change(body, copy.deepcopy(draw(hostile)), random.Random(draw(st.integers(0, 10_000))))
    raw = json.dumps(body).encode()
    if draw(st.integers(0, 9)) == 0:
        raw = draw(st.sampled_from([*RAW, raw[:-5], raw + b"\0"]))
    headers = {}
    if draw(st.integers(0, 4)) == 0:
        raw, headers = gzip.compress(raw), {"content-encoding": draw(st.sampled_from(["gzip", "deflate", "GZIP"]))}
    return path, raw, headers


@pytest.mark.usefixtures("database")
def test_mutated_calls_are_taken_in_quarantined_or_refused_with_a_word(monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, key = add_channel("web", "tracking", owner=owner_actor().staff, country="DE")
    set_terms(made, actor=owner_actor(), basis="contract", consents={"ads": "marketing"})
    answers: dict[int, int] = {}

    @MANY
    @example(("/v1/track", ONCE_STUMBLED_OVER, {}))
    @given(mutated())
    def post(sent):
        path, raw, headers = sent
        answer = kinds()["tracking"].answer(
            Request("POST", path, {}, headers | {"authorization": f"Bearer {key}"}, raw)
        )
        answers[answer.status] = answers.get(answer.status, 0) + 1
        assert answer.status in (200, 400, 404), answer
        if answer.status != 200:
            assert set(json.loads(answer.body)) == {"code", "message"}
        assert b"Traceback" not in answer.body and b'File "' not in answer.body

    post()
    assert answers[200] > 20 and answers[400] > 5
    drain_all()
    assert accepting.waiting() == (0, 0)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key k join inbox i on i.id = k.subject")
        assert cursor.fetchone()[0] == 0
    reasons = set(Quarantined.objects.filter(accepted=False).values_list("reason", flat=True))
    assert "message_not_taken_in" not in reasons, "a message that our own reading stumbles over"

"""Shops under hostile input: mutated bodies, wrong signatures, any order of coming; and Shopify's own library as the oracle."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.models import Quarantined
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.govern.channels import add_channel
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.refine.survive import survive
from kehu.serve.desk import queries
from tests.cast import staff
from tests.collect.shops import SECRET, WIRE, Shopify, body_of, signature, webhook, woocommerce

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from clients import SHOPIFY, clients_installed  # noqa: E402

pytestmark = pytest.mark.usefixtures("database")
MANY = settings(
    max_examples=int(os.environ.get("KEHU_FUZZ") or 200), deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
TOPICS = {
    "shopify": ["customers/create", "customers/update", "customers/delete", "orders/create", "orders/updated",
                "orders/cancelled", "customers_email_marketing_consent/update", "customers/data_request", "customers/redact",
                "shop/redact", "themes/publish", "", "\x00"],
    "woocommerce": ["customer.created", "customer.updated", "customer.deleted", "order.created", "order.updated",
                    "order.restored", "order.deleted", "coupon.created", ""],
    "webhook": ["customers/update", "customers/create", "x", ""],
}  # fmt: skip
BODIES = {
    kind: [body_of(one.stem) for one in sorted(WIRE.glob(f"{'shopline' if kind == 'webhook' else kind}-*.json"))]
    for kind in TOPICS
}
hostile = st.sampled_from([
    None, True, 0, -1, 10**30, 1e308, "", " ", "\u0000", "\u202e=cmd()", "=1+1", "٣", "2026-99-99", "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59+14:00", "1e400", "a" * 20_000, [], {}, [[[[]]]], {"a": {"b": {"c": 1}}}, "😀", "\ufeffx", -0.0,
]) | st.text(max_size=40) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> tuple[str, bytes]:
    """A documented body of which one to four places are something else, now and then no JSON at all."""
    body = json.loads(json.dumps(draw(st.sampled_from(BODIES[kind]))))
    for _ in range(draw(st.integers(1, 4))):
        _change(body, copy.deepcopy(draw(hostile)), random.Random(draw(st.integers(0, 10_000))))
    raw = json.dumps(body).encode()
    if draw(st.integers(0, 9)) == 0:
        raw = draw(
            st.sampled_from(
                [
                    raw[:-5],
                    b"",
                    b"\xff" + raw,
                    b"[" * 100_000,
                    raw + b"\0",
                    b'"x"',
                    b"NaN",
                    b"{}",
                    b'{"a":' * 300 + b"1" + b"}" * 300,
                ]
            )
        )
    return draw(st.sampled_from(TOPICS[kind])), raw


def _change(body: Any, value: Any, chance: random.Random) -> None:
    place, key = body, None
    while isinstance(place, (dict, list)) and place:
        key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
        if chance.random() < 0.5 or not isinstance(place[key], (dict, list)) or not place[key]:
            break
        place = place[key]
    if key is None or chance.random() < 0.1:
        body[f"new{chance.randrange(9)}"] = value
    else:
        place[key] = value


@pytest.fixture
def shops(monkeypatch):
    """A shop of each kind; returns how to send a topic and body to each, signed rightly or as told."""
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    for kind in TOPICS:
        made, _ = add_channel(kind, kind, owner=owner_actor().staff, country="DE")
        keep_secret(made, SECRET)
        if kind == "webhook":
            keep_settings(made, (WIRE / "shopline.toml").read_bytes())
    shopify = Shopify("shopify")

    def line(topic: str, raw: bytes, sign: str | None) -> Any:
        told = signature(raw) if sign is None else sign
        return webhook("webhook", raw, {"x-shopline-topic": topic, "x-shopline-hmac-sha256": told})

    return {
        "shopify": lambda topic, raw, sign=None: shopify(topic, raw, sign=sign),
        "woocommerce": lambda topic, raw, sign=None: woocommerce("woocommerce", topic, raw, sign=sign),
        "webhook": lambda topic, raw, sign=None: line(topic, raw, sign),
    }


@pytest.mark.parametrize("kind", TOPICS)
def test_mutated_bodies_are_taken_in_quarantined_or_refused_with_a_word(shops, kind):
    answers: dict[int, int] = {}

    @MANY
    @given(mutated(kind))
    def post(sent):
        response = shops[kind](*sent)
        answers[response.status] = answers.get(response.status, 0) + 1
        assert response.status in (200, 400), response
        if response.status == 400:
            assert set(json.loads(response.body)) == {"code", "message"}
        assert b"Traceback" not in response.body and b'File "' not in response.body

    post()
    assert answers[200] > 50
    drain_all()
    assert accepting.waiting() == (0, 0)  # nothing stays behind
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key k join inbox i on i.id = k.subject")
        assert cursor.fetchone()[0] == 0
    reasons = set(Quarantined.objects.filter(accepted=False).values_list("reason", flat=True))
    assert "message_not_taken_in" not in reasons, "a body that our own reading stumbles over"


@pytest.mark.parametrize("kind", TOPICS)
def test_what_is_signed_wrongly_is_always_refused(shops, kind):
    @MANY
    @given(
        mutated(kind),
        st.text(max_size=60) | st.binary(min_size=32, max_size=32).map(lambda raw: signature(raw, "x" * 20)),
    )
    def post(sent, wrong):
        response = shops[kind](*sent, wrong)
        assert response.status == 401 and set(json.loads(response.body)) == {"code", "message"}

    post()
    assert accepting.waiting() == (0, 0)


FIELDS = {"phone": ["+4915100000001", "+4915100000002", None], "first_name": ["Mira", "Mia", None],
          "last_name": ["Hoffmann", "Koch"]}  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_the_same_updates_ends_in_the_same_profile(shops, seed):
    """The same updates to two customers, in order and shuffled, by chunks of any size; some say what was said before."""
    chance, service = random.Random(seed), staff("service")
    start = datetime.now(UTC) - timedelta(hours=20)
    updates = []
    for minute in range(9):
        at = (start + timedelta(minutes=minute)).isoformat()
        updates.append({"updated_at": at, **{name: chance.choice(some) for name, some in FIELDS.items()}})
    shopify = Shopify("shopify")

    def brought(id: int, order: list[dict[str, Any]]) -> dict[str, Any]:
        for one in order:
            body = {"id": id, "email": f"{id}@mail.example", **one}
            assert shopify("customers/update", body, at=one["updated_at"]).status == 200
            if chance.random() < 0.5:
                drain_all()
        drain_all()
        [who] = queries.find({"email": f"{id}@mail.example"}, actor=service, purpose="service")[0]
        opened = gate().open([who], actor=service, purpose="service")[0]
        won = survive(opened.contributions)
        return {
            name: won[name].said.given or won[name].said.normal
            for name in sorted(won)
            if name not in ("external_id", "email")
        }

    in_order = brought(1, updates)
    for id in range(2, 6):
        shuffled = chance.sample(updates, len(updates))
        assert brought(id, shuffled) == in_order, shuffled
    assert in_order["phone"] == next(one["phone"] for one in reversed(updates) if one["phone"])


@pytest.mark.skipif(
    not clients_installed(SHOPIFY) and os.environ.get("CI") != "true",
    reason="Shopify's library for Node is not here: make setup-dev",
)
def test_signatures_agree_with_shopifys_own_library(shops):
    bodies = [json.dumps(one, ensure_ascii=False) for one in BODIES["shopify"]]
    bodies += ['{"id":1,"first_name":"雨 é \\u0000","x":"' + "a" * 70_000 + '"}']
    asked = [{"secret": SECRET, "body": body, "signature": signature(body.encode())} for body in bodies]
    asked += [{"secret": SECRET, "body": body + " ", "signature": signature(body.encode())} for body in bodies]
    done = subprocess.run(
        ["node", "check.mjs"],
        cwd=SHOPIFY,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    count = len(bodies)
    assert [one["valid"] for one in told] == [True] * count + [False] * count  # ours is theirs
    for body, answer in zip(bodies, told[:count], strict=True):  # theirs is ours
        assert shops["shopify"]("customers/create", body.encode(), answer["signature"]).status == 200
        assert shops["shopify"]("customers/create", body.encode() + b" ", answer["signature"]).status == 401

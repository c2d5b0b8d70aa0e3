"""The counter: taken down once however often it is sent, consents as they were given, links of one use."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.models import Quarantined
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Consent
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.acts import ActRefused
from kehu.guard.ledger import queries as ledger
from kehu.guard.staff.actions import owner_actor
from kehu.serve.counter import asking, entries
from kehu.serve.counter.entries import EntryRefused, read_entry, take_down
from kehu.serve.counter.models import Asked
from kehu.serve.desk import queries
from kehu.serve.rights.consents import actions
from kehu.serve.rights.erasing.erasure import erase
from tests.cast import admit, staff
from tests.counter import open_counter, said, taken

MARKETING = PURPOSES["marketing"]
LIN = {"field.full_name": "林婉清", "field.phone": "+8613800138000"}


@pytest.fixture
def desk(database, monkeypatch):
    """A counter and who stands at it."""
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    return open_counter()


def rows(query: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def test_a_person_is_taken_down_once_with_what_they_allowed_and_how(desk):
    _, li = desk
    id = uuid4()
    assert taken(desk, "marketing", id=id, **LIN) is True
    assert taken(desk, "marketing", id=id, **LIN) is False  # the same entry, sent again
    assert rows("select count(*) from record")[0][0] == 0  # durable, and not understood yet
    sealed = [bytes(row[0]) for row in rows("select sealed from inbox")]
    assert sealed and not any(part.encode() in one for one in sealed for part in (*LIN.values(), "marketing"))
    assert drain_all() == 1
    assert taken(desk, "marketing", id=id, **LIN) is False and drain_all() == 0
    [lin], *_ = queries.find({"phone": "+8613800138000"}, actor=li, purpose="service")
    [given] = Consent.objects.filter(subject=lin, purpose=MARKETING)
    assert (given.status, given.way, given.language, given.proof) == ("given", "counter", "zh-hans", "screen")
    assert (given.recorded_by, given.notice, given.purpose_version) == (li.staff, notice_in_force().id, 1)
    assert not Consent.objects.exclude(purpose=MARKETING).exists()  # silence is no answer
    [act] = [one for one in ledger.rows(subject=lin) if one["action"] == "consent"]
    assert act["human"] == "service@kehu.example" and act["purpose"] == "marketing"


def test_another_hand_with_the_same_id_is_another_entry(desk):
    channel, _ = desk
    id = uuid4()
    assert taken(desk, id=id, **LIN)
    other = read_entry(said(id=id, **{"field.full_name": "王小明"}), (), purpose="service")
    assert take_down(channel, other, actor=staff("marketing")) is True


@pytest.mark.parametrize(
    "code, consents, more",
    [
        ("unreadable", (), {"id": "7"} | LIN),
        ("nobody", (), {}),
        ("nobody", (), {"field.full_name": "  "}),
        ("unknown-field", (), {"field.national_id": "110101199003078515"}),
        ("unknown-field", (), {"field.external_id": "U-1"}),
        ("unreadable", (), {"field.full_name": "x" * 301}),
        ("unreadable", (), {"field.full_name": "a\0b"}),
        ("unreadable", (), {"field.full_name": "a\u202eb"}),
        ("too-old", (), {"at": (timezone.now() - timedelta(hours=25)).isoformat()} | LIN),
        ("no-language", ("marketing",), {"language": "tlh"} | LIN),
        ("no-notice", ("marketing",), {"notice": "9999"} | LIN),
        ("unknown-purpose", ("billing",), LIN),
        ("unknown-purpose", ("marketing",), {"version.marketing": "9"} | LIN),
    ],
    ids=[f"case{n}" for n in range(13)],
)
def test_what_cannot_be_kept_is_refused_with_a_word(desk, code, consents, more):
    with pytest.raises(EntryRefused) as refused:
        read_entry(said(*consents) | more, consents, purpose="service")
    assert refused.value.code == code


def test_whatever_a_page_sends_is_kept_or_refused_with_a_word(desk):
    """200 mutated entries, the same in each run; what is kept is taken in or set aside, and nothing waits for ever."""
    chance, (channel, li) = Random(6), desk
    odd = [
        "",
        "x",
        "林\u3000婉清",
        "a\u202eb",
        "\ud800",
        "=cmd()",
        "'; --",
        "9" * 400,
        "-1",
        "NaN",
        "2026-02-30T00:00",
        "null",
        "\0",
        "é" * 299,
    ]
    kept = refused = 0
    for _ in range(200):
        said_ = said("marketing", **LIN)
        for name in chance.sample([*said_, "field.email", "subject", "at", "field.", "version."], chance.randint(1, 3)):
            said_[name] = chance.choice(odd)
        consents = chance.choice([(), ("marketing",), ("marketing", "marketing"), (chance.choice(odd),)])
        try:
            kept += take_down(channel, read_entry(said_, consents, purpose="service"), actor=li)
        except (EntryRefused, UnknownSubject):
            refused += 1
    assert kept > 20 and refused > 20
    drain_all()
    assert accepting.waiting() == (0, 0)
    assert (
        rows("select count(*) from record where kind = 1")[0][0] + Quarantined.objects.filter(accepted=False).count()
        >= kept
    )


def test_only_fields_of_the_purpose_and_nothing_sensitive_can_be_taken_down(desk):
    from kehu.guard.installation import installation

    dictionary, purposes = installation().rules.dictionary, installation().rules.purposes
    assert (dictionary.field("voiceprint").level, dictionary.field("voiceprint").sensitive) == (4, "biometrics")
    for slug, purpose in purposes.items():
        names = entries.fields_of(slug)
        assert set(names) <= purpose.least
        assert all(dictionary.field(name).level < 4 and not dictionary.field(name).event for name in names)


def test_a_no_that_came_meanwhile_stands_against_an_entry_that_waited(desk):
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    before = (timezone.now() - timedelta(hours=3)).isoformat()
    give = {"kind": "general", "until": None, "notice": None, "by_subject": None}
    actions.give(lin, MARKETING, actor=owner_actor(), **give)
    actions.withdraw(lin, MARKETING, actor=owner_actor())
    assert taken(desk, "marketing", subject=str(lin), at=before)
    drain_all()
    newest = Consent.objects.filter(subject=lin, purpose=MARKETING).order_by("-recorded_at").first()
    assert newest.status == "withdrawn"
    assert list(Quarantined.objects.values_list("reason", flat=True)) == ["message_said_later"]
    assert taken(desk, "marketing", subject=str(lin))  # said now, it is the newest word
    drain_all()
    assert Consent.objects.filter(subject=lin, purpose=MARKETING).order_by("-recorded_at").first().status == "given"


def test_of_somebody_erased_nothing_is_taken_down(desk):
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    assert taken(desk, "marketing", subject=str(lin))  # waits while
    erase(lin, actor=owner_actor(), reason="asked")
    drain_all()
    assert not Consent.objects.filter(subject=lin).exists()
    with pytest.raises(UnknownSubject):
        taken(desk, "marketing", subject=str(lin))


def test_roles_that_may_not_are_refused(desk):
    channel, _ = desk
    entry = read_entry(said(**LIN), (), purpose="service")
    for role in ("auditor", "engineer"):
        with pytest.raises(ActRefused):
            take_down(channel, entry, actor=staff(role))
    with pytest.raises(ActRefused):  # may take people down, not say what they allow
        take_down(
            channel, read_entry(said("marketing", **LIN), ("marketing",), purpose="service"), actor=staff("analyst")
        )


def test_a_link_is_answered_once_and_is_over_in_time(desk):
    channel, li = desk
    entry = read_entry(said(**LIN), (), purpose="service")
    take_down(channel, entry, actor=li)
    secret = asking.hand_over(channel, name=entry.name, actor=li)
    assert secret.encode() not in bytes(Asked.objects.get().digest)
    assert bytes(Asked.objects.get().digest) == hashlib.sha256(secret.encode()).digest()
    told = said("marketing", language="zh-hant")
    with pytest.raises(EntryRefused):
        asking.answer(secret, told, ["billing"], language="zh-hant")
    asking.answer(secret, told, ["marketing"], language="zh-hant")
    for again in (["marketing"], []):
        with pytest.raises(asking.LinkOver):
            asking.answer(secret, told, again, language="zh-hant")
    assert drain_all() == 2
    [given] = Consent.objects.all()
    assert (given.way, given.language, given.recorded_by) == ("counter-phone", "zh-hant", li.staff)
    late = asking.hand_over(channel, name=entry.name, actor=li)
    Asked.objects.filter(answered_at=None).update(expires_at=timezone.now())
    for wrong in (late, "", "x", "林\ud800"):
        with pytest.raises(asking.LinkOver):
            asking.question(wrong)
    Asked.objects.update(expires_at=timezone.now() - timedelta(days=2))
    assert asking.forget_asked() == 2


def test_with_the_customer_their_link_goes(desk):
    channel, li = desk
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    secret = asking.hand_over(channel, subject=lin, actor=li)
    erase(lin, actor=owner_actor(), reason="asked")
    with pytest.raises(asking.LinkOver):
        asking.question(secret)

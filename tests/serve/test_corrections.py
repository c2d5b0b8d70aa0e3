"""A correction keeps before, after, who and why; whoever received the wrong value is listed, and told within the clock."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import transaction

from kehu.govern.consent import Statement, give_consent
from kehu.govern.laws import AGE_BANDS
from kehu.govern.models import Channel
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate
from kehu.guard.guests.credentials import sign_in
from kehu.guard.setup import as_owner
from kehu.guard.staff.actions import owner_actor
from kehu.refine.survive import survive, text_of
from kehu.serve.assurance import queries as assurance
from kehu.serve.corrections import actions as corrections
from kehu.serve.corrections import queries, telling
from kehu.serve.corrections.actions import NotCorrected, correct
from kehu.serve.corrections.models import Correction, Telling
from kehu.serve.desk import queries as desk
from kehu.serve.rights import requests
from kehu.serve.rights.ages import refresh_ages
from kehu.serve.rights.consents import actions
from kehu.serve.rights.copy import export
from kehu.serve.rights.erasing import erasure
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.rights.models import Request
from kehu.serve.upkeep import confirming, queue
from kehu.vault.assignment import CONFIRMED, PROBABLE, unassign
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.copies import by_passphrase
from tests.races import beside
from tests.serve.holdings import link, raw

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
WHY = "typed wrongly at the counter"


def given_to(subject, recipient="Acme", field="email"):
    marketing = staff("marketing") if not hasattr(given_to, "who") else given_to.who
    for _ in gate().stream(
        [subject], actor=marketing, purpose="marketing", use="give", recipient=recipient, country="CN"
    ):
        pass


@pytest.fixture
def privacy(database):
    shipped_with(database, "marketing", recipients=["Acme", "Beta"], countries=["CN"])
    return staff("privacy")


def agreed(person=LIN):
    [one] = admit(person)
    give_consent(
        one, purpose=4, purpose_version=1, statement=Statement(notice=1, way="staff"), recorded_by=owner_actor().staff,
        id=new_id(),
    )  # fmt: skip
    return one


def test_before_after_who_and_why_are_kept(privacy):
    lin = agreed()
    done = correct(lin, "email", " Lin.New@mail.example ", reason=WHY, actor=privacy)
    [row] = queries.of_customer(lin, actor=privacy)
    assert (row["before"], row["after"]) == ("lin@mail.example", "Lin.New@mail.example")
    assert (row["by"], row["why"], row["field"]) == ("privacy@kehu.example", WHY, "email")
    shown = desk.show(lin, actor=staff("service"), purpose="service")
    assert shown.fields["email"] == "lin.new@mail.example"
    assert done.subject == lin and done.tellings == 0
    assert WHY.encode() not in bytes(Correction.objects.get().reason)
    assert assurance.verify(actor=owner_actor())["ok"]


def test_a_value_is_read_as_the_country_writes_whose_it_was(privacy):
    [chan] = admit({"full_name": "陳大文", "phone": "+85291234567", "birth_date": "1990-05-03"})
    correct(chan, "phone", "9123 4568", reason=WHY, actor=privacy)
    shown = desk.show(chan, actor=staff("service"), purpose="service")
    assert shown.fields["phone"] == "+85291234568"
    with pytest.raises(NotCorrected, match="stands so already"):
        correct(chan, "phone", "9123 4568", reason=WHY, actor=privacy)
    Channel.objects.update(country="US")
    correct(chan, "birth_date", "03/05/1990", reason=WHY, actor=privacy)
    found = gate().open([chan], actor=privacy, purpose="rights-request", fields=["birth_date"])
    assert {one.normal for one in found[0].contributions} == {"1990-05-03", "1990-03-05"}


def test_parts_of_a_corrected_value_follow_it(privacy):
    [lin] = admit(LIN)
    parts = ["region", "locality", "district", "street", "family_name", "given_name"]

    def now():
        [one] = gate().open([lin], actor=privacy, purpose="rights-request", fields=[*parts, "address", "full_name"])
        return {name: text_of(won.said, "text") for name, won in survive(one.contributions).items() if name in parts}

    correct(lin, "address", "北京市朝阳区建国路88号", reason=WHY, actor=privacy)
    assert now() == {"region": "北京市", "locality": "北京市", "district": "朝阳区", "street": "建国路"}
    correct(lin, "address", "广东省深圳市福田区", reason=WHY, actor=privacy)
    assert now() == {"region": "广东省", "locality": "深圳市", "district": "福田区"}
    correct(lin, "address", "12 Nathan Road, Kowloon", reason=WHY, actor=privacy)
    confirming.confirm(lin, "full_name", how="phone", value="欧阳清", actor=privacy)
    assert now() == {"family_name": "欧阳", "given_name": "清"}


def test_a_correction_counts_before_what_was_confirmed_in_the_same_second(privacy, monkeypatch):
    [lin] = admit(LIN)
    now = datetime(2026, 11, 29, 8, 0, 0, 100_000, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    confirming.confirm(lin, "email", how="phone", actor=privacy)
    now += timedelta(milliseconds=500)
    correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    assert desk.show(lin, actor=staff("service"), purpose="service").fields["email"] == "right@mail.example"


def test_a_whole_name_follows_its_corrected_parts(privacy):
    [alice] = admit({"family_name": "Harper", "given_name": "Alice"})

    def whole() -> str | None:
        [one] = gate().open([alice], actor=privacy, purpose="rights-request", fields=["full_name"])
        found = survive(one.contributions).get("full_name")
        return text_of(found.said, "name") if found else None

    correct(alice, "family_name", "Harker", reason=WHY, actor=privacy)
    assert whole() == "Alice Harker"
    correct(alice, "given_name", "Alicia", reason=WHY, actor=privacy)
    assert whole() == "Alicia Harker"
    [mei] = admit({"full_name": "陈小美", "family_name": "陈"})
    correct(mei, "family_name", "沈", reason=WHY, actor=privacy)  # of whom no first name is known
    [one] = gate().open([mei], actor=privacy, purpose="rights-request", fields=["full_name"])
    assert survive(one.contributions)["full_name"].said.given == "陈小美"


def test_a_birthday_put_right_is_the_age_that_policies_read(privacy):
    [lin] = admit(LIN | {"birth_date": "1990-05-03"})

    def band() -> int:
        return raw().execute("select age from subject_state where subject = %s", (lin,)).fetchone()[0]

    correct(lin, "birth_date", "2015-05-03", reason=WHY, actor=privacy)
    assert AGE_BANDS[band()] == "under13" and refresh_ages() == 0
    raw().execute("update actor_state set second_factor_at = now() where actor = %s", (privacy.credential,))
    confirming.confirm(lin, "birth_date", how="phone", value="1990-05-04", actor=privacy)  # so they say
    assert refresh_ages() == 0
    correct(lin, "birth_date", "1991-05-03", reason=WHY, actor=privacy)
    assert AGE_BANDS[band()] == "under13"  # a child is one until the day's look
    assert refresh_ages() == 1 and AGE_BANDS[band()] == "adult"


@pytest.mark.parametrize(
    ("certainty", "other", "free"),
    [(CONFIRMED, "2015-05-03", True), (CONFIRMED, "2016-01-01", False), (PROBABLE, "2015-05-03", False)],
)
def test_a_birthday_put_right_counts_where_the_same_person_had_brought_the_same_wrong_one(
    privacy, certainty, other, free
):
    child = LIN | {"birth_date": "2015-05-03"}
    lin, again = admit(child, LIN | {"birth_date": other}, age=1)
    link(lin, again, certainty)
    raw().execute("update actor_state set second_factor_at = now() where actor = %s", (privacy.credential,))
    done = correct(lin, "birth_date", "1991-05-03", reason=WHY, actor=privacy)
    assert refresh_ages() == (2 if free else 1)
    bands = dict(raw().execute("select subject, age from subject_state").fetchall())
    assert AGE_BANDS[bands.pop(done.subject)] == "adult"
    assert [AGE_BANDS[band] for band in bands.values()] == ["adult" if free else "under13"]
    if certainty == CONFIRMED and not free:  # another wrong date is put right by itself
        [rest] = bands
        assert correct(lin, "birth_date", "1991-05-03", reason=WHY, actor=privacy).subject == rest
        assert refresh_ages() == 1
        assert {row["before"] for row in queries.of_customer(lin, actor=privacy)} == {other, child["birth_date"]}
        bands = dict(raw().execute("select subject, age from subject_state").fetchall())
        assert {AGE_BANDS[band] for band in bands.values()} == {"adult"}
    if certainty == PROBABLE or not free:
        with pytest.raises(NotCorrected, match="stands so already"):
            correct(lin, "birth_date", "1991-05-03", reason=WHY, actor=privacy)


def test_whom_anothers_right_birthday_made_an_adult_is_judged_by_their_own_once_parted(privacy):
    child = LIN | {"birth_date": "2015-05-03"}
    lin, son, grown = sorted(admit(child, child, LIN | {"birth_date": "1991-05-03"}, age=1))
    for pair in ((lin, son), (lin, grown)):
        link(*pair, CONFIRMED)
    raw().execute("update actor_state set second_factor_at = now() where actor = %s", (privacy.credential,))
    mother = correct(lin, "birth_date", "1991-05-03", reason=WHY, actor=privacy).subject
    [son] = {lin, son} - {mother}

    def bands() -> dict[UUID, str]:
        return {one: AGE_BANDS[age] for one, age in raw().execute("select subject, age from subject_state").fetchall()}

    assert refresh_ages() == 3 and set(bands().values()) == {"adult"}
    with transaction.atomic():
        unassign(raw(), [(lin, grown)], run=None, by=privacy.human)
    assert set(bands().values()) == {"adult"}  # of that one their own date said so, and the others are still one
    with transaction.atomic():
        unassign(raw(), [(mother, son)], run=None, by=privacy.human)
    assert bands() == {mother: "adult", grown: "adult", son: "under13"}
    assert refresh_ages() == 0
    link(mother, son, CONFIRMED)
    assert refresh_ages() == 1 and set(bands().values()) == {"adult"}


def test_whom_an_older_program_had_freed_is_judged_anew_too(privacy, database):
    child = LIN | {"birth_date": "2015-05-03"}
    lin, son, other = sorted(admit(child, child, LIN, age=1))
    link(lin, son, CONFIRMED)
    raw().execute("update actor_state set second_factor_at = now() where actor = %s", (privacy.credential,))
    mother = correct(lin, "birth_date", "1991-05-03", reason=WHY, actor=privacy).subject
    [son] = {lin, son} - {mother}
    with as_owner(database):
        call_command("migrate", "rights", "0006", verbosity=0)
        call_command("migrate", "govern", "0019", verbosity=0)
        raw().execute("update subject_state set age = 5")
        call_command("migrate", verbosity=0)
    with transaction.atomic():
        unassign(raw(), [(mother, son)], run=None, by=privacy.human)
    bands = dict(raw().execute("select subject, age from subject_state").fetchall())
    assert {one: AGE_BANDS[age] for one, age in bands.items()} == {mother: "adult", son: "under13", other: "adult"}


def test_found_by_the_right_value(privacy):
    lin = agreed()
    correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    found = desk.find({"email": "right@mail.example"}, actor=staff("service"), purpose="service")
    assert found[0] == [lin]


@pytest.mark.parametrize(
    ("field", "value", "reason", "why"),
    [
        ("email", "new@mail.example", " ", "no-reason"), ("email", "no address", WHY, "invalid"),
        ("email", " LIN@mail.example", WHY, "same"), ("order_id", "7", WHY, "not-a-value"), ("nothing", "7", WHY, "not-a-value"),
        ("email", "", WHY, "invalid"), ("full_name", "\u200b", WHY, "invalid"),
    ],
)  # fmt: skip
def test_what_is_no_correction_changes_nothing(privacy, field, value, reason, why):
    lin = agreed()
    with pytest.raises(NotCorrected) as refused:
        correct(lin, field, value, reason=reason, actor=privacy)
    assert refused.value.why == why and not Correction.objects.exists()


def test_who_may_not_correct_or_tell(privacy):
    lin = agreed()
    with pytest.raises(Refused):
        correct(lin, "email", "x@mail.example", reason=WHY, actor=staff("marketing"))
    with pytest.raises(Refused):
        queries.waiting(actor=staff("service"))


def test_recipients_of_the_wrong_value_are_listed_and_told_within_the_requests_clock(privacy):
    lin, other = agreed(), agreed({"full_name": "other", "email": "other@mail.example"})
    given_to.who = staff("marketing")
    given_to(lin)
    given_to(lin)
    given_to(other, "Beta")
    del given_to.who
    asked = requests.open_request(subject=lin, right="correct", actor=owner_actor())
    done = correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy, request=asked)
    [row] = queries.waiting(actor=privacy)
    assert done.tellings == 1 and (row["recipient"], row["country"], row["uses"]) == ("Acme", "CN", 2)
    assert Telling.objects.get().due == Request.objects.get().due
    letter = telling.letter(Telling.objects.get().id, actor=privacy, language="zh-hans")
    assert "致 Acme" in letter and str(lin) in letter and "mail.example" not in letter  # a letter passes no gate
    with pytest.raises(ValueError, match="proof"):
        telling.tell(Telling.objects.get().id, way="letter", proof=" ", actor=privacy)
    telling.tell(Telling.objects.get().id, way="letter", proof="registered letter RR123", actor=privacy)
    assert queries.waiting(actor=privacy) == []
    with pytest.raises(telling.UnknownTelling):
        telling.cannot(Telling.objects.get().id, reason="gone", actor=privacy)
    [row] = queries.of_customer(lin, actor=privacy)
    assert [(one["state"], one["proof"]) for one in row["tellings"]] == [("told", "registered letter RR123")]


@pytest.mark.parametrize(("other", "stands"), [("right@mail.example", 1), ("better@mail.example", 2)])
def test_two_corrections_at_once_are_made_one_after_the_other(privacy, monkeypatch, other, stands):
    """A double click corrects once, and no recipient is told twice of one wrong value."""
    lin = agreed()
    given_to(lin)
    both, read, told = Barrier(2), corrections.cleaned, []

    def cleaned(*asked):  # each has seen what stood before either wrote
        if len(told) < 2:
            told.append("seen")
            both.wait(10)
        return read(*asked)

    def work(value):
        try:
            told.append(correct(lin, "email", value, reason=WHY, actor=privacy).tellings)
        except NotCorrected as why:
            told.append(why.why)

    monkeypatch.setattr(corrections, "cleaned", cleaned)
    for thread, wrong in [beside(lambda value=value: work(value)) for value in ("right@mail.example", other)]:
        thread.join(20)
        assert wrong == []
    assert sorted(map(str, told[2:])) == (["1", "same"] if stands == 1 else ["0", "1"])
    assert (Correction.objects.count(), Telling.objects.count()) == (stands, 1)


def test_a_telling_noted_by_mistake_waits_again_and_of_whom_is_hidden_nobody_waits(privacy):
    lin = agreed()
    given_to(lin)
    correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    [before] = queries.waiting(actor=privacy)
    id = Telling.objects.get().id
    with pytest.raises(telling.UnknownTelling):
        telling.take_back(id, actor=privacy)
    for note in (
        lambda: telling.tell(id, way="letter", proof="RR123", actor=privacy),
        lambda: telling.cannot(id, reason="dissolved", actor=privacy),
    ):
        note()
        assert queries.waiting(actor=privacy) == [] and telling.take_back(id, actor=privacy) == lin
        assert queries.waiting(actor=privacy) == [before]
    with pytest.raises(Refused):
        telling.take_back(id, actor=staff("service"))
    raw().execute("update subject_state set hidden = true where subject = %s", (lin,))  # with their import
    assert queries.waiting(actor=privacy) == []


def test_without_a_request_the_clock_runs_as_if_they_had_asked_today(privacy):
    lin = agreed()
    given_to(lin)
    correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    requests.open_request(subject=lin, right="correct", actor=owner_actor())
    assert Telling.objects.get().due.date() == Request.objects.get().due.date()


def test_what_went_out_after_the_correction_was_right(privacy):
    lin = agreed()
    correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    given_to(lin)
    correct(lin, "full_name", "林婉青", reason=WHY, actor=privacy)
    assert sorted(Telling.objects.values_list("correction__field", "recipient")) == [("full_name", "Acme")]


def test_it_gives_nobody_a_use_that_the_value_did_not_have(privacy):
    [lin] = admit(LIN, basis="consent")
    service = staff("service")

    def seen():
        [one] = gate().open([lin], actor=service, purpose="service", fields=["email", "phone"])
        return {said.normal for said in one.contributions}

    correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    correct(lin, "phone", "+8613800138000", reason=WHY, actor=privacy)  # nothing stood there
    assert seen() == set()
    actions.give(lin, 1, actor=owner_actor(), kind="general", until=None, notice=None, by_subject=None)
    assert seen() == {"lin@mail.example", "right@mail.example", "+8613800138000"}
    actions.withdraw(lin, 1, actor=owner_actor())
    assert seen() == set()


@pytest.mark.parametrize("way", ["phone", "portal"])
def test_a_value_put_right_by_a_talk_or_in_the_portal_is_a_correction_too(privacy, way):
    lin, service = agreed(), staff("service")
    given_to(lin)
    confirming.confirm(lin, "email", how="phone", actor=service)
    assert queries.of_customer(lin, actor=privacy) == []  # it was right
    if way == "portal":
        task = queue.make_by_hand(lin, "email", actor=service).id
        assert confirming.answer(sign_in(lin).guest, task, value="right@mail.example") == "corrected"
    else:
        confirming.confirm(lin, "email", how=way, actor=service, value="right@mail.example")
    [row] = queries.of_customer(lin, actor=privacy)
    assert (row["before"], row["after"]) == ("lin@mail.example", "right@mail.example")
    assert row["by"] == ("" if way == "portal" else "service@kehu.example") and way in row["why"]
    [told] = queries.waiting(actor=privacy)
    assert told["recipient"] == "Acme" and told["due"] is not None


def test_what_is_taken_back_is_told_to_nobody_who_was_not_told_yet(privacy):
    lin, service = agreed(), staff("service")
    given_to(lin)
    for told in (False, True):
        done = confirming.confirm(lin, "email", how="phone", actor=service, value="right@mail.example")
        if told:
            telling.tell(Telling.objects.get().id, way="email", proof="their reply", actor=privacy)
        confirming.undo(done.id, actor=service)
        assert queries.waiting(actor=privacy) == [] and Correction.objects.exists() == told


def test_a_letter_names_the_id_that_the_recipient_got_it_under(privacy):
    lin, wang = agreed(), agreed({"full_name": "王", "email": "wang@mail.example"})
    link(lin, wang, CONFIRMED)
    given_to(lin)
    done = correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    assert done.subject == wang  # whose value it was; a list names the customer
    letter = telling.letter(Telling.objects.get().id, actor=privacy)
    assert str(lin) in letter and str(wang) in letter


def test_it_stays_with_whose_value_it_was_when_a_merge_is_undone(privacy):
    lin, wang = (
        agreed({"full_name": "林婉清", "email": "lin@mail.example"}),
        agreed({"full_name": "王"}),
    )
    link(lin, wang, CONFIRMED)
    done = correct(wang, "email", "right@mail.example", reason=WHY, actor=privacy)
    assert done.subject == lin  # whose value it was, whoever's id was asked for
    wrong_merge.part(lin, wang, actor=owner_actor())
    assert len(queries.of_customer(lin, actor=privacy)) == 1 and queries.of_customer(wang, actor=privacy) == []


def test_a_copy_says_why_and_names_no_other_person(privacy, tmp_path):
    lin = agreed()
    given_to(lin)
    why = "her sister wrote from mei@mail.example, not lin@mail.example"
    correct(lin, "email", "right@mail.example", reason=why, actor=privacy)
    made = export.export(lin, actor=owner_actor(), to=tmp_path / "copy.age")
    with zipfile.ZipFile(io.BytesIO(by_passphrase(made.file.read_bytes(), made.passphrase))) as archive:
        data = json.loads(archive.read("data.json"))
        assert "mei@mail.example" not in archive.read("index.html").decode()
    [row] = data["corrections"]
    assert row["reason"] == "her sister wrote from ‹…›, not lin@mail.example"
    assert [one["recipient"] for one in row["recipients"]] == ["Acme"]
    assert [one["record"] for one in data["withheld"]] == [row["record"]]


def test_an_erasure_takes_it(privacy):
    lin = agreed()
    given_to(lin)
    correct(lin, "email", "right@mail.example", reason=WHY, actor=privacy)
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert not Correction.objects.exists() and not Telling.objects.exists()

"""Data from others than the customer: who lets a source in, what it may be used for, and telling people where it came from."""

from __future__ import annotations

import json
import smtplib
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from kehu.collect.imports import actions as importing
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Quarantined
from kehu.collect.quarantine import groups, mending
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.govern import register
from kehu.govern.channels import add_channel
from kehu.govern.models import Informed, Source
from kehu.govern.sources import marks_of_customers, marks_of_records
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.admit import CollectionRefused
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.serve.corrections.actions import correct
from kehu.serve.desk.queries import find, show
from kehu.serve.desk.searching import search
from kehu.serve.register import changes
from kehu.serve.rights.consents import actions as rights
from kehu.serve.rights.copy.export import export
from kehu.serve.rights.erasing.erasure import erase
from kehu.serve.rights.health import check_informing
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.sources import informing, untold
from kehu.serve.sources import register as sources
from kehu.vault.assignment import PROBABLE
from kehu.vault.ids import new_id
from tests.cast import staff
from tests.collect.shops import SECRET, WIRE, signature, webhook
from tests.serve.holdings import link
from tests.smtp import mail_server
from tests.suppliers import BROKER, PERSON, member, policy_of

COURT = {
    "kind": "public", "party": "Court of Records", "country": "CN", "ground": "public", "purposes": ["service", "credit"],
    "fields": ["full_name", "email", "external_id"], "scope": "judgments of the last year", "proof": "cd" * 32,
}  # fmt: skip
GIVEN = {"kind": "general", "until": None, "notice": None, "by_subject": None}


@pytest.fixture
def kehu_import(database, tmp_path):
    """Import a text that the customers gave themselves."""

    def work(text, channel):
        path = tmp_path / f"own-{len(text)}.csv"
        path.write_text(text, encoding="utf-8")
        asked = ImportTerms(files=(path,), channel=channel, basis="contract", residence="CN")
        id = importing.start(importing.plan(asked, actor=owner_actor()), actor=owner_actor())
        return importing.run(id, actor=owner_actor(), link=False)

    return work


def one(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def customer(**where):
    [(column, value)] = where.items()
    return one(f"select subject from subject_state where {column} = %s", value)


def test_two_people_let_a_source_in_and_the_database_sees_to_it(office, registered):
    proposer, decider = office
    change = changes.propose_source("broker", BROKER, actor=proposer)
    with pytest.raises(Refused) as refused:
        changes.approve(change.id, actor=proposer)
    assert refused.value.policy == "house.act" and not Source.objects.exists()
    changes.approve(change.id, actor=decider)
    held = Source.objects.get()
    assert (held.purposes, held.proved, held.country) == ([1, 4], True, "DE")
    with pytest.raises(register.NothingChanges):
        changes.propose_source("broker", BROKER, actor=proposer)
    for column, value in (("purposes", "[1,4,7]"), ("until", "2199-01-01"), ("country", "FR")):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"update govern_source set {column} = %s", [value])
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from govern_source")
    wider = changes.propose_source("broker", {"purposes": ["service", "marketing", "credit"]}, actor=proposer)
    assert Source.objects.get().purposes == [1, 4]
    changes.approve(wider.id, actor=decider)
    assert Source.objects.get().purposes == [1, 4, 7]
    for wrong in ({"until": None}, {"proof": "abc"}, {"purposes": []}, {"purposes": ["sale"]}, {"country": "Germany"},
                  {"ground": "hope"}, {"contract": ""}, {"secret": "x"}, {"fields": ["shoe"]}):  # fmt: skip
        with pytest.raises(ValueError, match=r"^(source|until|proof|purposes|country|ground|contract|fields)"):
            changes.propose_source("other", BROKER | wrong, actor=proposer)


UNFIT = [
    ("unproven", {"proof": ""}, {}, "house.collect-proof"),
    ("expired", {"until": "2020-01-01"}, {}, "house.source-expired"),
    ("stopped", {}, {}, "house.source-stopped"),
    ("audit", {}, {}, "house.source-audit"),
    ("for", {}, {"purposes": ("credit",)}, "house.source-for"),
    ("consents", {}, {"consents": (("analytics", "yes"),), "consent_time": "on"}, "house.source-for"),
    ("scope", {"fields": ["full_name"]}, {}, "house.source-scope"),
    ("japan", {"obtained": ""}, {"residence": "JP"}, "jp.appi.30-obtained"),
]


def test_what_is_not_fit_is_not_brought_in(registered, bring):
    today, text = (
        datetime.now(UTC).date(),
        "external_id,full_name,email,yes,on\nB-1,Lin,lin@kehu.example,yes,2026-01-01\n",
    )
    for name, parts, terms, policy in UNFIT:
        registered(name, **parts)
        if name == "stopped":
            sources.stop(name, actor=owner_actor())
        if name == "audit":
            sources.audit(name, on=today, outcome="failed", actor=owner_actor())
        with pytest.raises(CollectionRefused) as refused:
            bring(text, source=name, **terms)
        assert refused.value.policy == policy, name
    assert one("select count(*) from record") == 0
    sources.audit("audit", on=today, outcome="passed", actor=owner_actor())
    assert bring(text, source="audit").accepted == 1


def test_an_audit_of_today_is_of_today_where_whoever_records_it_is(registered, monkeypatch):
    """In the morning of China it is the day before in UTC, and an audit of that day was one to come."""
    name = registered()
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 29, 17, tzinfo=UTC))
    with timezone.override("Asia/Shanghai"):
        sources.audit(name, on=date(2026, 11, 30), outcome="passed", actor=owner_actor())
        with pytest.raises(ValueError, match="future"):
            sources.audit(name, on=date(2026, 12, 1), outcome="passed", actor=owner_actor())


def test_a_source_fits_its_channel_and_its_document(registered, bring):
    registered()
    for wrong in (
        {"channel": "store"},
        {"channel": "public"},
        {"source": "nobody"},
        {"source_proof": b"another paper"},
    ):
        with pytest.raises(importing.TermsRefused) as refused:
            bring(PERSON, **wrong)
        assert refused.value.option == "source"
    with pytest.raises(CollectionRefused):
        bring(PERSON, source=None)


def test_an_import_at_work_ends_when_its_source_is_stopped(registered, bring, office, monkeypatch):
    registered()
    monkeypatch.setattr(importing, "SIZE", 2)
    monkeypatch.setattr(importing._Pace, "__init__", lambda pace: setattr(pace, "rows", 2))
    monkeypatch.setattr(importing._Pace, "note", lambda pace, seconds: None)
    text = "external_id,full_name,email\n" + "".join(f"B-{n},P {n},p{n}@kehu.example\n" for n in range(6))

    def stop_it(held):
        if held.rows == 2:
            sources.stop("broker", actor=office[1])

    with pytest.raises(CollectionRefused) as refused:
        bring(text, progress=stop_it)
    assert refused.value.policy == "house.source-stopped"
    assert one("select count(*) from record where supplier is not null") == 2
    change = changes.propose_source("broker", {"contract": "B-18"}, actor=office[0])
    changes.approve(change.id, actor=office[1])
    assert bring(text).accepted == 6


def test_bought_values_open_once_told_and_for_what_the_source_allows(registered, bring, letters):
    registered()
    bring(PERSON + "B-2,Wu,wu@kehu.example\n", purposes=("service",))
    service, marketing = staff("service"), Source.objects.get()
    lin = one("select subject from subject_state order by subject limit 1")
    assert policy_of(lin, actor=service) == ("denied", "cn.pipl.17-told")
    assert show(lin, actor=service, purpose="service").refused
    assert find({"email": "lin@kehu.example"}, actor=service, purpose="service")[0] == []
    done = informing.send(actor=owner_actor())
    assert (done.mailed, done.by_post, done.away) == (2, 0, False)
    told = next(letter for letter in letters if letter.to == ["lin@kehu.example"])
    assert "Broker Ltd" in told.body and "第三方" in told.body and "how to reach you" in told.body
    assert "Our organisation holds" in told.body and "wu@kehu.example" not in told.body
    assert policy_of(lin, actor=service) == ("clear", "house.role-service")
    assert show(lin, actor=service, purpose="service").fields["email"] == "lin@kehu.example"
    assert find({"email": "lin@kehu.example"}, actor=service, purpose="service")[0] == [lin]
    # brought in for service alone; the source itself may be used for marketing, too
    rights.give(lin, 4, actor=owner_actor(), **GIVEN)
    assert policy_of(lin, actor=member("marketing"), purpose="marketing") == ("denied", "house.source-purpose")
    sources.stop(marketing.name, actor=owner_actor())
    assert policy_of(lin, actor=service) == ("denied", "house.source-purpose")
    assert show(lin, actor=member("privacy"), purpose="rights-request").fields
    assert one("select count(*) from ledger_entry where action = 112") >= 1


CONSENT = "source_consent_at,source_consent_to,source_consent_purposes,source_consent_way,source_consent_data"
CHINESE = f"external_id,full_name,email,{CONSENT}\n"
AGREED = "2026-01-02,main,客户服务;marketing,web form,full_name;邮箱"


def test_a_chinese_source_proves_each_persons_separate_consent(registered, bring, letters):
    registered(country="CN", ground="separate-consent", purposes=["service", "marketing", "complaints"])
    email = next(f.labels["zh-hans"] for n, f in gate()._held.rules.dictionary.fields.items() if n == "email")
    good = AGREED.replace("邮箱", email)
    rows = [
        f"B-1,Lin,lin@kehu.example,{good}", "B-2,Wu,wu@kehu.example,,,,,", f"B-3,Xu,xu@kehu.example,{good.replace('main', 'Other Ltd')}",
        f"B-4,Su,su@kehu.example,{good.replace('客户服务;marketing', 'resale')}", f"B-5,Ye,ye@kehu.example,{good.replace(f';{email}', '')}",
        f"B-6,Hu,hu@kehu.example,{good.replace('2026', '2126')}", f"B-7,Ma,ma@kehu.example,{good.replace('web form', '')}",
    ]  # fmt: skip
    held = bring(CHINESE + "\n".join(rows) + "\n")
    assert (held.accepted, held.quarantined) == (1, 6)
    reasons = dict(Quarantined.objects.values_list("line", "reason"))
    assert [reasons[line] for line in range(3, 9)] == [
        "source_consent_missing", "source_consent_other", "source_consent_other", "source_consent_other",
        "source_consent_missing", "source_consent_missing",
    ]  # fmt: skip
    lin, service = one("select subject from subject_state"), staff("service")
    informing.send(actor=owner_actor())
    assert policy_of(lin, actor=service) == ("clear", "house.role-service")
    assert policy_of(lin, actor=service, purpose="complaints") == ("denied", "cn.pipl.23-received")
    rights.give(lin, 13, actor=owner_actor(), **GIVEN)
    assert policy_of(lin, actor=service, purpose="complaints") == ("clear", "house.role-service")
    rights.withdraw(lin, 13, actor=owner_actor())
    assert policy_of(lin, actor=service, purpose="complaints") == ("denied", "cn.pipl.23-received")
    proof = show(lin, actor=member("privacy"), purpose="rights-request").fields
    assert proof["source_consent_to"] == "main" and proof["source_consent_way"] == "web form"


def test_whoever_was_told_of_a_source_is_told_anew_of_another_kind_of_data(registered, bring, letters):
    registered()
    bring(PERSON)
    lin, service = one("select subject from subject_state"), staff("service")
    informing.send(actor=owner_actor())
    bring(PERSON.replace("lin@", "lin2@"))  # of the same kind: they know
    assert untold.figures().due == 0 and policy_of(lin, actor=service)[0] == "clear"
    bring("external_id,full_name,interests\nB-1,Lin,tea\n")
    assert untold.figures().due == 1 and policy_of(lin, actor=service) == ("denied", "cn.pipl.17-told")
    sent = len(letters)
    informing.send(actor=owner_actor())
    assert len(letters) == sent + 1 and untold.figures().due == 0
    assert policy_of(lin, actor=service)[0] == "clear"


def test_what_came_while_letters_went_out_is_told_in_the_next(registered, bring, letters, monkeypatch):
    registered()
    bring(PERSON)
    lin, sent = one("select subject from subject_state"), mail.EmailMessage.send

    def meanwhile(letter, *_, **__):
        sent(letter)
        if len(letters) == 1:
            bring("external_id,full_name,interests\nB-1,Lin,tea\n")

    monkeypatch.setattr(mail.EmailMessage, "send", meanwhile)
    assert informing.send(actor=owner_actor()).mailed == 1
    assert untold.figures().due == 1 and policy_of(lin, actor=staff("service")) == ("denied", "cn.pipl.17-told")
    assert informing.send(actor=owner_actor()).mailed == 1
    assert untold.figures().due == 0 and "how to reach you" in letters[1].body and letters[1].body != letters[0].body


def test_whom_something_more_came_of_was_not_told_of_it_by_post(registered, bring):
    registered()
    bring(PERSON + "B-2,Wu,wu@kehu.example\n")
    listed = untold.waiting(actor=owner_actor())
    changed = one("select subject from source_key where subject is not null order by subject limit 1")
    bring("external_id,full_name,interests\nB-1,Lin,tea\n")
    told = informing.posted(
        [row.customer for row in listed], actor=owner_actor(), seen={row.customer: row.seen for row in listed}
    )
    [left] = untold.waiting(actor=owner_actor())
    assert told == 1 and left.customer == changed
    assert informing.posted([left.customer], actor=owner_actor(), seen={left.customer: left.seen}) == 1


def test_who_was_told_already_keeps_nobody_from_being_noted(registered, bring):
    registered()
    bring(PERSON + "B-2,Wu,wu@kehu.example\nB-3,Xu,xu@kehu.example\n")
    listed = [row.customer for row in untold.waiting(actor=owner_actor())]
    assert informing.posted([listed[1]], actor=owner_actor()) == 1
    gone = new_id()  # erased meanwhile
    assert informing.posted([gone, *listed], actor=owner_actor()) == 2 and untold.figures().due == 0


def test_a_bought_value_is_corrected_and_stays_a_bought_one(registered, bring, letters):
    source = registered()
    bring(PERSON, purposes=("service",))
    lin, service, privacy = one("select subject from subject_state"), staff("service"), member("privacy")
    correct(lin, "email", "right@kehu.example", reason="they wrote", actor=privacy)
    assert policy_of(lin, actor=service) == ("denied", "cn.pipl.17-told")
    informing.send(actor=owner_actor())
    seen = show(lin, actor=service, purpose="service")
    assert seen.fields["email"] == "right@kehu.example" and [mark.name for mark in seen.marks] == ["broker"]
    edit = one("select id from record order by id desc limit 1")
    assert (
        marks_of_records([lin])[edit].name == "broker"
        and one("select supplier from record where id = %s", edit) == source.id
    )
    rights.give(lin, 4, actor=owner_actor(), **GIVEN)
    assert policy_of(lin, actor=member("marketing"), purpose="marketing") == ("denied", "house.source-purpose")
    correct(lin, "phone", "+8613800138000", reason="they wrote", actor=privacy)  # the broker gave none
    assert one("select supplier from record order by id desc limit 1") is None
    assert show(lin, actor=member("marketing"), purpose="marketing").fields == {"phone": "+8613800138000"}


def test_orders_of_a_chinese_source_prove_it_as_customers_do(registered, bring):
    registered(country="CN", ground="separate-consent", purposes=["service", "marketing"])
    agreed = AGREED.replace("full_name;邮箱", "transaction;full_name")
    bring(f"external_id,full_name,{CONSENT}\nB-1,Lin,{agreed}\n")
    text = f"order_id,external_id,ordered_at,amount,currency,{CONSENT}\n"
    held = bring(f"{text}O-1,B-1,2026-01-02,5,CNY,{agreed}\nO-2,B-1,2026-01-03,6,CNY,,,,,\n", kind="orders")
    assert (held.accepted, held.quarantined) == (1, 1)
    [refused] = Quarantined.objects.all()
    assert refused.reason == "source_consent_missing"
    assert one("select count(distinct customer) from subject_state") == 1
    erase(one("select subject from subject_state"), actor=owner_actor(), reason="asked")
    assert Quarantined.objects.exclude(sealed=None).count() == 0


def test_what_is_public_says_where_and_when_and_a_refusal_ends_it(registered, bring):
    registered("court", COURT)
    text = "external_id,full_name,email,public_link,captured_at,capture_hash\n"
    good = f"C-1,Lin,lin@kehu.example,https://court.example/1,2026-01-02T03:04:05Z,{'ef' * 32}\n"
    bad = [good.replace("C-1", f"C-{n}").replace(was, now) for n, (was, now) in enumerate(
        [("https://court.example/1", "a shelf"), ("2026-01", "2126-01"), ("ef" * 32, "ef")], start=2)]  # fmt: skip
    with pytest.raises(CollectionRefused) as refused:
        bring(text.replace("full_name", "occupation") + good, source="court", channel="public")
    assert refused.value.policy == "house.source-scope"
    held = bring(text + good + "".join(bad), source="court", channel="public")
    assert (held.accepted, held.quarantined) == (1, 3)
    assert set(Quarantined.objects.values_list("reason", flat=True)) == {"public_unproven"}
    lin, service, legal = one("select subject from subject_state"), staff("service"), staff("legal")
    assert policy_of(lin, actor=service) == ("clear", "house.role-service")  # public, not told yet: no bar under PIPL
    assert policy_of(lin, actor=legal, purpose="credit")[0] == "denied"
    rights.give(lin, 7, actor=owner_actor(), **GIVEN)
    assert policy_of(lin, actor=legal, purpose="credit") == ("clear", "house.role-legal")
    rights.enter_state(lin, "objection", actor=owner_actor(), act="object", purpose=0)
    assert policy_of(lin, actor=service) == ("denied", "house.public-refusal")
    assert policy_of(lin, actor=legal, purpose="credit") == ("denied", "house.public-refusal")
    assert rights.states(lin)[0]["purpose"] == "public-information"
    assert policy_of(lin, actor=member("privacy"), purpose="rights-request")[0] == "clear"
    rights.lift_state(lin, "objection", actor=owner_actor(), act="object", purpose=0, reason="theirs", told="other")
    assert policy_of(lin, actor=service)[0] == "clear"


def test_of_a_customer_who_is_known_already_only_what_was_bought_is_shut(registered, bring, kehu_import, letters):
    registered()
    kehu_import("external_id,full_name,email\nO-1,Lin Wan,own@kehu.example\n", "store")
    [subject] = [one("select subject from subject_state")]
    text = "external_id,full_name,national_id,phone\nO-1,Lin Wan,11010519491231002X,+8613800138000\n"
    kehu_import(text, "store")
    bring(text.replace("O-1", "B-1").replace("13800138000", "13900139000"))
    assert one("select count(distinct customer) from subject_state") == 1
    service = staff("service")
    seen = show(subject, actor=service, purpose="service")
    assert seen.fields["phone"] == "+8613800138000" and [mark.name for mark in seen.marks] == ["broker"]
    assert find({"phone": "+8613800138000"}, actor=service, purpose="service")[0] == [subject]
    assert find({"phone": "+8613900139000"}, actor=service, purpose="service")[0] == []  # a hit would tell what is shut
    assert search("13900139000", actor=service, purpose="service").customers == ()
    opened = gate().open([subject], actor=service, purpose="service", fields=["phone"])[0]
    assert {one_.normal for one_ in opened.contributions} == {"+8613800138000"}
    informing.send(actor=owner_actor())
    opened = gate().open([subject], actor=service, purpose="service", fields=["phone"])[0]
    assert {one_.normal for one_ in opened.contributions} == {"+8613800138000", "+8613900139000"}
    assert find({"phone": "+8613900139000"}, actor=service, purpose="service")[0] == [subject]
    assert search("13900139000", actor=service, purpose="service").customers == (subject,)
    marked = marks_of_records(opened.origins)
    bought = next(c.record for c in opened.contributions if c.normal == "+8613900139000")
    assert [mark.party for mark in marked.values()] == ["Broker Ltd"] and bought in marked


def test_a_letter_tells_nobody_what_came_of_who_may_be_somebody_else(registered, bring, kehu_import, letters):
    registered()
    kehu_import("external_id,full_name,email\nO-1,Lin Wan,own@kehu.example\n", "store")
    own = one("select subject from subject_state")
    bring("external_id,full_name,phone\nB-1,Lin Wan,+8613900139000\n")
    bought = one("select subject from subject_state where supplied is not null")
    assert own != bought
    link(own, bought, PROBABLE)
    done = informing.send(actor=owner_actor())
    wrong_merge.part(own, bought, actor=owner_actor())
    assert (done.mailed, done.by_post) == (0, 1) and letters == []
    assert untold.figures().due == 1
    assert policy_of(bought, actor=staff("service"), field="phone") == ("denied", "cn.pipl.17-told")


@pytest.mark.parametrize("noted", ["posted", "excused"])
def test_who_is_told_by_post_or_excused_is_nobody_that_linkage_alone_joined(registered, bring, letters, noted):
    registered()
    bring("external_id,full_name,phone\nB-1,Lin Wan,+8613900139000\n")
    bring("external_id,full_name,phone\nB-2,Lin Wan,+8613900139001\n")
    lin, wan = (row.customer for row in untold.waiting(actor=owner_actor()))
    link(lin, wan, PROBABLE)
    assert {row.customer for row in untold.waiting(actor=owner_actor())} == {lin, wan}
    if noted == "posted":
        assert informing.posted([lin], actor=owner_actor()) == 1
    else:
        assert informing.excuse([lin], "law", reason="printed in the register", actor=owner_actor()) == 1
    assert [row.customer for row in untold.waiting(actor=owner_actor())] == [wan]
    assert untold.figures().due == 1 and set(Informed.objects.values_list("subject", flat=True)) == {lin}
    wrong_merge.part(lin, wan, actor=owner_actor())
    assert policy_of(wan, actor=staff("service"), field="phone") == ("denied", "cn.pipl.17-told")
    assert informing.posted([wan], actor=owner_actor()) == 1 and untold.figures().due == 0


def test_a_version_proposed_before_the_stop_does_not_start_a_source_again(office, registered):
    proposer, decider = office
    held = registered()
    waits = changes.propose_source("broker", {"until": "2100-01-01"}, actor=proposer)
    sources.stop(held.name, actor=owner_actor())
    with pytest.raises(register.ProposalOutdated):
        changes.approve(waits.id, actor=decider)
    assert Source.objects.get().stopped_at is not None


def test_nobody_in_europe_is_written_to_first_about_anything_else(registered, bring, letters):
    registered()
    bring(PERSON, residence="DE")
    [lin], service = [one("select subject from subject_state")], staff("service")
    assert policy_of(lin, actor=service)[0] == "clear"

    def message():
        options = {"fields": ["email"], "use": "contact", "medium": "email", "topic": "service-news"}
        answer = gate().open([lin], actor=service, purpose="service", **options)[0].decision.of("email")
        return answer.answer, answer.policy

    assert message() == ("denied", "eu.gdpr.14-first-contact")
    informing.send(actor=owner_actor())
    assert message()[0] == "clear" and len(letters) == 1


def test_the_clock_ends_in_a_month_and_whoever_has_no_mailbox_is_told_by_post(registered, bring, letters):
    registered()
    bring("external_id,full_name,email\nB-1,Lin,lin@kehu.example\nB-2,Wu,\nB-3,Xu,not an address\n", residence="DE")
    today = datetime.now(UTC).date()
    due = untold.figures()
    assert (due.due, due.overdue, due.told) == (3, 0, 0) and today + timedelta(27) < due.first <= today + timedelta(31)
    assert list(check_informing()) == []
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set inform_by = current_date - 1")
    assert [(found.id, found.severity) for found in check_informing()] == [("inform.overdue", "error")]
    with pytest.raises(Refused):
        informing.send(actor=staff("service"))
    done = informing.send(actor=member("privacy"))
    assert (done.mailed, done.by_post) == (1, 2) and informing.send(actor=member("privacy")).mailed == 0
    left = untold.waiting(actor=member("privacy"), by_post=True)
    assert [[mark.name for mark in row.marks] for row in left] == [["broker"], ["broker"]]
    assert informing.posted([row.customer for row in left], actor=member("privacy")) == 2
    assert untold.figures().due == 0 and Informed.objects.count() == 3
    with pytest.raises(LookupError):
        informing.posted([left[0].customer], actor=member("privacy"))


def test_without_a_mail_server_nobody_counts_as_told(registered, bring, letters, monkeypatch):
    registered()
    bring(PERSON)

    def lost(*_, **__):
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as broken:
        broken.setattr(mail.EmailMessage, "send", lost)
        done = informing.send(actor=owner_actor())
    assert done.away and (done.mailed, done.by_post, untold.figures().due) == (0, 0, 1)
    backend = {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": 9,
    }
    with override_settings(**backend):
        done = informing.send(actor=owner_actor())
    assert done.away and (done.mailed, done.by_post) == (0, 0) and untold.figures().due == 1


THREE = "external_id,full_name,email\n" + "".join(f"B-{n},P {n},p{n}@kehu.example\n" for n in range(3))


def test_who_is_told_or_erased_while_letters_go_gets_none(registered, bring, letters, monkeypatch):
    """A run of a hundred thousand takes hours; whoever stands behind the first letter is asked for then, not when it began."""
    registered()
    bring(THREE, residence="DE")
    sent = mail.EmailMessage.send

    def meanwhile(letter, *_, **__):
        if not letters:
            _, second, third = [row.customer for row in untold.waiting(actor=owner_actor())]
            erase(second, actor=owner_actor(), reason="asked")
            informing.posted([third], actor=owner_actor())
        return sent(letter)

    monkeypatch.setattr(mail.EmailMessage, "send", meanwhile)
    done = informing.send(actor=owner_actor())
    assert (done.mailed, done.by_post, done.failed, len(letters)) == (1, 0, 0, 1) and untold.figures().due == 0


def test_who_is_reported_dead_while_letters_go_gets_none(registered, bring, letters, monkeypatch):
    registered()
    bring(THREE, residence="DE")
    sent = mail.EmailMessage.send

    def meanwhile(letter, *_, **__):
        if not letters:
            for row in untold.waiting(actor=owner_actor())[1:]:
                rights.enter_state(row.customer, "deceased", actor=owner_actor(), act="deceased")
        return sent(letter)

    monkeypatch.setattr(mail.EmailMessage, "send", meanwhile)
    done = informing.send(actor=owner_actor())
    assert (done.mailed, done.by_post, done.failed, len(letters)) == (1, 0, 0, 1) and untold.figures().due == 0


def test_a_letter_that_a_mail_server_refuses_keeps_no_other_from_going(registered, bring, database, monkeypatch):
    registered()
    bring(THREE)
    with mail_server(database) as taken:
        taken.refuses = {f"p{n}@kehu.example" for n in range(3)}
        monkeypatch.setattr(informing, "_MOST_REFUSED", 2)
        done = informing.send(actor=owner_actor())
        assert (done.mailed, done.failed, done.away) == (0, 2, True)  # it is the server, and no fault of theirs
        privacy = member("privacy")
        [first, *_] = [row.customer for row in untold.waiting(actor=owner_actor())]
        name = next(
            f"p{n}@kehu.example"
            for n in range(3)
            if first in find({"email": f"p{n}@kehu.example"}, actor=privacy, purpose="rights-request")[0]
        )
        taken.refuses = {name}
        done = informing.send(actor=owner_actor())
        assert (done.mailed, done.by_post, done.failed, done.away) == (2, 0, 1, False)
        taken.refuses = set()
        assert informing.send(actor=owner_actor()).mailed == 1 and untold.figures().due == 0


def test_cut_off_before_the_note_the_same_letter_goes_again_by_its_name(registered, bring, database):
    registered()
    bring(PERSON)
    with mail_server(database) as taken:
        taken.cut_after_next()
        with pytest.raises(OperationalError):
            informing.send(actor=owner_actor())
        connection.close()
        assert len(taken.letters) == 1 and untold.figures().due == 1 and not Informed.objects.exists()
        assert informing.send(actor=owner_actor()).mailed == 1
        assert informing.send(actor=owner_actor()).mailed == 0 and untold.figures().due == 0
    first, second = taken.letters
    assert first["Message-ID"] == second["Message-ID"] and first.get_payload() == second.get_payload()
    assert str(one("select subject from govern_informed")) not in first.as_string()


def test_what_is_taken_back_or_erased_leaves_no_duty(registered, bring, letters, tmp_path):
    registered()
    held = bring(PERSON)
    assert untold.figures().due == 1
    importing.undo(held.id, actor=owner_actor())
    assert untold.figures().due == 0 and one("select supplied from subject_state") is None
    bring(PERSON)
    informing.send(actor=owner_actor())
    lin = one("select subject from subject_state where not hidden")
    assert [mark.party for mark in marks_of_customers([lin])[lin]] == ["Broker Ltd"]
    copy = export(lin, actor=owner_actor(), to=tmp_path / "lin.age")
    from tests.copies import by_passphrase

    data = by_passphrase(copy.file.read_bytes(), copy.passphrase)
    assert b"PK" in data[:4]
    erase(lin, actor=owner_actor(), reason="asked")
    assert Informed.objects.count() == 0


def test_an_import_on_a_document_alone_opens_for_rights_alone(database, bring, letters):
    bring(PERSON, source=None, source_proof=b"a licence", residence="DE")
    lin, service = one("select subject from subject_state"), staff("service")
    assert policy_of(lin, actor=service) == ("denied", "house.source-purpose")
    assert policy_of(lin, actor=staff("privacy"), purpose="rights-request")[0] == "clear"
    informing.send(actor=owner_actor())
    assert policy_of(lin, actor=service) == ("denied", "house.source-purpose")
    assert "have not registered" in letters[0].body


def test_a_source_is_worth_what_its_imports_came_to(registered, bring):
    registered()
    bring(
        "external_id,full_name,email\nB-1,Lin,lin@kehu.example\n,,nothing\nB-2,Wu,wu@kehu.example\nB-1,Lin,lin@kehu.example\n"
    )
    [entry] = sources.entries(actor=owner_actor())
    assert (entry.quality.rows, entry.quality.imports, entry.standing) == (entry.quality.rows, 1, "in-force")
    assert entry.quality.score == round(100 * 2 / entry.quality.rows)
    with pytest.raises(Refused):
        sources.entries(actor=staff("engineer"))


def worth(name="broker"):
    [found] = [entry.quality for entry in sources.entries(actor=owner_actor()) if entry.name == name]
    return found


def test_a_refused_row_of_a_source_that_is_put_right_counts_once(registered, bring):
    registered()
    held = bring("external_id,full_name,email\nB-1,Lin,lin@kehu.example\n,,nothing\n,,nothing\n")
    assert (worth().rows, worth().quarantined, worth().score) == (3, 2, 33)
    first, second = Quarantined.objects.filter(accepted=False).order_by("line")
    told = {"external_id": "B-2", "full_name": "Wu", "email": "wu@kehu.example"}
    again = importing.run(mending.mend(first.id, told, actor=owner_actor()), actor=owner_actor(), link=False)
    assert again.accepted == 1 and one("select count(*) from record where supplier is not null") == 2
    assert (worth().imports, worth().rows, worth().created, worth().quarantined) == (1, 3, 2, 1)
    assert worth().score == 67
    # refused once more, and one that is here already: neither is fit, and neither is another row of the source
    importing.run(mending.mend(second.id, {}, actor=owner_actor()), actor=owner_actor(), link=False)
    assert worth().score == 67
    importing.run(mending.mend(second.id, told, actor=owner_actor()), actor=owner_actor(), link=False)
    assert (worth().rows, worth().score) == (3, 67)
    # it stays so without the customer; what is taken back is refused again, and with the first import all of it goes
    erase(one("select subject from record order by id desc limit 1"), actor=owner_actor(), reason="asked")
    assert (worth().rows, worth().score) == (3, 67)
    importing.undo(again.id, actor=owner_actor())
    assert (worth().imports, worth().rows, worth().quarantined, worth().score) == (1, 3, 2, 33)
    importing.undo(held.id, actor=owner_actor())
    assert worth().score is None


def test_a_message_of_a_source_that_is_read_again_counts_once(registered, monkeypatch):
    registered()
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    channel, _ = add_channel("line", "webhook", owner=owner_actor().staff, country="DE")
    keep_secret(channel, SECRET)
    settings = (WIRE / "shopline.toml").read_bytes()
    keep_settings(channel, settings.replace(b"customers/create", b"customers/other"))
    set_terms(channel, actor=owner_actor(), basis="contract", residence="DE", source="broker")
    raw = json.dumps({"id": "Z1", "email": "z@mail.example", "first_name": "Zoe"}).encode()
    headers = {"x-shopline-topic": "customers/create", "x-shopline-hmac-sha256": signature(raw)}
    assert webhook("line", raw, headers).status == 200
    drain_all()
    assert (worth().rows, worth().quarantined) == (1, 1)
    keep_settings(channel, settings)
    [group] = groups.groups(actor=owner_actor())
    assert mending.send_group(group, actor=owner_actor(), until=new_id()) == 1
    drain_all()
    assert one("select count(*) from record where supplier is not null") == 1
    assert (worth().rows, worth().quarantined, worth().score) == (1, 0, 100)


def test_what_a_source_sends_by_itself_is_its_own_and_no_more_than_it_may_give(registered, database):
    from kehu.collect.channels import Brought
    from kehu.collect.inbox.drain import _Channel
    from kehu.collect.inbox.terms import TermsNotUnderstood

    registered(fields=["full_name", "external_id"])
    channel, _ = add_channel("feed", "webhook", owner=owner_actor().staff)
    with pytest.raises(TermsNotUnderstood):
        set_terms(channel, actor=owner_actor(), source="nobody")
    set_terms(channel, actor=owner_actor(), basis="contract", residence="DE", source="broker")
    row = Brought(
        kind="customers", own="m-1", values={"external_id": "F-1", "full_name": "Lin", "email": "l@kehu.example"}
    )  # fmt: skip
    with transaction.atomic():
        _Channel(channel.id)._write("customers", [row], [])
    assert one("select supplier from record") == Source.objects.get().id and untold.figures().due == 1
    assert one("select count(*) from facet where category = 2") == 0  # the mailbox is more than it may give
    sources.stop("broker", actor=owner_actor())
    with pytest.raises(CollectionRefused), transaction.atomic():
        _Channel(channel.id)._write("customers", [row], [])

"""Every place that holds personal data of customers has a holder that answers for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.apps import apps
from django.core.checks import run_checks

from kehu.govern import holders as registry
from kehu.govern.models import Consent
from kehu.guard.setup import open_owner

# tables of no model: what is in them, and why no erasure needs to go there
NOBODYS = {
    "assignment": "ids of origin subjects; without key, state and records they name nobody; the log only grows",
    "kept_apart": "ids of origin subjects that are two customers; goes with the question it follows, by a trigger",
    "key_epoch": "epochs of keys",
    "gate_decision": "decisions by class of field and state; no subject",
    "ledger_entry": "salted commitments, whose salt dies with the key",
    "ledger_leaf": "hashes",
    "ledger_forgotten": "numbers: how many uses each erasure took",
    "ledger_tile": "hashes",
    "ledger_retired": "numbers of rows whose time was over; nobody",
    "ledger_withheld": "whose uses an investigation keeps back: staff and a file number",
    "ledger_checkpoint": "signed tree heads",
    "sign_in_failure": "of staff",
    "staff_session": "of staff",
    "staff_recovery_code": "of staff",
    "staff_passkey": "of staff",
    "staff_challenge": "of staff",
    "staff_link": "of staff",
    "staff_sign_on": "of staff: keyed digests of who they are at the provider",
    "staff_sign_on_way": "of staff: who was sent to the provider",
    "access_grant": "who may see what for a while; ids of origin subjects, which name nobody without key and state",
    "access_review": "what another person found of a broken glass",
    "access_kept": "whose access was kept, and by whom",
    "access_text": "what staff sign",
    "access_signature": "of staff",
    "access_attempt": "of staff: how many answers were right",
    "watch_case": "of staff: whose case, and in which state",
    "watch_case_party": "of staff",
    "watch_case_alert": "which alerts went into it",
    "watch_case_step": "of staff: who took which step; texts sealed under the case's own key, gone with it",
    "watch_case_link": "of staff: digests of links",
    "do_not_contact": "keyed hashes of addresses that a list says are not to be written to; of nobody in particular",
    "form_try": "keyed digests of network addresses and mailboxes, for a day",
    "inbox_seen": "keyed digests of ids of messages, for a week; of refused letters for good",
    "inbox_unread": "names of properties that no field has, for a month; never a value, nor a name within",
    "owned": "who owns what of the house",
    "owned_before": "who owned it",
    "house_role": "of the house: what a role leaves of a shipped one",
    "post_change": "of staff: another post, or none",
    "quota_limit": "numbers of the house",
    "quota_taken": "of staff: counts",
    "watch_position": "how far the ledger was looked at",
    "watch_hour": "of staff: counts",
    "watch_day": "of staff: counts",
    "watch_baseline": "of staff: what is usual",
    "watch_role_baseline": "what is usual for a role",
    "watch_alert": "of staff: counts, times, numbers of ledger rows",
    "watch_delivery": "how the ways of telling fare",
    "leaving": "to whom a list went and what it narrows down to; no customer",
    "leaving_canary": "keyed digests of made-up values",
    "outside_token": "for which recipient a token is; no customer",
    "outside_decision": "who let a token go on",
    "outside_pull": "keyed digests of recipients and customers, gone after a day",
    "outside_canary": "keyed digests of made-up values",
}
FOREIGN = ("django_", "auth_", "procrastinate_")  # framework: ids and jobs' ids only


def test_every_model_says_what_it_holds():
    assert [found for found in run_checks() if found.id in ("kehu.E001", "kehu.E002")] == []


def test_every_table_is_a_models_a_holders_or_nobodys(database):
    with open_owner(database) as owner:
        tables = {row[0] for row in owner.execute("select tablename from pg_tables where schemaname = 'public'")}
    held = {table for holder in registry.holders() for table in holder.tables}
    modelled = {model._meta.db_table for model in apps.get_models()}
    left = {name for name in tables - held - modelled - NOBODYS.keys() if not name.startswith(FOREIGN)}
    assert left == set()


@pytest.mark.parametrize(("said", "id"), [(None, "kehu.E001"), ("nobody", "kehu.E002"), ("vault", "kehu.E002")])
def test_the_check_fails_on_a_model_without_a_holder(monkeypatch, said, id):
    if said is None:
        monkeypatch.delattr(Consent, "personal_data")
    else:
        monkeypatch.setattr(Consent, "personal_data", said)
    assert [(found.id, found.obj) for found in registry.check_models(None)] == [(id, Consent)]


def test_the_check_fails_when_a_holder_goes(monkeypatch):
    monkeypatch.setattr(registry, "_HOLDERS", {})
    assert {found.id for found in registry.check_models(None)} == {"kehu.E002"}


def test_the_vault_is_reached_last():
    names = [holder.name for holder in registry.holders()]
    assert names[-1] == "vault" and set(names) >= {
        "vault", "ledger", "guests", "proposals", "quarantine", "consents", "states", "requests", "erasures",
    }  # fmt: skip
    assert all(isinstance(holder, registry.Holder) for holder in registry.holders())


def test_every_hand_that_a_channel_asks_for_is_there():
    from kehu.collect.channels.counter.read import HAND
    from kehu.collect.channels.form.read import ANSWERED, SAID
    from kehu.collect.inbox.hands import hand_of

    for name in ("access", "erase", "subscription", "bounce", SAID, ANSWERED, HAND):
        assert callable(hand_of(name)), name


def test_a_holder_named_wrongly_is_not_passed_over(monkeypatch):
    monkeypatch.setattr(registry, "_NAMED", ["kehu.vault.holder.NoHolder"])
    for _ in range(2):
        with pytest.raises(ImportError):
            registry.holders()


def test_a_program_that_starts_leaves_what_is_heavy_until_it_is_wanted():
    heavy = "polars pyarrow numpy duckdb sqlglot splink phonenumbers openpyxl"
    asked = f"import sys, django; django.setup(); print([one for one in {heavy.split()} if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"

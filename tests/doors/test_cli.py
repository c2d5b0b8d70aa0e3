"""The command line as strangers' scripts call it: one JSON object, an exit code; once in processes, as they do it."""

from __future__ import annotations

import base64
import time
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db.utils import OperationalError

from kehu.guard.ledger import queries as ledger_queries
from kehu.serve.assurance import queries
from tests.cast import admit, staff

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "phone": "+8613800006721",
    "national_id": "11010519491231002X",
}


def token_for(kehu, role, purpose):
    kehu("staff", "add", "--email", f"{role}@kehu.example", "--role", role)
    return kehu("token", "issue", "--staff", f"{role}@kehu.example", "--purpose", purpose)[1]["token"]


def test_show_find_and_explain_and_in_a_process_of_their_own(kehu, kehu_process):
    [lin] = admit(LIN)
    token = token_for(kehu, "service", "service")
    code, seen = kehu_process("show", str(lin), "--purpose", "service", token=token)
    assert code == 0 and seen["fields"]["email"] == LIN["email"] and "national_id" not in seen["fields"]
    typed = {"token": token, "input": "lin@mail.example\n"}
    assert kehu_process("find", "email=-", "--purpose", "service", **typed)[1]["subjects"] == [str(lin)]
    code, missed = kehu("find", "email=nobody@mail.example", "--purpose", "service", token=token)
    assert (
        code == 0 and missed["subjects"] == [] and missed["ledger"]["seq"]
    )  # that nobody is here is told, so recorded
    code, why = kehu("explain", str(lin), "--purpose", "service", token=token)
    assert code == 0 and {row["field"]: row["answer"] for row in why["decisions"]}["email"] == "clear"


def test_what_is_refused_and_why(kehu):
    [lin] = admit(LIN)
    token = token_for(kehu, "service", "service")
    code, seen = kehu("show", str(lin), "--purpose", "service", "--fields", "national_id", token=token)
    assert code == 3 and seen["denied"]["national_id"]["policy"] == "house.purpose-least"
    code, answer = kehu("show", str(lin), "--purpose", "complaints", token=token)
    assert code == 3 and answer["error"]["policy"] == "house.scope"
    assert kehu("show", str(lin), "--purpose", "service", token="kehu_bad")[0] == 3
    assert kehu("show", str(lin), "--purpose", "service")[0] == 3  # the owner reads nobody
    assert kehu("find", "email=x@y.example", "--purpose", "service")[0] == 3
    assert kehu("show", "01990000-0000-7000-8000-000000000000", "--purpose", "service", token=token)[0] == 1
    assert kehu("show", str(lin))[0] == 2
    assert kehu("consent", "give", str(lin), "billing-x")[0] == 2
    assert kehu("restrict", str(lin), token=token)[0] == 3


def test_consent_from_giving_to_withdrawing(kehu):
    [lin] = admit(LIN)
    token = token_for(kehu, "marketing", "marketing")
    read = lambda: kehu("show", str(lin), "--purpose", "marketing", token=token)
    assert read()[0] == 3
    code, given = kehu("consent", "give", str(lin), "marketing")
    assert code == 0 and given["consents"][0]["status"] == "given"
    assert read()[1]["fields"]["email"] == LIN["email"]
    assert kehu("consent", "withdraw", str(lin), "marketing")[0] == 0
    code, seen = read()
    assert code == 3 and seen["denied"]["email"]["policy"] == "cn.pipl.consent-withdrawn"
    assert kehu("consent", "withdraw", str(lin), "marketing")[0] == 1


def test_states(kehu):
    [lin] = admit(LIN)
    assert kehu("restrict", str(lin))[1]["states"][0]["kind"] == "restriction"
    assert kehu("object", str(lin), "marketing")[1]["states"][1]["purpose"] == "marketing"
    lift = ("restrict", str(lin), "--lift", "--told", "post")
    assert kehu(*lift)[0] == kehu("restrict", str(lin), "--told", "post")[0] == 2  # why? and: only with --lift
    assert (
        kehu(*lift[:3], "--reason", "it is right")[1]["error"]["code"] == "not-told"
    )  # no system runs, no letter goes
    assert kehu(*lift, "--reason", "it is right")[0] == 0
    assert kehu(*lift, "--reason", "it is right")[0] == 1
    again = ("object", str(lin), "marketing", "--lift", "--reason", "they say so", "--told", "other")
    assert kehu(*again)[1]["states"] == [] and kehu("object", str(lin), "marketing")[0] == 0
    assert kehu("optout", str(lin))[0] == kehu("deceased", str(lin), "--at", "2026-11-01")[0] == 0
    code, told = kehu("deceased", str(lin), "--lift")  # a hoax, or the wrong one of two
    assert code == 0 and "deceased" not in {one["kind"] for one in told["states"]}
    assert kehu("deceased", str(lin), "--lift")[0] == 1


def test_a_long_ledger_is_listed_page_by_page(kehu, database, monkeypatch):
    people = admit(*[LIN | {"external_id": f"N{n}", "email": f"n{n}@mail.example"} for n in range(5)])
    for subject in people:
        kehu("optout", str(subject))
    _, whole = kehu("ledger", "list")
    monkeypatch.setattr(queries, "PAGE", 2)
    asked, ask = [], ledger_queries.rows
    monkeypatch.setattr(ledger_queries, "rows", lambda **given: asked.append(given["limit"]) or ask(**given))
    code, paged = kehu("ledger", "list")
    assert code == 0 and paged["rows"][1:] == whole["rows"]  # one reading is recorded, however many pages
    assert len(paged["rows"]) > 6 and set(asked) == {2}
    newest = kehu("ledger", "list", "--limit", "3")[1]["rows"]
    assert len(newest) == 3 and newest[1:] == paged["rows"][:2]
    assert len(kehu("ledger", "list", "--limit", "4")[1]["rows"]) == 4
    assert kehu("ledger", "list", "--purpose", "credit")[1] == {"rows": []}
    since, until = whole["rows"][4]["at"], whole["rows"][0]["at"]
    within = kehu("ledger", "list", "--since", since, "--until", until)[1]["rows"]
    assert within == whole["rows"][1:5]
    assert kehu("ledger", "list", "--since", until, "--until", since)[0] == 2
    unknown = kehu("ledger", "list", "--subject", "01990000-0000-7000-8000-000000000000")
    assert unknown[0] == 1 and set(unknown[1]) == {"error"}

    def away_at_the_second(**given: Any) -> Any:
        if len(asked) > 1:
            raise OperationalError("gone")
        asked.append(given["limit"])
        return ask(**given)

    asked.clear()
    monkeypatch.setattr(ledger_queries, "rows", away_at_the_second)
    code, cut = kehu("ledger", "list")
    assert code == 1 and cut["error"]["code"] == "database" and cut["rows"]  # one object, and what it ended at


def test_the_ledger_of_somebody_who_is_no_one_is_no_empty_one(kehu):
    [lin] = map(str, admit(LIN))
    token = token_for(kehu, "service", "service")
    kehu("show", lin, "--purpose", "service", token=token)
    whose = lambda email: kehu("ledger", "list", "--staff", email)
    assert len(whose("service@kehu.example")[1]["rows"]) == len(whose("Service@Kehu.example")[1]["rows"]) == 1
    code, answer = whose("servise@kehu.example")  # an empty list would say that they used nothing
    assert (code, answer["error"]["code"]) == (1, "unknown-staff")
    assert kehu("quota", "taken", "servise@kehu.example")[1]["error"]["code"] == "unknown-staff"
    assert kehu("quota", "taken", "Service@kehu.example")[0] == 0


def test_ledger_lists_proves_and_verifies(kehu, database):
    [lin] = admit(LIN)
    token = token_for(kehu, "service", "service")
    seq = kehu("show", str(lin), "--purpose", "service", token=token)[1]["ledger"]["seq"]
    code, listed = kehu("ledger", "list", "--subject", str(lin))
    assert code == 0 and [row["action"] for row in listed["rows"]] == ["read", "collect"]
    assert listed["rows"][0]["human"] == "service@kehu.example" and listed["rows"][0]["basis"] == "contract"
    code, proof = kehu("ledger", "prove", str(seq), "--subject", str(lin))
    assert code == 0 and proof["subject"]["r"]
    assert kehu("ledger", "verify")[0] == 0
    from kehu.guard.setup import open_owner

    with open_owner(database) as owner:
        owner.execute("alter table ledger_entry disable trigger user")
        owner.execute("update ledger_entry set human = gen_random_uuid() where seq = %s", (seq,))
    code, verdict = kehu("ledger", "verify")
    assert code == 4 and verdict["broken"][0]["seq"] == seq


def test_rotation_keeps_everybody_readable(kehu):
    [lin] = admit(LIN)
    token = token_for(kehu, "service", "service")
    code, done = kehu("keys", "rotate")
    assert code == 0 and done["rewrapped"] == 1
    assert kehu("show", str(lin), "--purpose", "service", token=token)[1]["fields"]["email"] == LIN["email"]


def test_a_second_factor_opens_sensitive_fields_once_a_code(kehu):
    [lin] = admit(LIN)
    code, added = kehu("staff", "add", "--email", "office@kehu.example", "--role", "privacy", "--totp")
    assert code == 0
    secret = base64.b32decode(added["totp_secret"])
    digits = TOTP(secret, 6, SHA1(), 30).generate(int(time.time())).decode()
    issue = ("token", "issue", "--staff", "office@kehu.example", "--purpose", "rights-request")
    read = ("show", str(lin), "--purpose", "rights-request", "--fields", "national_id")
    assert "national_id" not in kehu(*read, token=kehu(*issue)[1]["token"])[1]["fields"]
    code, issued = kehu(*issue, "--code", digits)
    assert code == 0
    assert kehu(*read, token=issued["token"])[1]["fields"]["national_id"] == LIN["national_id"]
    code, refused = kehu(*issue, "--code", digits)
    assert code == 3 and refused["error"]["code"] == "code"
    token_for(kehu, "service", "service")
    none = kehu("token", "issue", "--staff", "service@kehu.example", "--purpose", "service", "--code", "123456")
    assert none[0] == 1 and none[1]["error"]["code"] == "not-enrolled"


def test_a_channel_that_programs_write_to_has_a_key_of_which_a_digest_is_kept(kehu):
    code, made = kehu("channel", "add", "web-shop", "--kind", "shop")
    assert code == 0 and made["key"].startswith("kehu_")
    from kehu.govern.channels import channel_of_key
    from kehu.govern.models import Channel

    assert channel_of_key(made["key"]).id == made["id"] and channel_of_key(made["key"] + "x") is None
    assert made["key"].encode() not in bytes(Channel.objects.get(id=made["id"]).key_digest)
    assert kehu("channel", "add", "counter", "--kind", "store")[1]["key"] is None
    assert kehu("channel", "add", "counter", "--kind", "store")[0] == 1
    assert kehu("channel", "add", "odd", "--kind", "no-such")[0] == 2


def test_staff_without_attestation_sees_nothing(kehu):
    [lin] = admit(LIN)
    staff("marketing")
    kehu("staff", "add", "--email", "new@kehu.example", "--role", "service", "--no-attest")
    token = kehu("token", "issue", "--staff", "new@kehu.example", "--purpose", "service")[1]["token"]
    code, seen = kehu("show", str(lin), "--purpose", "service", token=token)
    assert code == 3 and seen["denied"]["email"]["policy"] == "house.agreement"


def test_every_command_has_an_example(server):
    from kehu.doors.cli.main import main

    def leaves(group):
        for found in group.commands.values():
            yield from leaves(found) if hasattr(found, "commands") else [found]

    for found in leaves(main):
        assert (found.epilog or "").startswith("Example: ") and "kehu " in found.epilog, found.name
        assert found.help, found.name


def test_the_receipt_of_a_consent(kehu):
    [lin] = admit(LIN)
    given = kehu("consent", "give", str(lin), "marketing")[1]["consents"][0]["id"]
    code, made = kehu("consent", "receipt", given)
    assert code == 0 and made["@type"] == "dpv:ConsentReceipt" and made["used"]["rows"] == 0
    assert kehu("consent", "receipt", "01990000-0000-7000-8000-000000000000")[0] == 1
    assert kehu("consent", "receipt", "no-id")[0] == 2

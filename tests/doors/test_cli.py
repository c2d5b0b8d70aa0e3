"""The command line as strangers' scripts call it: a process, one JSON object, an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cast import admit, staff

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "phone": "+8613800006721",
    "national_id": "11010519491231002X",
}


@pytest.fixture
def kehu(database):
    """Run one command; returns its exit code and its JSON object."""

    def run(*words, token=None, **more):
        environment = os.environ | ({"KEHU_TOKEN": token} if token else {})
        done = subprocess.run(
            [sys.executable, "-m", "kehu.doors.cli.main", *words, "--json"],
            capture_output=True, text=True, env=environment, **more,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return run


def token_for(kehu, role, purpose):
    kehu("staff", "add", "--email", f"{role}@kehu.example", "--role", role)
    return kehu("token", "issue", "--staff", f"{role}@kehu.example", "--purpose", purpose)[1]["token"]


def test_show_find_and_explain(kehu):
    [lin] = admit(LIN)
    token = token_for(kehu, "service", "service")
    code, seen = kehu("show", str(lin), "--purpose", "service", token=token)
    assert code == 0 and seen["fields"]["email"] == LIN["email"] and "national_id" not in seen["fields"]
    assert kehu("find", "email=-", "--purpose", "service", token=token, input="lin@mail.example\n")[1]["subjects"] == [
        str(lin)
    ]
    assert kehu("find", "email=nobody@mail.example", "--purpose", "service", token=token) == (
        0,
        {"subjects": [], "ledger": {"seq": None}},
    )
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
    assert kehu("restrict", str(lin), "--lift")[0] == 0
    assert kehu("restrict", str(lin), "--lift")[0] == 1
    assert kehu("optout", str(lin))[0] == kehu("deceased", str(lin), "--at", "2026-11-01")[0] == 0


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


def test_rotation_keeps_everybody_readable_and_destroys_the_old_key(kehu):
    [lin] = admit(LIN)
    token = token_for(kehu, "service", "service")
    code, done = kehu("keys", "rotate")
    assert code == 0 and done["rewrapped"] == 1
    assert kehu("show", str(lin), "--purpose", "service", token=token)[1]["fields"]["email"] == LIN["email"]
    from kehu.host.home import Home
    from kehu.host.keyring import Keyring

    assert [name for name in Keyring(Home.current()).names() if name.startswith("epoch")] == [f"epoch-{done['epoch']}"]


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

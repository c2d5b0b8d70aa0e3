"""The commands on what authorities demand, from the document to the sealed answer, and who is refused."""

from __future__ import annotations

import json

import pyrage

from tests.cast import admit, staff

LIN = {"full_name": "林小红", "email": "lin@mail.example"}


def offices(kehu):
    """The tokens of the two offices by which a demand goes."""
    tokens = {}
    for role, purpose in (("legal", "legal"), ("privacy", "rights-request")):
        staff(role)
        issued = kehu("token", "issue", "--staff", f"{role}@kehu.example", "--purpose", purpose)[1]
        tokens[role] = issued["token"]
    return tokens


def demand_for(subject, folder):
    """The words that register a court's demand for somebody's address."""
    order = folder / "order.pdf"
    order.write_bytes(b"%PDF order")
    return (
        "authority", "ask", str(subject), "--authority", "Court", "--country", "US", "--provision", "18 USC 2703",
        "--reference", "26-1", "--fields", "email", "--document", str(order),
    )  # fmt: skip


def test_asked_let_and_written(kehu, tmp_path):
    [lin] = admit(LIN)
    tokens = offices(kehu)
    ask = demand_for(lin, tmp_path)
    code, answer = kehu(*ask)  # the owner is no office
    assert (code, answer["error"]["code"]) == (3, "role")
    code, answer = kehu(*ask, token=tokens["legal"])
    [held] = answer["demands"]
    assert code == 0 and held["state"] == "waiting" and held["subjects"] == [str(lin)]
    approval = ("authority", "approval", held["id"], "--law", "CN", "--reference", "2026-12", "--document", ask[-1])
    code, answer = kehu(*approval, token=tokens["legal"])
    assert code == 0 and answer["demands"][0]["approvals"] == [{"law": "CN", "reference": "2026-12"}]
    key = pyrage.x25519.Identity.generate()
    run = ("authority", "run", held["id"], "--to", str(tmp_path / "a.age"), "--key", str(key.to_public()))
    code, answer = kehu(*run, token=tokens["legal"])
    assert (code, answer["error"]["code"]) == (3, "demand-state")
    code, answer = kehu("authority", "approve", held["id"], token=tokens["legal"])
    assert (code, answer["error"]["policy"]) == (3, "house.second-person")
    assert kehu("authority", "approve", held["id"], token=tokens["privacy"])[1]["demands"][0]["state"] == "ready"
    code, answer = kehu(*run, token=tokens["legal"])
    assert code == 0 and answer["rows"] == 1 and answer["passphrase"] is None
    told = json.loads(pyrage.decrypt((tmp_path / "a.age").read_bytes(), [key]))
    assert told["customers"][0]["values"] == {"email": "lin@mail.example"} and told["approvals"][0]["law"] == "CN"
    sealed = ("authority", "document", held["id"], "--to", str(tmp_path / "d.age"), "--key", str(key.to_public()))
    assert kehu(*sealed, token=tokens["legal"])[0] == 0
    assert pyrage.decrypt((tmp_path / "d.age").read_bytes(), [key]) == b"%PDF order"
    assert kehu("authority", "list")[1]["demands"][0]["state"] == "done"  # the owner may look
    code, answer = kehu("authority", "approve", "01990000-0000-7000-8000-000000000000", token=tokens["privacy"])
    assert (code, answer["error"]["code"]) == (1, "unknown-demand")


def test_whom_a_law_keeps_back_is_counted_with_its_words(kehu, tmp_path):
    [lin] = admit(LIN, packs=2)
    tokens = offices(kehu)
    ask = demand_for(lin, tmp_path)
    [held] = kehu(*ask, token=tokens["legal"])[1]["demands"]
    assert kehu("authority", "approve", held["id"], token=tokens["privacy"])[0] == 0
    code, answer = kehu("authority", "run", held["id"], "--to", str(tmp_path / "a.age"), token=tokens["legal"])
    assert code == 0 and answer["rows"] == 0
    [(policy, count)] = answer["kept_back"].items()
    assert count == 1 and set(answer["reasons"]) == {policy}
    assert "48" in answer["reasons"][policy]["article"] and policy not in answer["reasons"][policy]["reason"]

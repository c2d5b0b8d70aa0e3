"""A shop from the command line to the register: made, given its secret, spoken to through the door, answered by the office."""

from __future__ import annotations

import io
import json

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.doors import inbound
from tests.collect.shops import SECRET, body_of, signature


def post(path, body, **headers):
    """Through the door, as the web process takes it."""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body), **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }  # fmt: skip
    status = []
    answer = b"".join(inbound.application(environ, lambda told, headers: status.append(told)))
    return int(status[0].split()[0]), json.loads(answer)


def test_a_shop_is_made_speaks_and_asks(kehu, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made = kehu("channel", "add", "tea", "--kind", "shopify", "--country", "DE")[1]
    assert made["key"] is None
    body = json.dumps(body_of("shopify-customers-data-request")).encode()
    signed = {"x_shopify_topic": "customers/data_request", "x_shopify_hmac_sha256": signature(body)}
    assert post("/hooks/shopify/tea", body, **signed)[0] == 401  # nobody has given it a secret
    code, told = kehu("channel", "secret", "tea", input=SECRET + "\n")
    assert code == 0 and told == {"id": made["id"], "path": f"/hooks/shopify/{made['id']}"}
    assert post(told["path"], body, **signed) == (200, {"success": True})
    assert post("/hooks/shopify/tea/", body, **signed)[0] == 200
    assert post("/hooks/shopify/tea", body + b" ", **signed)[0] == 401
    drain_all()
    [asked] = kehu("request", "list")[1]["requests"]
    assert (asked["right"], asked["state"], asked["identity"]["shop"]) == ("access", "open", "tea.myshopify.example")
    assert asked["due"] and kehu("channel", "show", "tea")[1]["basis"] == "contract"


def test_secrets_and_mappings_that_cannot_be_are_told(kehu, tmp_path):
    kehu("channel", "add", "tea", "--kind", "shopify")
    kehu("channel", "add", "line", "--kind", "webhook")
    file = tmp_path / "line.toml"
    file.write_text("colour = 1")
    for words, given, code in (
        (("secret", "tea"), "short\n", "bad-secret"), (("secret", "store"), SECRET + "\n", "not-signed"),
        (("mapping", "tea", file), None, "no-mapping"), (("mapping", "line", file), None, "bad-mapping"),
        (("key", "tea"), None, "no-key"),
    ):  # fmt: skip
        exit_code, said = kehu("channel", *words, input=given)
        assert exit_code == 2 and said["error"]["code"] == code, words
    assert SECRET not in json.dumps(kehu("channel", "show", "tea")[1])

"""What the API says when something is wrong: always RFC 9457, never a value, never 500."""

from __future__ import annotations

import json
import string
from unittest.mock import patch

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kehu.collect.imports import staging
from kehu.doors import problems
from kehu.doors.api.urls import _schema_of
from kehu.govern.slugs import LANGUAGES
from kehu.host.home import Home
from tests.caller import LIN, Answer, Caller
from tests.cast import admit

MARK = "canary-7f3a-王小明"
MEMBERS = {
    "type", "title", "status", "detail", "instance", "code", "message", "remedy", "policy", "article", "reason", "errors",
    "subject", "denied", "ledger",
}  # fmt: skip


def check_problem(found: Answer) -> None:
    """The answer is a problem of our form."""
    assert found.headers["Content-Type"] == "application/problem+json"
    body = found.json
    assert body["status"] == found.status and set(body) <= MEMBERS
    assert body["type"] == f"urn:kehu:problem:{body['code']}" and body["title"] and body["detail"]
    assert body["instance"] == f"urn:uuid:{found.headers['X-Request-Id']}"
    if body["policy"]:
        assert body["article"] and body["reason"]


BAD = [
    ("POST", "/find", {"criteria": {"email": MARK * 200}}, 422),
    ("POST", "/find", {"criteria": {MARK: "x"}}, 422),
    ("POST", "/find", {"criteria": {"email": f"{MARK}\u0000"}}, 422),
    ("POST", "/find", {"criteria": {"email": [MARK]}}, 422),
    ("POST", "/find", {"criteria": {}}, 422),
    ("POST", "/find", {"criteria": {f"f{n}": MARK for n in range(9)}}, 422),
    ("POST", "/find", {"criteria": MARK}, 422),
    ("POST", "/find", {"criteria": {"email": "x"}, "more": MARK}, 422),
    ("POST", "/find", {"criteria": {"canary": MARK}}, 422),
    ("POST", "/find", {"criteria": {"occupation": MARK}}, 422),
    ("POST", "/find", MARK, 422),
    ("GET", f"/subjects/{MARK}", None, 404),
    ("GET", "/subjects/01990000-0000-7000-8000-000000000000?fields=" + "a," * 200 + "b", None, 422),
    ("GET", "/subjects/{lin}?fields=canary", None, 422),
    ("GET", "/subjects/{lin}?purpose=canary", None, 403),
    ("POST", "/subjects/{lin}/consents", {"purpose": MARK}, 422),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing", "notice": "canary@1"}, 422),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing", "notice": MARK}, 422),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing", "until": "2001-01-01T00:00:00Z"}, 422),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing", "until": MARK}, 422),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing", "until": "9999-12-31T23:59:59-14:00"}, 422),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing", "until": "0001-01-01T00:00:00+14:00"}, 422),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing", "by": MARK}, 422),
    ("DELETE", "/subjects/{lin}", None, 405),
    ("POST", "/openapi.json", {}, 405),
    ("GET", f"/{MARK}", None, 404),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_errors_are_problems_without_values(number, caller):
    [lin] = admit(LIN)
    method, path, body, expected = BAD[number]
    found = caller("service", "service")(method, path.replace("{lin}", str(lin)), body)
    assert found.status == expected, found.text
    check_problem(found)
    assert MARK not in found.text and "canary" not in found.text


def test_frames_of_requests(caller):
    ask = caller("service", "service")
    settings.API_MAX_BODY = 200
    for raw, headers, expected in (
        (b"{" + b" " * 200 + b"}", {}, 413),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"criteria=x", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        (b"{", {}, 422),
        (b"\xff\xfe", {}, 422),
        (b"[" * 199, {}, 422),
        (b'{"criteria": {"email": "\\ud800"}}', {}, 422),
        (b"", {}, 422),
    ):
        found = ask("POST", "/find", raw=raw, **headers)
        assert found.status == expected, (raw[:20], found.text)
        check_problem(found)


def test_an_upload_has_its_own_form_and_its_own_limit(caller):
    """Bytes of any form, but no form of a web page; and what grows too large leaves nothing behind."""
    ask, spool = caller("service", "service"), Home.current() / "spool"
    before = set(spool.iterdir()) if spool.exists() else set()
    settings.API_MAX_BODY = 10  # the limit of a JSON body is none of an upload
    octets = {"Content_Type": "application/octet-stream"}
    with patch.object(staging, "MOST", 100):  # four gigabytes are too many for a test
        for raw, headers, expected in (
            (MARK.encode() * 2, octets, 201),
            (MARK.encode() * 20, octets, 413),
            (b"a,b", {"Content_Type": "multipart/form-data; boundary=x"}, 415),
            (b"a,b", {"Content_Type": "application/json"}, 415),
        ):
            found = ask("POST", "/uploads", raw=raw, **headers)
            assert found.status == expected and MARK not in found.text, found.text
            if expected >= 400:
                check_problem(found)
    assert len(set(spool.iterdir()) - before) == 1


def test_another_host_is_a_problem_too(anyone):
    anyone._client.defaults["SERVER_NAME"] = "evil.example"
    found = anyone("GET", "/health", Accept_Language="zh-TW")
    assert found.status == 400 and found.json["code"] == "host" and found.headers["Content-Language"] == "zh-hant"
    check_problem(found)


def test_deep_nesting_is_wrong_usage(caller):
    found = caller("service", "service")("POST", "/find", raw=b"[" * 60_000)
    assert found.status == 422
    check_problem(found)


def test_what_nobody_foresaw_says_nothing_and_logs_no_value(caller, capsys):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    with patch("kehu.serve.desk.queries.show", side_effect=RuntimeError(MARK)):
        found = ask("GET", f"/subjects/{lin}")
    assert found.status == 500 and found.json["code"] == "fault"
    check_problem(found)
    assert MARK not in found.text and MARK not in capsys.readouterr().err


def test_a_foreign_value_error_is_no_message():
    try:
        int(MARK)
    except ValueError as error:
        found = problems.problem_of(error)
    assert found.code == "fault" and found.said is None


def test_every_code_has_its_words():
    for code, row in problems.table().items():
        assert {"exit", "status", "remedy", *LANGUAGES} == set(row) - {"raised"}, code
        assert set(row["remedy"]) == set(LANGUAGES), code
        assert row["exit"] in range(1, 5) and 400 <= row["status"] < 600


def test_openapi_is_complete_and_open_to_all(database):
    anyone = Caller(None)
    found = anyone("GET", "/openapi.json")
    schema = found.json
    assert found.status == 200 and schema["openapi"].startswith("3.1") and found.headers["Cache-Control"] == "no-store"
    assert schema == json.loads(json.dumps(_schema_of("/api/v1/")))
    names = set(schema["components"]["schemas"])
    referred = {text.rpartition("/")[2] for text in _references(schema)}
    assert referred <= names
    seen = set()
    for path, operations in schema["paths"].items():
        assert path.startswith("/api/v1/")
        for operation in operations.values():
            assert operation["summary"] and operation["description"] and operation["operationId"] not in seen
            seen.add(operation["operationId"])
            if path != "/api/v1/health":
                assert operation["security"] and "application/problem+json" in operation["responses"]["403"]["content"]
            parameters = {held["name"] for held in operation["parameters"] if held["in"] == "path"}
            assert parameters == {name for _, name, _, _ in string.Formatter().parse(path) if name}


def _references(held):
    if isinstance(held, dict):
        for name, value in held.items():
            if name == "$ref":
                yield value
            yield from _references(value)
    elif isinstance(held, list):
        for value in held:
            yield from _references(value)


# ---- Fuzz: every operation of the schema, with what it asks for and with anything else.
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
_WORD = st.text(max_size=40).map(lambda text: MARK + text)


def _value(schema, schemas):
    """What fits a schema, roughly: the rest is the API's to refuse."""
    if "$ref" in schema:
        return _value(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return st.one_of([_value(one, schemas) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        return st.fixed_dictionaries(
            {},
            optional={name: _value(held, schemas) | _WORD for name, held in schema["properties"].items()},
        )
    if kind == "object":
        return st.dictionaries(
            st.sampled_from(["email", "phone", "full_name"]) | st.text(max_size=9), _WORD, max_size=4
        )
    simple = {"integer": st.integers(-3, 2**70), "boolean": st.booleans(), "null": st.none(), "array": st.lists(_WORD)}
    text = {"uuid": st.uuids().map(str), "date-time": st.datetimes().map(lambda t: t.isoformat() + "Z")}
    return simple.get(kind, text.get(schema.get("format"), _WORD))


@st.composite
def requests(draw):
    """One request to some operation."""
    schema = _schema_of("/api/v1/")
    schemas = schema["components"]["schemas"]
    path, operations = draw(st.sampled_from(sorted(schema["paths"].items(), key=lambda item: item[0])))
    method, operation = draw(st.sampled_from(sorted(operations.items(), key=lambda item: item[0])))
    query = []
    for held in operation["parameters"]:
        if held["in"] == "path":
            value = draw(_value(held["schema"], schemas) | st.integers(0, 9) | st.text("abc-0", min_size=1, max_size=8))
            path = path.replace("{" + held["name"] + "}", str(value))
        elif draw(st.booleans()):
            query.append((held["name"], str(draw(_value(held["schema"], schemas)))))
    body = None
    if "requestBody" in operation and "application/json" in operation["requestBody"]["content"]:
        body = draw(_value(operation["requestBody"]["content"]["application/json"]["schema"], schemas) | _JSON)
    return method.upper(), path.removeprefix("/api/v1"), query, body


def test_fuzz_answers_without_fault_and_without_values(caller):
    [lin] = admit(LIN)
    settings.API_RATE = 0
    askers = [caller("service", "service"), caller("auditor", "security"), caller("privacy", "rights-request")]
    from urllib.parse import quote, urlencode

    @hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(requests(), st.sampled_from(askers), st.booleans())
    def fuzz(request, ask, known):
        method, path, query, body = request
        parts = path.split("/")
        if known and len(parts) > 2 and parts[1] == "subjects":
            parts[2] = str(lin)
        target = quote("/".join(parts)) + ("?" + urlencode(query, errors="surrogatepass") if query else "")
        found = ask(method, target, body)
        assert found.status < 500, (method, target, body, found.text)
        assert MARK not in found.text, (method, target, body, found.text)
        if found.status >= 400:
            check_problem(found)

    fuzz()

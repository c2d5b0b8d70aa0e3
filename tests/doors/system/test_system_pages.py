"""The page of operation: every address × role × status; what it tells, and that it tells of nobody."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from pathlib import Path

import pytest
from django.db import connection
from django.utils import translation

import kehu
from kehu.collect.inbox.accept import Sender, accept
from kehu.collect.inbox.terms import set_terms
from kehu.collect.mail.health import WORDS
from kehu.doors.web.system.pages import _AREAS, _size, in_words
from kehu.doors.web.system.urls import urlpatterns
from kehu.govern.channels import add_channel, digest_of
from kehu.guard.staff.actions import owner_actor
from kehu.host.checks import Said
from tests.cast import admit
from tests.doors.web import browsing
from tests.doors.web.browsing import browser, misfits, text_of

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
SEES = frozenset({"engineer", "privacy", "legal", "auditor"})
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "system": ("/system", "get", SEES, 200, 403),
    "system-findings": ("/system/findings", "get", SEES, 200, 403),
}
_FINDING = re.compile(r'Finding\(\s*f?"([a-z]+)\.')


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = browsing.signed_in(role)
        wrong += misfits(TABLE, role, desk)
        assert ('href="/system"' in text_of(desk.get("/me"))) == (role in SEES), role
    assert wrong == []
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


@pytest.fixture
def engineer(database):
    desk, who = browsing.signed_in("engineer")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def test_who_opens_nobody_begins_with_the_system_and_is_led_nowhere_they_may_not_go(engineer):
    desk, _ = engineer
    assert desk.get("/")["Location"] == desk.get("/purpose")["Location"] == "/system"
    assert "opens no customer information" in text_of(desk.get("/customers", follow=True))
    for start in ("/system", "/purposes", "/notices"):
        for link in set(re.findall(r'href="(/[a-z/-]*)"', text_of(desk.get(start)))):
            assert desk.get(link).status_code in (200, 302), (start, link)


def test_it_tells_what_waits_and_what_failed_and_of_nobody(engineer):
    desk, _ = engineer
    admit({"full_name": "林婉清", "email": "canary@mail.example"})
    made, key = add_channel("web-shop", "tracking", owner=owner_actor().staff, country="CN")
    set_terms(made, actor=owner_actor(), basis="contract")
    accept(Sender(made.id, "tracking", digest_of(key)), ["a", "b"], {"m": ["canary@mail.example"]})
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into procrastinate_jobs (queue_name, task_name, args, status, attempts)"
            " values ('default', 'mailing:send', '{}', 'failed', 9)"
        )
    told = text_of(desk.get("/system"))
    assert re.search(r"web-shop.*?>2<", told, re.DOTALL) and "mailing:send" in told and "1 failed" in told
    assert "none was ever heard of" in told  # nobody does jobs in a test
    assert "canary" not in told and "婉清" not in told
    found = text_of(desk.get("/system/findings"))
    assert "jobs.failed" in found and "1 jobs failed." in found and "canary" not in found


def test_it_finds_what_the_doctor_finds(engineer, kehu):
    desk, _ = engineer
    found = re.findall(r'mono muted">([a-z.-]+)<', text_of(desk.get("/system/findings")))
    assert found == [one["id"] for one in kehu("doctor")[1]["findings"]] != []


def test_without_scripts_what_is_wrong_stands_on_the_page_itself(engineer):
    desk, _ = engineer
    page, way = text_of(desk.get("/system")), '<noscript><p><a href="/system/findings#findings">'
    assert way in page
    alone = text_of(desk.get("/system/findings"))
    assert "<html" in alone and "<title>" in alone and 'aria-current="page"' in alone
    assert (
        alone.count('id="findings"') == 1 and "hx-get" not in re.findall(r'<section[^>]*id="findings"[^>]*>', alone)[0]
    )
    part = text_of(desk.get("/system/findings", headers={"HX-Request": "true"}))
    assert "<html" not in part and part.strip() in alone


@pytest.mark.parametrize(
    ("language", "found", "remedy"),
    [("en", "1 jobs failed.", "See log/jobs.log and"), ("zh-hans", "1 个后台任务失败。", "请查看 log/jobs.log"),
     ("zh-hant", "1 個後臺任務失敗。", "請檢視 log/jobs.log")],
)  # fmt: skip
def test_what_is_wrong_is_told_in_the_language_of_the_page(engineer, kehu, language, found, remedy):
    desk, _ = engineer
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into procrastinate_jobs (queue_name, task_name, args, status, attempts)"
            " values ('default', 'mailing:send', '{}', 'failed', 9)"
        )
    page = text_of(desk.get("/system/findings", headers={"Accept-Language": language}))
    assert found in page and remedy in page
    [told] = [one for one in kehu("doctor")[1]["findings"] if one["id"] == "jobs.failed"]  # as ever, for scripts
    remedy = "See log/jobs.log and kehu jobs list; each can be done again: kehu jobs retry"
    assert told == {"id": "jobs.failed", "severity": "warning", "text": "1 jobs failed.", "remedy": remedy}


def test_a_text_within_a_text_is_told_in_that_language_too():
    told = Said("The mailbox of channel {channel} is not fetched: {why}", channel="a{b}", why=WORDS["busy"][0])
    assert told == "The mailbox of channel a{b} is not fetched: Too much waits already."
    for copied in (copy.deepcopy(told), pickle.loads(pickle.dumps(told))):
        assert copied == told and copied.values == told.values
    with translation.override("zh-hans"):
        assert in_words(told) == "渠道 a{b} 的收件邮箱未能收取：等待处理的内容已经过多。"
        assert (in_words(""), in_words("its own words")) == ("", "its own words")


def test_a_finding_is_made_of_what_a_page_can_translate():
    """A text put together where it is made stays English on every page; a command or another's words may."""
    for path in Path(kehu.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "kehu.host.checks" in source or "class Said" in source else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Finding", "Said"}:
                made = [one for one in node.args[-2:] if isinstance(one, ast.JoinedStr | ast.BinOp)]
                assert all(ast.unparse(one).startswith("f'chmod ") for one in made), (path.name, node.lineno)


def test_every_finding_has_an_area_with_a_name():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(kehu.__file__).parent.rglob("*.py"))
    assert set(_FINDING.findall(source)) <= set(_AREAS)


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 kB"), (999_999, "1000 kB"), (1_500_000, "1.5 MB"), (2 * 10**12, "2.0 TB")]
)
def test_sizes(count, said):
    assert _size(count) == said

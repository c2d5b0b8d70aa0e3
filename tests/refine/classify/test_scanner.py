"""What the scanner finds by form and by check digit, and what only looks like it. Names by models: where they are installed."""

from __future__ import annotations

import signal
import time

import pytest

from kehu.govern.dictionary import Dictionary
from kehu.refine.classify.kinds import KINDS, worst
from kehu.refine.classify.names import ABSENT, installed
from kehu.refine.classify.scan import Scanner

SCANNER = Scanner(models=False)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("身份证11010519491231002X", {"national_id"}),
        ("身份证110105194912310021", set()),  # a wrong check digit
        ("id 110105491231002 of the old form", {"national_id"}),
        ("HKID A123456(3), SSN 123-45-6789", {"national_id"}),
        ("HKID A123456(4)", set()),
        ("卡号 6222 0202 0000 0000 004", set()),  # Luhn
        ("card 4111 1111 1111 1111.", {"card"}),
        ("电话13800138000，备用010-65551234", {"phone"}),
        ("order 20261126001, total 1234567", set()),
        ("订单号13800138000", set()),  # looks like a number to call, and is said to be none
        ("card 4111 1111 1111 1111 123", {"card"}),  # each with another number beside it
        ("4111 1111 1111 1111 12/26", {"card"}),
        ("2024-05-01 10 4111 1111 1111 1111", {"card"}),
        ("电话13800138000 2盒", {"phone"}),
        ("2024-05-01 13800138000 来电", {"phone"}),
        ("13800138000 2024-05-01来电，13800138000 10:30 回电", {"phone"}),
        ("订单 88 13800138000", {"phone"}),
        ("订单 13800138000 2盒", set()),
        ("2024-05-01 11010519491231002X", {"national_id"}),
        ("房间 1203 110105194912310029 2", set()),
        ("2024-05-01 2024-06-01 2024-07-01 19.90", set()),
        ("护照E12345678 或 passport no. K1234567", {"passport"}),
        ("京A12345停在门口，粤AD12345也是", {"plate"}),
        ("代码91350100M000100Y43", {"credit_code"}),
        ("代码91350100M000100Y44", set()),
        ("IBAN DE89 3704 0044 0532 0130 00", {"iban"}),
        ("IBAN DE88 3704 0044 0532 0130 00", set()),
        ("登录地址114.85.3.9异常，版本 1.2.3", {"ip"}),
        ("从2001:db8:85a3:0:0:8a2e:370:7334登录，网关2001:db8::1。", {"ip"}),
        ("网卡 AA:BB:CC:DD:EE:FF，证书摘要 " + ":".join(["AB"] * 32) + "的证书", set()),
        ("坐标 39.9042,116.4074", {"coordinates"}),
        ("生日是1990年1月2日", {"birth_date"}),
        ("born on 3/4/1985, ordered on 3/4/2020", {"birth_date"}),
        ("患有糖尿病，對花生過敏", {"health"}),
        ("她是穆斯林", {"religion"}),
        ("he came out as gay; a Bible study", {"orientation"}),
        ("维吾尔族客户，指纹录不上", {"ethnicity", "biometrics"}),
        ("no known allergies, an AIDSless word", set()),
        ("Dear Mr Harper, my name is Alice Wong", {"person"}),
        ("Dear Sir, dear Customer", set()),
        ("联系人：欧阳明，另有李女士", {"person"}),
        ("Nice tea, 5 of 5. Bought 3 in 2024", set()),
    ],
)
def test_found_by_form(text, kinds):
    assert set(SCANNER.kinds(text)) == kinds


def test_a_find_says_where_and_not_what():
    [hit] = SCANNER.find("my card is ４１１１ １１１１ １１１１ １１１１")
    assert (hit.kind, hit.start, hit.end, hit.of.level) == ("card", 11, 30, 4)
    assert "4111" not in repr(hit)


def test_a_long_text_takes_no_longer_for_each_of_its_words():
    began = time.process_time()
    assert SCANNER.kinds("癌症" * 50_000) == {"health": 50_000}
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text",
    [":".join(["AB"] * 32) + "的证书", "1:2:" + "a" * 64 + "_", "无过敏" * 10_000],
    ids=["pairs", "digits", "words"],
)
def test_no_text_keeps_the_scan_for_good(text):
    def over(*_told):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, 10)
    try:
        SCANNER.find(text)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_kinds_stand_in_the_dictionary():
    fields = Dictionary.load().fields
    for kind in KINDS.values():
        if kind.field:
            assert kind.level == fields[kind.field].level, kind.name
    assert worst({"email": 9, "health": 1, "person": 3}).name == "health"


@pytest.mark.skipif(not installed(), reason=ABSENT)
def test_names_by_models():
    both = Scanner()
    assert set(both.kinds("昨天张建国来过，他住在北京市朝阳区，在清华大学工作")) == {"person", "place", "organisation"}
    assert set(both.kinds("Patricia Desrosiers moved to 12 Oak Avenue, Portland")) == {"person", "place"}

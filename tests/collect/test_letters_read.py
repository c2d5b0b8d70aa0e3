"""Letters read as they are written: hostile ones within bounds, every charset by what programs write, one writer or none."""

from __future__ import annotations

import base64
import time
from email.message import EmailMessage
from typing import Any

import orjson
import pytest

from kehu.collect.mail.message import LONGEST, read_mail
from kehu.collect.mail.plain import text_of_html


def _nested(depth: int) -> bytes:
    heads = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    return b"From: lin@mail.example\r\nSubject: deep\r\n" + heads + b"Content-Type: text/plain\r\n\r\nhere\r\n"


_PARTS = (
    b"From: lin@mail.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nx\r\n" * 60_000
    + b"--b--\r\n"
)
_FILE = b"From: lin@mail.example\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "
HOSTILE = {
    "nested": _nested(50),
    "nested past reading": _nested(1_500),
    "many parts": _PARTS,
    "one long line": b"From: lin@mail.example\r\n\r\n" + b"x" * (2 << 20),
    "long head": b"From: lin@mail.example\r\nSubject: " + b"y" * (4 << 20) + b"\r\n\r\nhello",
    "many heads": b"From: lin@mail.example\r\n" + b"X-A: b\r\n" * 50_000 + b"\r\nhello",
    "encoded words": b"From: lin@mail.example\r\nSubject: " + b"=?utf-8?q?a?= " * 100_000 + b"\r\n\r\nhello",
    "no charset": b"From: lin@mail.example\r\nContent-Type: text/plain; charset=x-none\r\n\r\nhel\xfflo",
    "zip as charset": b"From: lin@mail.example\r\nContent-Type: text/plain; charset=zlib\r\n\r\nhello",
    "idna as charset": b"From: lin@mail.example\r\nContent-Type: text/plain; charset=idna\r\n\r\n" + b"x" * 500_000,
    "bad base64": b"From: lin@mail.example\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"=A" * 100_000,
    "uuencode": b"From: lin@mail.example\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 ../../etc/passwd\r\n!\r\n",
    "nul": b"From: lin@mail.example\r\nSubject: a\0b\r\n\r\nhe\0llo",
    "odd date": b"From: lin@mail.example\r\nDate: Mon, 99 Foo 99999999999 99:99:99 +9999\r\n\r\nhello",
    "nothing": b"",
    "binary": bytes(range(256)) * 2_000,
    "open tags": b"From: lin@mail.example\r\nContent-Type: text/html\r\n\r\n" + b"<!--<script><" * 40_000,
    "tags": b"From: lin@mail.example\r\nContent-Type: text/html\r\n\r\n" + b"<" * 500_000,
    "entities": b"From: lin@mail.example\r\nContent-Type: text/html\r\n\r\n" + b"&amp" * 120_000,
    "half a character": b"From: lin@mail.example\r\nSubject: =?utf-7?Q?Hello_+2AA-?=\r\n\r\nhello +2AA-",
    "half of one in a name": _FILE + b"filename*=utf-7''a%2B2AA-.pdf\r\n\r\nhello",
    "an escape in a name": _FILE + b"filename*=unicode_escape''a%5Cud800.pdf\r\n\r\nhello",
    "punycode in a name": _FILE + b"filename*=punycode''" + b"a" * 1_000_000 + b"\r\n\r\nhello",
    "idna, and bytes": b"From: lin@mail.example\r\nContent-Type: text/plain; charset=idna\r\n\r\nhel\xfflo",
    "nul in a charset": b'From: lin@mail.example\r\nContent-Type: text/plain; charset="a\0b"\r\n\r\nhel\xfflo',
    "a charset in parts": b"From: lin@mail.example\r\nContent-Type: text/plain; charset*=utf-8''utf-8\r\n\r\nhel\xfflo",
    "control in a kind": b"From: lin@mail.example\r\nContent-Type: te\0xt/\x1bpdf\r\n\r\nhello",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_read_within_bounds_or_not_at_all(name):
    began = time.process_time()
    said = read_mail(HOSTILE[name])
    assert time.process_time() - began < 10
    assert len(said["text"]) <= LONGEST and len(said["subject"]) <= 200 and len(said["attached"]) <= 20
    told = said["text"] + said["subject"] + "".join(said["attached"])
    assert not set("\0\x1b") & set(told) and said["from"] in (None, "lin@mail.example")
    assert orjson.dumps(said)  # as the inbox keeps it


def test_a_long_text_keeps_its_letters():
    """Of a text so long that it is cut before it is decoded."""
    heads = b"From: lin@mail.example\r\nContent-Type: text/plain; charset=gb18030\r\n\r\n"
    said = read_mail(heads + "茶".encode("gb18030") * 1_200_000)
    assert said["text"] == "茶" * LONGEST and said["cut"]


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("gb2312", "gb18030", "朱镕基 喆 囍"),  # what programs in China write under that name
        ("GBK", "gb18030", "𠮷"),
        ("x-gbk", "gbk", "镕"),
        ("iso-8859-1", "cp1252", "5 € “gut”"),
        ("shift_jis", "cp932", "①髙"),
        ("ks_c_5601-1987", "cp949", "똠"),
        ("big5", "big5hkscs", "喺"),
        ("us-ascii", "utf-8", "茶"),
    ],
)
def test_what_is_written_under_a_charsets_name_is_read_as_programs_write_it(charset, encoding, text):
    content = text.encode(encoding)
    word = b"=?%b?B?%b?=" % (charset.encode(), base64.b64encode(content))
    heads = b"From: lin@mail.example\r\nSubject: %b\r\nContent-Type: text/plain; charset=%b\r\n"
    said = read_mail(heads % (word, charset.encode()) + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + content)
    assert (said["subject"], said["text"]) == (text, text)


def test_a_head_that_is_not_encoded_is_read_too():
    """As RFC 6532 lets it be, and as older programs write it."""

    def said(head: str, encoding: str, kind: str = "text/plain") -> dict[str, Any]:
        return read_mail(head.encode(encoding) + f"\r\nContent-Type: {kind}\r\n\r\nx".encode())

    plain = said("From: 张三 <张三@例子.中国>\r\nSubject: 订单\r\n 问题", "utf-8")
    assert (plain["from"], plain["subject"]) == ("张三@例子.中国", "订单 问题")
    mixed = said("From: lin@mail.example\r\nSubject: 回复 =?utf-8?b?6Iy2?= C:\\users =?utf-8?b?=x?=", "utf-8")
    assert mixed["subject"] == "回复 茶 C:\\users =?utf-8?b?=x?="
    old = said("From: 林 <lin@mail.example>\r\nSubject: 订单问题", "gb18030", "text/plain; charset=gb2312")
    assert (old["from"], old["subject"]) == ("lin@mail.example", "订单问题")
    named = (
        'From: lin@mail.example\r\nContent-Type: application/pdf; name="合同.pdf"\r\nContent-Disposition: attachment'
    )
    for more in ('; filename="合同.pdf"', ""):
        assert read_mail(f"{named}{more}\r\n\r\nx".encode())["attached"] == ["合同.pdf (application/pdf, 1 KB)"]
    # letters that nobody can read are nobody's name: two whose are not read would be one
    assert said("From: <张三@mail.example>\r\nSubject: x", "gb18030")["from"] is None


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=us-ascii", "; charset=unknown-8bit"])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "您好，我的订单什么时候发货？"),
        ("big5", "您好，我的訂單什麼時候出貨？"),
        ("cp932", "ご注文の商品はいつ届きますか"),
        ("euc-kr", "안녕하세요, 주문한 상품이 언제 도착하나요?"),
        ("cp1252", "Schöne Grüße aus Köln"),
        ("utf-8", "您好 Grüße"),
        ("utf-8-sig", "您好"),
    ],
)
def test_what_names_no_charset_or_not_its_own_is_read_as_what_it_is(charset, encoding, text):
    content = text.encode(encoding)
    heads = b"From: lin@mail.example\r\nSubject: %b\r\nContent-Type: text/plain%b\r\n\r\n"
    for body in (content, b"Hello\r\n" + content, b"x" * 10_000 + b"\r\n" + (content + b"\r\n") * 9_000):
        said = read_mail(heads % (content, charset.encode()) + body)
        assert said["subject"].lstrip("\ufeff") == text and text in said["text"]
    # one letter that is cut in two does not make another language of the others
    assert "�" in read_mail(heads % (b"x", charset.encode()) + "茶好喝".encode()[:-1] + b" x")["text"]


def test_who_wrote_is_one_address_or_nobody():
    def sender(*lines: str) -> str | None:
        return read_mail("\r\n".join([*lines, "", "x"]).encode())["from"]

    assert sender("From: Lin <lin@mail.example>") == "lin@mail.example"
    for heads in (
        ("From: a@x.example, b@x.example",),
        ("From: a@x.example", "From: b@x.example"),
        ("From: =?utf-8?q?boss=40house=2Eexample?=",),  # a name that decodes to an address
        ("From: a@x.example\0@y.example",),
        ("From: <a@x.example> <b@x.example>",),
        ("Subject: none",),
    ):
        assert sender(*heads) is None, heads
    injected = read_mail(b"From: lin@mail.example\r\nSubject: =?utf-8?b?YQ0KQmNjOiBlQHguZXhhbXBsZQ==?=\r\n\r\nx")
    assert injected["subject"] == "a Bcc: e@x.example"  # a line that was hidden in it is part of the text


def test_html_is_text_and_files_stay_in_the_mailbox_by_name():
    made = EmailMessage()
    made["From"], made["Subject"] = "lin@mail.example", "x"
    made.set_content(
        "<head><title>no</title><style>p{}</style></head><p>Dear&nbsp;team,<br>it &lt;broke&gt;</p><script>alert(1)</script>"
        '<img src="https://track.example/p.gif?u=1"><!-- hidden --><p>Lin', subtype="html",
    )  # fmt: skip
    made.add_attachment(b"MZ" * 4_000, maintype="application", subtype="pdf", filename="../../\u202efdp.exe")
    said = read_mail(made.as_bytes())
    assert said["text"] == "Dear team,\nit <broke>\nLin"
    assert said["attached"] == ["fdp.exe (application/pdf, 7 KB)"] and not said["cut"]
    assert text_of_html("a<br>b<script>never closed") == "a\nb" and text_of_html("1 < 2") == "1"

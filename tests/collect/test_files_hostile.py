"""Files made to do harm, and files that are merely broken: a word that says what to do, bounded memory, no trace of a stack."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.collect.readers import UnreadableSource, open_source
from tests.doors.web.browsing import signed_in, text_of

LOOKS = """
import json, sys
from tests import memory
from kehu.collect.readers import UnreadableSource, open_source
for path in sys.argv[1:]:
    try:
        rows = bad = 0
        for batch in open_source(path).batches():
            rows, bad = rows + batch.frame.height, bad + len(batch.bad)
        told = ["read", rows, bad]
    except UnreadableSource as refused:
        told = [refused.code, 0, 0]
    print(json.dumps([*told, round(memory.most())]))
"""
MOST_MEMORY = 600  # MiB of a process, its libraries and all
MANY = settings(
    max_examples=int(os.environ.get("KEHU_FUZZ") or 200), deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
ROW = '<row r="{0}"><c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c></row>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {one} "{("&" + before + ";") * 10}">' for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)


def workbook(path, sheet, *, shared=None, encoding="utf-8"):
    """A workbook of one sheet, written part by part; ``sheet`` yields its XML."""
    book = (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats'
        '.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    kinds = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml"'
        ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName='
        '"/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        "</Types>"
    )
    relation = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="{}" Target="{}"/></Relationships>'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", kinds)
        archive.writestr("_rels/.rels", relation.format(office + "officeDocument", "xl/workbook.xml"))
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", relation.format(office + "worksheet", "worksheets/sheet1.xml"))
        if shared:
            archive.writestr("xl/sharedStrings.xml", shared)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as out:
            for part in sheet:
                out.write(part.encode(encoding) if isinstance(part, str) else part)
    return path


def _many(start, middle, times, end):
    yield start
    for _ in range(times):
        yield middle
    yield end


def _laughs(path):
    row = SHEET.format(ROW.format(1, "&i;"))
    return workbook(path, [LAUGHS + "]>" + row])


def _laughs_in_utf16(path):
    return workbook(
        path, ['<?xml version="1.0" encoding="utf-16"?>' + LAUGHS + "]>" + SHEET.format("")], encoding="utf-16"
    )


def _zip_bomb(path):
    """It declares two gigabytes; one that declares less and holds more is read no further than it declares."""
    workbook(path, [SHEET.format("")])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/media/more.bin", b"x")
        archive.infolist()[-1].file_size = 2 << 30
    return path


def _one_cell(path):
    start, _, end = SHEET.format(ROW.format(1, "|")).partition("|")
    return workbook(path, _many(start, "x" * (1 << 20), 40, end))


def _one_row(path):
    start, _, end = SHEET.format('<row r="1">|</row>').partition("|")
    return workbook(path, _many(start, '<c t="inlineStr"><is><t>x</t></is></c>' * 20_000, 10, end))


def _far_row(path):
    """Rows that a number leaves out are not made up."""
    return workbook(path, [SHEET.format(ROW.format(1, "id") + ROW.format(99_999_999_999, "x"))])


def _row_that_goes_back(path):
    """A row that goes back is not passed over in silence."""
    return workbook(path, [SHEET.format("".join(ROW.format(at, f"x{at}") for at in (1, 2, 3, 2)))])


def _one_line(path):
    with path.open("wb") as out:
        out.write(b"id,name\n1,")
        for _ in range(200):
            out.write(b"x" * (1 << 20))
        out.write(b"\n2,y\n")
    return path


def _one_line_of_json(path):
    with path.open("wb") as out:
        out.write(b'{"id":"1"}\n{"id":"')
        for _ in range(60):
            out.write(b"x" * (1 << 20))
        out.write(b'"}\n{"id":"3"}\n')
    return path


def _one_card(path):
    with path.open("wb") as out:
        out.write(b"BEGIN:VCARD\nVERSION:3.0\nFN:")
        for _ in range(60):
            out.write(b"x" * (1 << 20))
        out.write(b"\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nFN:Ann\nEND:VCARD\n")
    return path


def _one_property(path):
    """Parameters that could be read in more ways than there is time for."""
    line = b"TEL" + b";" * 20_000 + b"x"
    path.write_bytes(b"BEGIN:VCARD\nVERSION:3.0\n" + line + b"\nEND:VCARD\nBEGIN:VCARD\nFN:Ann\nEND:VCARD\n")
    return path


def _one_quoted_line(path):
    line = b"QUOTED-PRINTABLE" * 40_000
    path.write_bytes(b"BEGIN:VCARD\nVERSION:2.1\n" + line + b"\nEND:VCARD\nBEGIN:VCARD\nFN:Ann\nEND:VCARD\n")
    return path


def _many_columns(path):
    path.write_bytes(b"c," * 30_000 + b"c\n" + b"1," * 30_000 + b"1\n")
    return path


def _many_keys(path):
    path.write_bytes(b"".join(b'{"k%d":1}\n' % at for at in range(50_000)))
    return path


def _shared_value(path):
    """A megabyte told once and shared by twenty thousand rows."""
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * (1 << 20)]))
    pq.write_table(pa.table({"id": shared}), path, use_dictionary=True, row_group_size=20_000)
    return path


def _long_lists(path):
    pq.write_table(pa.table({"id": ["1"], "list": [[7] * 3_000_000]}), path)
    return path


HARM = {
    _laughs: "bad_excel", _laughs_in_utf16: "bad_excel", _zip_bomb: "too_large", _one_cell: "bad_excel", _one_row: "bad_excel",
    _far_row: "bad_excel", _row_that_goes_back: "bad_excel", _one_line: "read", _one_line_of_json: "read", _one_card: "read",
    _one_property: "read", _one_quoted_line: "read", _many_columns: "too_many_columns", _many_keys: "too_many_columns",
    _shared_value: "too_large", _long_lists: "too_large",
}  # fmt: skip


def test_files_made_to_do_harm_are_refused_with_a_word_in_bounded_memory(tmp_path):
    paths = {made: made(tmp_path / made.__name__.strip("_")) for made in HARM}
    done = subprocess.run(
        [sys.executable, "-c", LOOKS, *map(str, paths.values())], capture_output=True, text=True, timeout=240
    )
    assert done.stderr == "", done.stderr[-500:]
    for made, line in zip(paths, done.stdout.splitlines(), strict=True):
        word, rows, bad, memory = json.loads(line)
        assert (word, memory < MOST_MEMORY) == (HARM[made], True), (made.__name__, line)
        if word == "read":
            assert bad == 1 and rows >= 1, made.__name__  # the long one waits in quarantine, the others are read


def _samples() -> list[bytes]:
    """A small file of each kind."""
    book, table = io.BytesIO(), io.BytesIO()
    workbook(
        book, [SHEET.format("".join(ROW.format(at, word) for at, word in enumerate(("full_name", "Ann", "李雷"), 1)))]
    )
    pq.write_table(pa.table({"external_id": ["1", "2"], "full_name": ["Ann", "李雷"]}), table)
    people = "external_id,full_name,email\n1,Ann,ann@mail.example\n2,李雷,li@mail.example\n"
    lines = "".join(json.dumps({"external_id": at, "full_name": "Ann"}) + "\n" for at in range(3))
    card = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann Lee\r\nEMAIL:ann@mail.example\r\nEND:VCARD\r\n"
    return [people.encode(), people.encode("gb18030"), people.encode("utf-16"), lines.encode(), card.encode(),
            book.getvalue(), table.getvalue()]  # fmt: skip


SAMPLES = _samples()
PIECES = st.sampled_from([
    b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", "\u202e".encode(), b'"', b"\r", b"\n", b"=cmd()", b"," * 40, b"\x1a", b"<", b"&i;", b"{",
    b"[" * 200, b"\xf0\x9f", b"NaN", b"9" * 400, b"PK\x03\x04", b"PAR1", b"END:VCARD\r\n",
]) | st.binary(max_size=8)  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A file of which one to four places are something else, or which ends early."""
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 6))] = draw(PIECES)
    return bytes(data[: draw(st.integers(1, max(1, len(data))))] if draw(st.integers(0, 5)) == 0 else data)


@MANY
@given(broken())
def test_mutated_files_are_read_or_refused_with_a_word(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(data)
    try:
        source = open_source(path)
        for batch in source.batches(2):
            assert batch.frame.columns == ["line", *source.columns]
            batch.frame.write_json()  # every cell is text
    except UnreadableSource as refused:
        assert refused.code and refused.remedy


def test_mutated_files_by_the_page_are_shown_or_refused_with_a_word(database):
    desk, _ = signed_in("service")
    seen: dict[int, int] = {}

    @settings(MANY, max_examples=MANY.max_examples // 10 if MANY.max_examples <= 200 else MANY.max_examples)
    @given(broken())
    def post(data: bytes) -> None:
        answer = desk.post("/imports/upload", {"file": SimpleUploadedFile("\u202eevil\0.csv", data)})
        assert answer.status_code == 302
        if not answer["Location"].startswith("/imports/new/"):
            return
        page = desk.get(answer["Location"])
        seen[page.status_code] = seen.get(page.status_code, 0) + 1
        assert page.status_code in (200, 400)
        body = text_of(page)
        assert "Traceback" not in body and 'File "' not in body
        assert page.status_code == 200 or 'role="alert"' in body
        desk.post(answer["Location"] + "/let-go")

    post()
    assert seen[200] > 2 and sum(seen.values()) > 8


# found by mutation: what a column says of itself contradicts its schema, and pyarrow ends the process that asks for it
ENDS_THE_PROCESS = (
    "c-obdPiqrF6u@UT+aa+5)6yAcA(SBP5+#jIvBgRR-`1w65o4eY@gkdLO{<$UCXI>x1mZzFdhqD6A4B{G;!XT0&YRsetIfs7?whyo&u`v5W*g9~"
    "aFeg{Yjw^zStjJ_ZAu7nQFTyxobVMcODddGFU#+cBK0J7mzGrY%9^1xqeg0tC{B@=>S{sGN_|m9ruW{K{i)j<1U|yf6>OP{1k5PXbGevE)7VS_"
    "v8e@`GWg3ItNWY09QP+pN;0&Hag<cF{@bNY#}S#PktIlRj(5&Etok;QY~&sLJ(n}Wv+IV;ych?;^S;~j*GWB(JEC_%Wt;@D$5bBLCxTgdt7?-x"
    "&sy7r<*Y<8Hv|*!sQ5_jnw?G#(<<TQxPeE>sii7@d}o$Tm?9@x;g*{7g^CMm|DyIMI)9RvnbJ~B!;F|_#H4-A`$>g@eMs3~jsF|qrG2i)os0LT"
    "V0K!3Hi?y&S!gz&wC;qHl^4cMl-({Uc?zLC0+@i)g&IH?_H+mw2jDRpdjJo#W41yVa&Dp3fEcy+3eh^{SUbI0KKwB|n%{-{n&%-ulA6|A4F#DX"
    "@=*780LfMr1kHn^vvw;O;rA5tr@C74+TcvWzV~NEj?;v2)4%(9i0WDYXw<3gj@zwD5XIxtyF?ZS?(p^4KilvIgAI2$Je?HY_`}i3X}_?wQ{F6B"
    "tg5<(;X}Tu3*AtE_irTHtEd"
)


def test_a_parquet_file_that_would_end_the_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "any.parquet"
    path.write_bytes(zlib.decompress(base64.b85decode(ENDS_THE_PROCESS)))
    with pytest.raises(UnreadableSource, match="damaged"):
        open_source(path)

"""Readers: every format and encoding, odd rows, streaming, and the same batches each time."""

from __future__ import annotations

import datetime as dt
import io
import json
import tracemalloc
from pathlib import Path

import openpyxl
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kehu.collect.readers import Batch, Note, Source, UnreadableSource, open_source

CHINESE = "客户编号,姓名,手机,地址\n" + "".join(
    f"K{i},{name},1380013{i:04d},{place}\n"
    for i, (name, place) in enumerate(
        [("张伟", "北京市朝阳区建国路88号"), ("李娜", "上海市浦东新区世纪大道100号"), ("欧阳静", "广东省深圳市南山区")]
        * 5
    )
)
TRADITIONAL = "客戶編號,姓名,電話,地址\n" + "".join(
    f"K{i},{name},0912345{i:03d},{place}\n"
    for i, (name, place) in enumerate([("陳志明", "臺北市信義區市府路1號"), ("林淑惠", "高雄市左營區博愛二路")] * 5)
)
JAPANESE = "番号,氏名,住所\n" + "".join(
    f"{i},{name},{place}\n"
    for i, (name, place) in enumerate(
        [("山田太郎", "東京都新宿区西新宿二丁目"), ("佐藤はなこ", "大阪府大阪市北区梅田のビル")] * 5
    )
)
KOREAN = "번호,이름,주소\n" + "".join(
    f"{i},{name},{place}\n"
    for i, (name, place) in enumerate(
        [("김민준", "서울특별시 강남구 테헤란로 152"), ("이서연", "부산광역시 해운대구 우동")] * 5
    )
)
WESTERN = "id;name;city\n" + "".join(
    f"{i};{name};{city}\n"
    for i, (name, city) in enumerate([("Jürgen Müller", "Köln"), ("Zoé Lefèvre", "Besançon")] * 5)
)


def written(folder: Path, data: bytes, name: str = "in.csv") -> Source:
    path = folder / name
    path.write_bytes(data)
    return open_source(path)


def everything(source: Source, size: int = 10_000) -> Batch:
    batches = list(source.batches(size))
    return Batch(pl.concat([b.frame for b in batches]), [bad for b in batches for bad in b.bad])


@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16-le"),
        (CHINESE, "utf-16-be", "utf-16-be"),
        (CHINESE, "gb18030", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (TRADITIONAL, "gb18030", "gb18030"),
        (JAPANESE, "cp932", "shift-jis"),
        (JAPANESE, "utf-8", "utf-8"),
        (KOREAN, "cp949", "euc-kr"),
        (WESTERN, "latin-1", "latin-1"),
        (WESTERN, "utf-8", "utf-8"),
    ],
)
def test_encoding_is_told_by_content(tmp_path: Path, text: str, codec: str, label: str) -> None:
    source = written(tmp_path, text.encode(codec))
    read = everything(source)
    assert source.encoding == label
    rows = [line.split(source.delimiter) for line in text.splitlines()]
    assert source.columns == rows[0]
    assert [list(row) for row in read.frame.drop("line").rows()] == rows[1:]
    assert read.frame["line"].to_list() == list(range(2, len(rows) + 1))
    assert not read.bad


@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        ("name\n王\n", "gb18030", "gb18030"),
        ("編號,姓名\n1,陳志明\n", "gb18030", "gb18030"),
        ("a\n王\n", "big5", "big5"),
        ("name\n黃小明\n", "big5", "big5"),
        ("name\nすずき はなこ\n", "cp932", "shift-jis"),
        ("name\nﾀﾅｶ ｲﾁﾛｳ\n", "cp932", "shift-jis"),
        ("이름\n김민준\n", "euc-kr", "euc-kr"),
        ("a\n홍길동\n", "euc-kr", "euc-kr"),
        ("a\n李明\n", "gb18030", "gb18030"),  # its bytes are Hangul, too
        ("name\nZoë\n", "cp1252", "latin-1"),
        ("n\nStraße Größe\n", "cp1252", "latin-1"),
        ("preis\n5 €\n", "cp1252", "latin-1"),
    ],
)
def test_encoding_of_very_little_text(tmp_path: Path, text: str, codec: str, label: str) -> None:
    assert written(tmp_path, text.encode(codec)).encoding == label


def test_the_bytes_may_lie_elsewhere(tmp_path: Path) -> None:
    class Piped(io.BytesIO):
        def seekable(self) -> bool:
            return False

    frame = pl.DataFrame({"id": ["1", "2"]})
    frame.write_parquet(tmp_path / "in.parquet")
    for data, kind in ((b"id\n1\n2\n", "csv"), ((tmp_path / "in.parquet").read_bytes(), "parquet")):
        source = open_source(tmp_path / "absent", opener=lambda data=data: Piped(data))
        assert source.format == kind
        assert everything(source).frame["id"].to_list() == ["1", "2"]


def test_encoding_is_found_late_in_a_file(tmp_path: Path) -> None:
    plain = b"id,name\n" + b"".join(b"%d,plain\n" % i for i in range(400_000))
    assert len(plain) > 4 << 20
    source = written(tmp_path, plain + "x,张伟\ny,李娜娜\nz,王小明\n".encode("gb18030"))
    assert source.encoding == "gb18030"
    last = list(source.batches(100_000))[-1].frame
    assert last["name"].to_list()[-3:] == ["张伟", "李娜娜", "王小明"]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiter_is_found(tmp_path: Path, mark: str) -> None:
    rows = [["id", "name", "note"], ["1", "Ann Lee", "a b"], ["2", "Bo", "c,d;e|f\tg"]]
    text = "".join(mark.join(f'"{cell}"' if mark in cell else cell for cell in row) + "\r\n" for row in rows)
    source = written(tmp_path, text.encode())
    assert source.delimiter == mark
    assert everything(source).frame.rows() == [(2, "1", "Ann Lee", "a b"), (3, "2", "Bo", "c,d;e|f\tg")]


def test_quotes_newlines_and_lines(tmp_path: Path) -> None:
    text = 'id,name,note\n1,"two\nlines","say ""hi"""\n2,5" pipe,x\n3,"1,234.50",\n\n4,"a","b"\n'
    read = everything(written(tmp_path, text.encode()))
    assert read.frame.rows() == [
        (2, "1", "two\nlines", 'say "hi"'),
        (4, "2", '5" pipe', "x"),
        (5, "3", "1,234.50", None),
        (7, "4", "a", "b"),
    ]
    assert not read.bad


@pytest.mark.parametrize("odd", ["", '"x""",3\n', "short\n"])
def test_lines_of_blanks_and_delimiters_are_no_rows(tmp_path: Path, odd: str) -> None:
    read = everything(written(tmp_path, f"id,name\n1,a\n,\n , \n\n{odd},\n,,,\n2,b\n".encode()))
    assert [row for row in read.frame["id"].to_list() if row != 'x"'] == ["1", "2"]
    assert read.frame["line"].to_list()[0] == 2 and len(read.bad) == (odd == "short\n")
    alone = everything(written(tmp_path, b"email\na@mail.example\n\nb@mail.example\n"))
    assert alone.frame.rows() == [(2, "a@mail.example"), (4, "b@mail.example")]


def test_odd_rows_are_named_and_never_dropped(tmp_path: Path) -> None:
    data = (
        b'id,name,note\n1,a,b\n2,a\n3,a,b,c\n4,\xff\xfe,b\n5,a,b,\n6,"secret,b\n7,a,b\n8,a\0b,c\n'
        + b"9,"
        + b"x" * (2 << 20)
        + b",y\n10,z,z\n"
    )
    read = everything(written(tmp_path, data))
    assert [(bad.line, bad.reason) for bad in read.bad] == [
        (3, "too_few_cells"),
        (4, "too_many_cells"),
        (5, "bad_encoding"),
        (7, "unclosed_quote"),
        (10, "too_long"),
    ]
    assert read.frame["id"].to_list() == ["1", "5", "7", "8", "10"]
    assert read.frame.filter(pl.col("id") == "8")["name"].item() == "ab"
    assert all(bad.remedy and len(bad.raw) <= 64 * 1024 for bad in read.bad)
    assert "secret" not in repr(read.bad)


def test_one_odd_row_among_many_leaves_the_others(tmp_path: Path) -> None:
    rows = [f'{i},"n, {i}",x' if i % 3 else f"{i},n{i},x" for i in range(2000)]
    rows[700] = "700,short"
    read = everything(written(tmp_path, ("id,name,note\n" + "\n".join(rows)).encode()), size=500)
    assert [bad.line for bad in read.bad] == [702]
    assert read.frame.height == 1999
    assert read.frame["id"].to_list() == [str(i) for i in range(2000) if i != 700]
    assert read.frame["line"].to_list() == [i + 2 for i in range(2000) if i != 700]


def test_without_header_and_sep_line_and_old_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("1,a\n2,b\n")
    source = open_source(path, header=False)
    assert source.columns == ["#1", "#2"]
    assert everything(source).frame.rows() == [(1, "1", "a"), (2, "2", "b")]
    assert everything(written(tmp_path, b"sep=;\r\nid;n\r\n1;a\r\n")).frame.rows() == [(3, "1", "a")]
    assert everything(written(tmp_path, b"id,n\r1,a\r2,b\r")).frame.rows() == [(2, "1", "a"), (3, "2", "b")]


def test_repeated_and_nameless_headers(tmp_path: Path) -> None:
    source = written(tmp_path, b"id, name,name,,line\n1,a,b,c,d\n")
    assert source.columns == ["id", "name", "name.2", "#4", "line_"]
    assert everything(source).frame.columns == ["line", *source.columns]


def test_a_header_broken_into_lines_is_one(tmp_path: Path) -> None:
    broken = pl.DataFrame({"手机号\n(必填)": ["1"], " id": ["2"]})
    broken.write_parquet(tmp_path / "in.parquet")
    book = openpyxl.Workbook()
    for row in (broken.columns, *broken.rows()):
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")
    (tmp_path / "in.csv").write_text(broken.write_csv())
    for name in ("in.parquet", "in.xlsx", "in.csv"):
        source = open_source(tmp_path / name)
        assert source.columns == ["手机号 (必填)", "id"], name
        assert everything(source).frame.rows()[0][1:] == ("1", "2")


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_skip_gives_the_same_batches(tmp_path: Path, size: int) -> None:
    rows = [f'{i},"a\n{i}"' if i % 13 == 0 else f'{i},b"{i}' if i % 31 == 0 else f"{i},c" for i in range(900)]
    source = written(tmp_path, ("id,v\n" + "\n".join(rows)).encode())
    whole = [batch.frame.rows() for batch in source.batches(size)]
    assert [batch.frame.rows() for batch in source.batches(size)] == whole
    for skip in (1, 2, len(whole) - 1):
        assert [batch.frame.rows() for batch in source.batches(size, skip)] == whole[skip:]
    assert [row[1] for rows in whole for row in rows] == [str(i) for i in range(900)]


def test_memory_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.write(b"id,name,note\n")
        for i in range(0, 600_000, 1000):
            file.write(b"".join(b"%d,name of %d,%s\n" % (j, j, b"x" * 40) for j in range(i, i + 1000)))
    tracemalloc.start()
    assert sum(batch.frame.height for batch in open_source(path).batches()) == 600_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 35 << 20
    assert peak < 16 << 20


# white space to Unicode, as polars strips it; to Python U+001C to U+001F are some, too
BLANK = "".join(
    character for character in map(chr, range(0x3001)) if character.isspace() and not "\x1c" <= character <= "\x1f"
)
cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=12), size=st.integers(1, 5))
@example(rows=[["\x1f", "", ""], ["a\x1c", "\x85", "b"]], size=1)
def test_what_is_written_is_read(tmp_path: Path, rows: list[list[str]], size: int) -> None:
    quoted = [",".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows]
    source = written(tmp_path, ("one,two,three\n" + "\n".join(quoted) + "\n").encode())
    read = everything(source, size)
    told = [tuple(value.strip(BLANK) or None for value in row) for row in rows]
    assert not read.bad
    assert read.frame.drop("line").rows() == [row for row in told if any(row)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=400))
def test_no_bytes_break_a_reader(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "any").write_bytes(b"id,name\n1,x\n" + data)
    source = open_source(tmp_path / "any")
    for batch in source.batches(3):
        assert batch.frame.columns == ["line", *source.columns]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(min_size=1, max_size=200),
    head=st.sampled_from([b"", b"{", b"BEGIN:VCARD\n", b"PK\x03\x04", b"PAR1", b"[{"]),
)
def test_a_source_reads_or_says_why_not(tmp_path: Path, data: bytes, head: bytes) -> None:
    (tmp_path / "any").write_bytes(head + data)
    try:
        list(open_source(tmp_path / "any").batches(3))
    except UnreadableSource as refusal:
        assert refusal.code and refusal.remedy


def test_excel(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["编号", "姓名", "生日", "金额", "时间"])
    book.active.append(
        [
            "00123",
            " 张伟 ",
            dt.datetime.fromisoformat("1990-03-05"),
            12.5,
            dt.datetime.fromisoformat("2026-01-02 10:30"),
        ]
    )
    book.active.append([])
    book.active.append([13800138000.0, "李娜", dt.date(1985, 12, 1), 7, None])
    more = book.create_sheet("more")
    more.append(["编号", "姓名", "生日", "金额", "时间"])
    more.append(["9", "王芳"])
    book.create_sheet("notes").append(["something else"])
    book.save(tmp_path / "book.xlsx")
    source = open_source(tmp_path / "book.xlsx")
    assert source.format == "xlsx"
    assert everything(source).frame.rows() == [
        (2, "00123", "张伟", "1990-03-05", "12.5", "2026-01-02 10:30:00"),
        (4, "13800138000", "李娜", "1985-12-01", "7", None),
        (6, "9", "王芳", None, None, None),
    ]
    assert source.notes == [Note("other_sheet", "notes")]
    assert [b.frame.height for b in source.batches(2)] == [2, 1]
    assert [b.frame.height for b in source.batches(2, skip=1)] == [1]


def test_leading_zeros_that_a_cell_shows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["zip", "zip in words", "plain", "money", "day"])
    book.active.append([2134, "02135", 2136, 7, dt.date(1990, 3, 5)])
    book.active.append([12.5, None, 2137.0, 8, None])
    book.active.append(["2138", None, None, None, None])
    for row in (2, 3, 4):
        for column, form in (("A", "00000"), ("C", "0"), ("D", "0.00")):
            book.active[f"{column}{row}"].number_format = form
    book.save(tmp_path / "book.xlsx")
    assert everything(open_source(tmp_path / "book.xlsx")).frame.drop("line").rows() == [
        ("02134", "02135", "2136", "7", "1990-03-05"),
        ("12.5", None, "2137", "8", None),
        ("2138", None, None, None, None),
    ]


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "name": "Ann", "address": {"city": "Köln", "zip": 50667}, "tags": ["a", "b"], "ok": True},
        {"id": 12345678901234567890123, "name": None, "amount": 2.0},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\n\nnot json\n[1]\n{"id": 3, "note": "x\\u0000y"}'
    read = everything(written(tmp_path, text.encode(), "in.jsonl"))
    assert read.frame.columns == ["line", "id", "name", "address.city", "address.zip", "tags", "ok", "amount", "note"]
    assert read.frame.rows()[0] == (1, "1", "Ann", "Köln", "50667", "a; b", "true", None, None)
    assert read.frame.rows()[1] == (2, "12345678901234567890123", None, None, None, None, None, "2", None)
    assert read.frame.rows()[2] == (6, "3", None, None, None, None, None, None, "xy")
    assert [(bad.line, bad.reason) for bad in read.bad] == [(4, "bad_json"), (5, "bad_json")]


def test_an_empty_object_is_no_text(tmp_path: Path) -> None:
    read = everything(written(tmp_path, b'{"id":"1","email":{},"note":[]}\n', "in.jsonl"))
    assert read.frame.rows() == [(1, "1", None, None)]


def test_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "born": [dt.date(1990, 3, 5), None, dt.date(1850, 1, 1)],
            "at": [dt.datetime.fromisoformat("2026-01-02 03:04:05")] * 3,
            "tags": [["a", "b"], [], None],
            "place": [{"city": "Ulm", "zip": "89073"}] * 3,
            "amount": [1.5, 2.0, None],
        }
    )
    frame.write_parquet(tmp_path / "in.parquet")
    source = open_source(tmp_path / "in.parquet")
    read = everything(source, size=2).frame
    assert read.columns == ["line", *source.columns]
    assert read["line"].to_list() == [1, 2, 3]
    assert read["born"].to_list() == ["1990-03-05", None, "1850-01-01"]
    assert read["place.city"].to_list() == ["Ulm"] * 3
    assert read["tags"].to_list() == ["a; b", None, None]
    assert read["at"][0].startswith("2026-01-02")
    assert [b.frame["id"].to_list() for b in source.batches(2, skip=1)] == [["3"]]


def test_parquet_of_lists_in_lists_and_maps(tmp_path: Path) -> None:
    day = dt.date(1990, 3, 5)
    table = pa.table({
        "id": ["1", "2"],
        "lists": pa.array([[["a", "ü"], []], None], pa.list_(pa.list_(pa.string()))),
        "map": pa.array([[(day, 1)], []], pa.map_(pa.date32(), pa.int64())),
        "people": pa.array([[{"name": "Ann", "born": day, "raw": b"\x01"}], None]),
        "place": pa.array([{"codes": [[1]]}, {"codes": None}]),
        "pair": pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "in.parquet")
    read = everything(open_source(tmp_path / "in.parquet")).frame.to_dicts()
    assert read[0] == {
        "line": 1, "id": "1", "lists": '[["a", "ü"], []]', "map": '{"1990-03-05": 1}',
        "people": '[{"name": "Ann", "born": "1990-03-05", "raw": "01"}]', "place.codes": "[[1]]", "pair": "1; 2",
    }  # fmt: skip
    assert set(read[1].values()) == {2, "2", None}


CARDS = """BEGIN:VCARD
VERSION:3.0
UID:urn:uuid:abc-1
N:Müller;Jürgen;Karl;;
FN:Jürgen Müller
EMAIL;TYPE=work:j@mail.example
EMAIL;TYPE=PREF,home:juergen@mail.example
item1.TEL;TYPE=cell:+49 170 1234567
TEL:tel:+49-221-123456
ADR;TYPE=home:;;Domstr. 1\\, Hof;Köln;NRW;50667;Germany
BDAY:1980-02-03
ORG:Beispiel GmbH;Vertrieb
NOTE:a long
  line\\nand another
END:VCARD
BEGIN:VCARD
VERSION:4.0
KIND:org
FN:示例有限公司
ORG:示例有限公司
TEL;VALUE=uri:tel:+86-10-12345678
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=BC=A0;=E4=BC=9F;;;
TEL;CELL:13800138000
END:VCARD
BEGIN:VCARD
FN:never closed
"""


def test_vcards(tmp_path: Path) -> None:
    source = written(tmp_path, CARDS.replace("\n", "\r\n").encode(), "in.vcf")
    read = everything(source)
    person, company, old = read.frame.to_dicts()
    assert {name: person[name] for name in ("line", "external_id", "family_name", "given_name",
    "second_given_name")} == {
        "line": 1, "external_id": "abc-1", "family_name": "Müller", "given_name": "Jürgen",
        "second_given_name": "Karl",
    }  # fmt: skip
    assert (person["email"], person["email.2"]) == ("juergen@mail.example", "j@mail.example")
    assert (person["phone"], person["phone.2"]) == ("+49 170 1234567", "+49-221-123456")
    assert (person["street"], person["locality"], person["country"]) == ("Domstr. 1, Hof", "Köln", "Germany")
    assert person["note"] == "a long line\nand another"
    assert (person["vcard_kind"], person["organisation"]) == ("person", "Beispiel GmbH Vertrieb")
    assert (company["vcard_kind"], company["legal_name"], company["full_name"]) == (
        "organisation",
        "示例有限公司",
        None,
    )
    assert (old["family_name"], old["given_name"], old["phone"]) == ("张", "伟", "13800138000")
    assert [(bad.line, bad.reason) for bad in read.bad] == [(28, "bad_card")]
    stray = written(tmp_path, b"BEGIN:VCARD\nFN:Ann\nEND:VCARD\nEND:VCARD\n", "stray.vcf")
    assert not everything(stray).bad and everything(stray).frame["full_name"].to_list() == ["Ann"]
    gb = CARDS.replace("Jürgen", "张").replace("Müller", "王").replace("Köln", "北京").encode("gb18030")
    assert written(tmp_path, gb, "gb.vcf").encoding == "gb18030"


@pytest.mark.parametrize("before", ["", "BEGIN:VCARD\nFN:李雷\nEND:VCARD\n" * 3])
def test_a_card_may_be_folded_within_a_character(tmp_path: Path, before: str) -> None:
    name = "x" + "张伟王芳李娜" * 20
    line = f"FN:{name}".encode()
    folded = b"\r\n ".join(line[at : at + 74] for at in range(0, len(line), 74))
    source = written(tmp_path, before.encode() + b"BEGIN:VCARD\r\n" + folded + b"\r\nEND:VCARD\r\n", "in.vcf")
    read = everything(source)
    assert source.encoding == "utf-8" and not read.bad and read.frame["full_name"].to_list()[-1] == name


def test_quoted_lines_of_a_card_go_on_after_an_equals_sign(tmp_path: Path) -> None:
    text = "BEGIN:VCARD\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=BC=\n=A0=E4=\n=BC=9F\nNOTE:1+1=\nTEL:1\nEND:VCARD\n"
    row = everything(written(tmp_path, text.encode(), "in.vcf")).frame.to_dicts()[0]
    assert (row["full_name"], row["note"], row["phone"]) == ("张伟", "1+1=", "1")


@pytest.mark.parametrize(
    ("numbers", "phone", "more"),
    [
        ("TEL;PREF=2:2\nTEL;PREF=1:1\nTEL:3", "1", "2; 3"),
        ('TEL:3\nTEL;TYPE="cell,pref":1\nTEL;PREF=2:2', "1", "2; 3"),
        ("TEL;WORK;FAX:9\nTEL;CELL:1", "1", "9"),
        ("TEL;TYPE=fax,pref:9\nTEL;TYPE=pager:8", None, "9; 8"),
        ("TEL;TYPE=work,voice,fax:1", "1", None),
    ],
)
def test_the_phone_of_a_card_is_the_preferred_and_no_fax(tmp_path: Path, numbers: str, phone: str, more: str) -> None:
    source = written(tmp_path, f"BEGIN:VCARD\nFN:Ann\n{numbers}\nEND:VCARD\n".encode(), "in.vcf")
    row = everything(source).frame.to_dicts()[0]
    assert (row["phone"], row["phone.2"]) == (phone, more)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \n \n", "empty"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "old_excel"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"%PDF-1.7", "pdf"),
        (b"PK\x03\x04broken", "bad_zip"),
        (b"PAR1broken", "bad_parquet"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(UnreadableSource) as refusal:
        written(tmp_path, data)
    assert refusal.value.code == code and refusal.value.remedy


def test_of_many_late_keys_the_first_are_named(tmp_path: Path) -> None:
    late = "".join(f'{{"a": 1, "late {n}": 2}}\n' for n in range(2_000))
    (tmp_path / "in.jsonl").write_text('{"a": 1}\n' * 100_000 + late)
    source = open_source(tmp_path / "in.jsonl")
    assert everything(source).frame.height == 102_000
    assert source.notes == [*(Note("late_column", f"late {n}") for n in range(20)), Note("late_columns")]

"""Looking into a file: columns without a field, the text of a PDF read by a confined process, pictures not at all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kehu.collect.unknown import UnreadableFile, look
from kehu.guard.gate.acts import ActRefused
from tests.cast import staff

TEXT = "Client Anna has diabetes, card 4111 1111 1111 1111"


def pdf(text: str) -> bytes:
    """A PDF of one page with one line."""
    drawn = f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
    ]
    made, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    return made + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        size, table, size, len(made),
    )  # fmt: skip


@pytest.fixture
def privacy(database):
    return staff("privacy")


def test_columns_that_no_field_is_known_for(privacy, tmp_path):
    file = tmp_path / "people.csv"
    rows = [f"Anna {n},a{n}@mail.example,paid with 4111 1111 1111 1111,{n}" for n in range(20)]
    file.write_text("name,email,aside,shelf\n" + "\n".join(rows), encoding="utf-8")
    [column] = look(file, actor=privacy).columns
    assert (column.column, column.kind.name, column.kind.field, column.kind.level) == (
        "aside",
        "card",
        "bank_account",
        4,
    )
    assert (column.values, column.found) == (20, 20)
    assert all("1111 1111 1111" not in one and one for one in column.samples)


def test_a_pdf_is_read_by_a_process_of_its_own(privacy, tmp_path):
    file = tmp_path / "letter.pdf"
    file.write_bytes(pdf(TEXT))
    kinds = look(file, actor=privacy).kinds
    assert kinds["health"] == kinds["card"] == 1
    file.write_bytes(b"%PDF-1.4 damaged")
    with pytest.raises(UnreadableFile):
        look(file, actor=privacy)


def test_the_reader_of_a_pdf_may_write_no_file(tmp_path):
    """Its own limits, tried from inside: after ``confine`` a file cannot grow."""
    code = f"from kehu.collect.pdf_text import confine; confine(); open({str(tmp_path / 'x')!r}, 'w').write('x' * 10)"
    subprocess.run([sys.executable, "-c", code.replace("confine();", "")], check=True)
    assert (tmp_path / "x").stat().st_size == 10
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (tmp_path / "x").stat().st_size == 0


def test_plain_text_and_what_is_no_text(privacy, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("客户是穆斯林", encoding="utf-8")
    assert look(note, actor=privacy).kinds["religion"] == 1
    picture = tmp_path / "scan.png"
    picture.write_bytes(b"\x89PNG")
    with pytest.raises(UnreadableFile):
        look(picture, actor=privacy)
    with pytest.raises(ActRefused):
        look(note, actor=staff("auditor"))

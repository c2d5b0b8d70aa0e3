"""From a file to a customer whom the desk finds and shows: the whole way in, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PEOPLE = """客户编号,姓名,手机,邮箱,出生日期,身份证号
K1,林婉清,138 0000 6721,Lin@Mail.example,1990-05-06,
K2,欧阳静,13900001111,ouyang@mail.example,1985/12/31,
K3,,,,,
K4,张伟,not-a-phone,zhang@mail.example,,
"""


@pytest.fixture
def kehu(database):
    """Run one command; returns its exit code, its JSON object and its lines on standard error."""

    def run(*words, token=None, **more):
        environment = os.environ | ({"KEHU_TOKEN": token} if token else {})
        done = subprocess.run(
            [sys.executable, "-m", "kehu.doors.cli.main", *map(str, words), "--json"],
            capture_output=True, text=True, env=environment, **more,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr.splitlines()

    return run


def test_a_file_becomes_customers(kehu, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="gb18030")
    code, answer, lines = kehu("import", path, "--channel", "store", "--basis", "contract")
    assert code == 0, (answer, lines)
    assert lines[0] == answer["import"]
    assert {k: answer[k] for k in ("rows", "accepted", "created", "updated", "merged", "duplicates", "quarantined")} == {
        "rows": 4, "accepted": 4, "created": 4, "updated": 0, "merged": 0, "duplicates": 0, "quarantined": 0,
    }  # fmt: skip
    kehu("staff", "add", "--email", "service@kehu.example", "--role", "service")
    token = kehu("token", "issue", "--staff", "service@kehu.example", "--purpose", "service")[1]["token"]
    _, found, _ = kehu("find", "email=LIN@mail.example", "--purpose", "service", token=token)
    [subject] = found["subjects"]
    code, seen, _ = kehu("show", subject, "--purpose", "service", token=token)
    assert code == 0
    assert seen["fields"]["email"] == "lin@mail.example" and seen["fields"]["phone"] == "+8613800006721"
    assert kehu("import", path, "--channel", "store", "--basis", "contract")[1]["duplicates"] == 4

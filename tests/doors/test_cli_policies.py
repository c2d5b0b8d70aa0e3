"""The rules at the command line: in words, checked, and tried before they are in force."""

from __future__ import annotations

import os
import shutil

from kehu.guard.gate.read import gate
from kehu.host.paths import policies_dir
from tests.cast import admit, staff


def test_policies_are_told_checked_and_tried(kehu, tmp_path):
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    gate().open([lin], actor=staff("service"), purpose="service")
    code, told = kehu("policies", "list", "--law", "house")
    assert code == 0 and {"house.role-service", "house.restriction"} <= {one["id"] for one in told["policies"]}

    folder = shutil.copytree(policies_dir(), tmp_path / "next")
    code, found = kehu("policies", "check", str(folder))
    assert code == 0 and found["ok"] and found["policies"] >= 80
    code, same = kehu("policies", "replay", str(folder))
    assert code == 0 and (same["changes"], same["opens"], same["closes"]) == ([], 0, 0) and same["rows"] >= 2

    house = folder / "house.cedar"
    parts = house.read_text(encoding="utf-8").split("\n\n")
    house.write_text("\n\n".join(part for part in parts if '@id("house.role-service")' not in part), encoding="utf-8")
    code, other = kehu("policies", "replay", str(folder), "--days", "1")
    assert code == 0 and other["closes"] == 1 and set(other["purposes"]) == {"service"}
    [line] = [one for one in other["changes"] if one["before"] != one["after"]]
    assert (line["role"], line["before"], line["after"], line["rows"]) == ("service", "clear", "denied", 1)

    house.write_text(house.read_text(encoding="utf-8") + "\npermit (principal, action, resource);\n", encoding="utf-8")
    for words in (("check", str(folder)), ("replay", str(folder))):
        code, wrong = kehu("policies", *words)
        assert code == 1 and wrong["error"]["code"] == "policies" and "house.cedar" in wrong["error"]["message"]
    code, missing = kehu("policies", "replay", str(tmp_path / "none"))
    assert code == 2 and "a folder that is there" in missing["error"]["message"]
    assert kehu("policies", "replay", str(policies_dir()), token="kehu_bad")[0] == 3


def test_policies_are_checked_where_nothing_is_installed(kehu_process, tmp_path):
    """In a process of its own, in which nothing else has loaded the applications."""
    code, found = kehu_process(
        "policies", "check", str(policies_dir()), env=os.environ | {"KEHU_HOME": str(tmp_path / "none")}
    )
    assert code == 0 and found["ok"] and not (tmp_path / "none").exists()

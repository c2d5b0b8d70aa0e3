"""The register at the command line: a change of a purpose and of a notice, from the file to what is in force."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kehu.doors.cli.main import main
from kehu.guard.setup import open_owner
from tests.cast import staff

OTHERS = 'least = ["full_name", "email", "birth_date"]\nrecipients = ["Parcel Post"]\n'
NOTICE = '[text]\nzh-hans = "新告知。"\nzh-hant = "新告知。"\nen = "A new notice."\n'


@pytest.fixture
def kehu(database):
    """Run one command in this process: a dozen processes for each test would take minutes."""

    def run(*words, token=None):
        done = CliRunner().invoke(main, [*words, "--json"], env={"KEHU_TOKEN": token}, prog_name="kehu")
        return done.exit_code, json.loads(done.stdout)

    return run


@pytest.fixture
def tokens(kehu):
    """A token for each who takes part."""
    found = {}
    for role, purpose in (("marketing", "marketing"), ("privacy", "complaints"), ("legal", "legal")):
        staff(role)
        found[role] = kehu("token", "issue", "--staff", f"{role}@kehu.example", "--purpose", purpose)[1]["token"]
    return found


def file(tmp_path, text):
    path = tmp_path / "change.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_wider_purpose_comes_in_force_step_by_step(kehu, tokens, tmp_path):
    code, made = kehu("purposes", "propose", file(tmp_path, "[marketing]\n" + OTHERS), token=tokens["marketing"])
    change = made["change"]
    assert code == 0
    assert (change["version"], change["status"], change["waits_for"]) == ("2", "waiting", "assessment")
    assert change["wider"] == ["least", "recipients"]
    assert change["differences"][0]["added"] == ["birth_date"]
    code, refused = kehu("purposes", "approve", "marketing", token=tokens["privacy"])
    assert (code, refused["error"]["policy"]) == (3, "house.assessment")
    kehu("purposes", "assess", "marketing", "--risk", "low", "--outcome", "acceptable", token=tokens["privacy"])
    code, refused = kehu("purposes", "approve", change["id"], token=tokens["marketing"])
    assert (code, refused["error"]["code"]) == (3, "role")
    code, done = kehu("purposes", "approve", change["id"], token=tokens["privacy"])
    assert (code, done["change"]["status"]) == (0, "in-force")
    assert [step["step"] for step in done["change"]["steps"]] == ["assessed", "approved"]
    _, shown = kehu("purposes", "show", "marketing")
    assert shown["purpose"]["recipients"] == ["Parcel Post"]
    assert [one["status"] for one in shown["versions"]] == ["in-force", "past"]
    _, listed = kehu("purposes", "list")
    assert {row["purpose"]: row["version"] for row in listed["purposes"]}["marketing"] == "2"


def test_refused_and_withdrawn(kehu, tokens, tmp_path):
    path = file(tmp_path, "[marketing]\nretention_days = 10\n")
    kehu("purposes", "propose", path, token=tokens["privacy"])
    assert kehu("purposes", "propose", path, token=tokens["marketing"])[1]["error"]["code"] == "proposal-open"
    assert (
        kehu("purposes", "approve", "marketing", token=tokens["privacy"])[1]["error"]["policy"] == "house.second-person"
    )
    code, done = kehu("purposes", "refuse", "marketing", "--reason", "too short", token=tokens["legal"])
    assert (code, done["change"]["status"]) == (0, "refused")
    assert done["change"]["steps"][0]["reason"] == "too short"
    code, gone = kehu("purposes", "withdraw", "marketing", token=tokens["privacy"])
    assert (code, gone["error"]["code"]) == (1, "unknown-change")
    kehu("purposes", "propose", path, token=tokens["privacy"])
    assert kehu("purposes", "withdraw", "marketing", token=tokens["privacy"])[1]["change"]["status"] == "withdrawn"


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [("[marketing]\nleast = ['soul']", 2, "usage"), ("[moon]\n", 1, "file"), ("=", 1, "file"),
     ("[marketing]\n", 1, "nothing-changes"), ("[a]\n[b]\n", 1, "file"), ("[marketing]\nspeed = 1\n", 2, "usage")],
)  # fmt: skip
def test_a_faulty_file(kehu, tmp_path, text, code, told):
    found = kehu("purposes", "propose", file(tmp_path, text))
    assert (found[0], found[1]["error"]["code"]) == (code, told)
    assert "soul" not in str(found[1])
    assert "speed" not in str(found[1])


def test_a_notice(kehu, database, tokens, tmp_path):
    code, made = kehu("notices", "propose", file(tmp_path, NOTICE), token=tokens["legal"])
    assert (code, made["change"]["version"]) == (0, "2")
    assert kehu("notices", "approve", "privacy", token=tokens["legal"])[0] == 3
    assert kehu("notices", "approve", "privacy", token=tokens["privacy"])[0] == 0
    _, listed = kehu("notices", "list")
    assert [(one["version"], one["status"]) for one in listed["notices"]] == [("2", "in-force"), ("1", "past")]
    _, shown = kehu("notices", "show")
    assert shown["texts"]["en"] == "A new notice."
    assert {row["purpose"] for row in shown["covers"]} >= {"marketing", "service"}
    _, found = kehu("notices", "diff", "privacy@1", "privacy@2")
    assert "{+A new notice+}" in found["texts"]["en"] or "[-" in found["texts"]["en"]
    assert found["covers"] == []
    with open_owner(database) as owner:
        assert owner.execute("select count(*) from govern_notice").fetchone() == (2,)


def test_a_notice_of_some_purposes(kehu, tokens, tmp_path):
    covers = '[covers.service]\nversion = 1\nfields = ["email"]\n'
    kehu("notices", "propose", file(tmp_path, NOTICE + covers), token=tokens["legal"])
    kehu("notices", "approve", "privacy", token=tokens["privacy"])
    _, found = kehu("notices", "diff", "privacy@1", "privacy@2")
    kinds = {row["purpose"]: row["kind"] for row in found["covers"]}
    assert kinds.pop("service") == "changed"
    assert set(kinds.values()) == {"gone"}


def test_what_is_not_there(kehu):
    assert kehu("notices", "show", "privacy@9")[1]["error"]["code"] == "unknown-change"
    assert kehu("purposes", "approve", "marketing")[1]["error"]["code"] == "unknown-change"
    assert kehu("purposes", "show", "moon")[0] == 2

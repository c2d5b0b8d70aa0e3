"""The command line as a contract: every command is here, has an example, and answers with the keys it promises.

Commands run in this process (a second of Python each is saved); tests/doors/test_cli.py runs some as processes.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pyrage
import pytest
from click.testing import CliRunner
from django.db import connection

from kehu.doors.cli.main import main
from kehu.host.home import Home
from kehu.vault.ids import new_id

EXITS = {0, 1, 2, 3, 4}
# command → the keys of its answer; those in [] are keys of each item of a list or of a nested object
PROMISED = {
    "init": "home created",
    "up": "url pid",
    "down": "stopped",
    "status": "running version home folders database subjects sources facets quarantined review ledger[size root] jobs",
    "database": "app_url owner_url",
    "backup": "file bytes",
    "restore": "home restored",
    "keys rotate": "epoch rewrapped seconds",
    "quota list": "quotas[role meter purpose hour day shipped]",
    "quota set": "quotas[role meter purpose hour day shipped]",
    "quota taken": "taken[email purpose meter hour day refused]",
    "traits list": "traits[trait label purpose level state version owner deputy customers computed_at] due stopped",
    "traits show": "trait state label description purpose level language source expression bands unit retention_days inputs"
    " needs owner deputy versions spread",
    "traits count": "conditions customers",
    "traits compute": "asked let_out seconds stopped",
    "traits declare": "declared checked left",
    "traits retire": "retired",
    "controller add": "id",
    "channel add": "id key",
    "channel list": "channels[id name kind country]",
    "channel show": "id name kind country page_key controller basis notice residence source consents fields waiting came unread",
    "channel set": "id name kind country page_key controller basis notice residence source consents fields waiting came unread",
    "channel key": "id key",
    "channel secret": "id path",
    "channel mapping": "id settings",
    "channel mailbox": "id host port folder since",
    "channel pull": "seen new",
    "contact": "id kept",
    "doctor": "findings[id severity text remedy]",
    "jobs list": "jobs[id task attempts failed_at]",
    "jobs retry": "retried superseded",
    "staff add": "id email sign_in[url email password]",
    "token issue": "token expires_at",
    "token list": "tokens[id state recipient country customers most]",
    "token approve": "tokens[id state most]",
    "token refuse": "tokens[id state]",
    "outbox": "messages",
    "import": "import rows accepted created updated merged duplicates review quarantined seconds",
    "import undo": "undone",
    "quarantine list": "rows[id line field reason remedy accepted]",
    "quarantine export": "file rows",
    "quarantine replay": "import rows accepted created updated merged duplicates review quarantined seconds",
    "resolve": "run before after merged review seconds",
    "sources": "",
    "unmerge": "parted incident",
    "classify scan": "scan customers left_out texts models waiting",
    "classify list": "findings[finding source field kind level proposed texts found state] raised",
    "classify accept": "finding field kind state",
    "classify dismiss": "finding field kind state",
    "classify lower": "field lowered",
    "classify file": "columns[column kind field category level values found samples] kinds",
    "weights list": "weights[id group number state origin labels made_at in_force_at changed]",
    "weights show": "id group number state origin prior learned compared",
    "weights compare": "id compared",
    "weights adopt": "id state",
    "weights teach": "id state",
    "find": "subjects next ledger[seq]",
    "show": "subject fields masked denied ledger[seq]",
    "match": "subject field match ledger[seq]",
    "explain": "decisions[field answer policy article reason]",
    "consent give": "consents[purpose status kind at until]",
    "consent withdraw": "consents[purpose status kind at until]",
    "consent list": "consents[purpose status kind at until]",
    "restrict": "states[id kind purpose category since until reason]",
    "object": "states[id kind purpose category since until reason]",
    "hold": "states[id kind purpose category since until reason]",
    "optout": "states[id kind purpose category since until reason]",
    "deceased": "states[id kind purpose category since until reason]",
    "request open": "requests[id]",
    "request list": "requests[id]",
    "request answer": "requests[id]",
    "incident open": "incidents[id]",
    "incident reach": "",
    "incident clocks": "incidents[id]",
    "incident shown": "report",
    "correct value": "correction subject to_tell",
    "correct list": "corrections[id field before after by why tellings]",
    "correct waiting": "tellings[id recipient field due]",
    "correct letter": "letter",
    "correct told": "tellings",
    "correct cannot": "tellings",
    "correct not-told": "tellings",
    "export": "file sha256 categories unconfirmed passphrase",
    "staff link": "email url expires_at",
    "staff sign-on": "email allowed linked_at",
    "staff duty": "email place hours zone days",
    "staff move": "changes[id state kind email role department to now asked_by asked_at decided_by]",
    "staff close": "changes[id state kind email]",
    "staff reopen": "changes[id state kind email role]",
    "staff changes": "changes[id state kind email]",
    "source list": "sources[name kind party country standing until purposes proved score imports rows quarantined waiting]",
    "source show": "source audits versions",
    "source add": "change",
    "source approve": "change",
    "source refuse": "change",
    "source withdraw": "change",
    "source stop": "source audits versions",
    "source audit": "source audits[on outcome note] versions",
    "source due": "due overdue soon by_post told first customers[subject by by_post sources]",
    "source inform": "mailed noted_for_post failed due overdue told",
    "source posted": "posted due overdue told",
    "source excuse": "excused due overdue told",
    "owners list": "owned[kind name owner named deputy since]",
    "owners set": "owned[kind name owner named deputy since]",
    "roles list": "roles[id name version state base purposes categories level actions acts holders proposed_by]",
    "roles propose": "roles[id name state]",
    "roles approve": "roles[id name state]",
    "exports ask": "exports[id state purpose recipient country fields customers rows]",
    "exports list": "exports[id state]",
    "exports approve": "exports[id state]",
    "exports refuse": "exports[id state]",
    "exports run": "file sha256 rows kept_back",
    "exports trace": "copies[id recipient found]",
    "erase": "certificate[residue unconfirmed] waiting",
    "quality measure": "run customers left_out",
    "quality scores": "day overall scores[scope key dimension share short]",
    "quality rules": "rules[slug version state left_out dimension severity segment condition]",
    "quality save": "rules[slug version state]",
    "quality try": "tried[slug version of short share]",
    "quality enforce": "rules[slug state]",
    "quality retire": "rules[slug state]",
    "verification list": "policies[slug field months bounces whom way role due_days]",
    "verification add": "policies[slug field]",
    "verification retire": "policies",
    "verification run": "made[slug tasks]",
    "verification tasks": "waiting late tasks[id subject field why state due]",
    "bounce": "customers tasks",
    "ledger list": "rows[seq at actor human department purpose basis action fields answer policy subjects]",
    "ledger verify": "ok size root broken",
    "ledger retire": "dry_run retired held first last",
    "ledger withhold ask": "withheld[id state purpose human since until reference]",
    "ledger withhold list": "withheld[id state]",
    "ledger withhold lift": "withheld[id state]",
    "ledger checkpoint": "checkpoint",
    "ledger prove": "leaf index size path checkpoint",
}
ERROR = {"code", "message", "remedy", "policy", "article", "reason"}
OPTIONS = {
    "up": "--port --detach",
    "controller add": "--country",
    "channel add": "--kind",
    "channel mailbox": "--host --port --account --folder --everything --mark-seen",
    "contact": "--channel --kind --topic --text --at --recording --ground --proof",
    "classify dismiss": "--reason",
    "channel set": "--controller --basis --notice --residence --consent --field",
    "staff add": "--email --role --department --no-attest --totp",
    "staff link": "--reset-factor",
    "staff sign-on": "--end",
    "staff duty": "--place --hours --zone --days",
    "staff move": "--role --department --to --now --dry-run",
    "staff close": "--to --now --dry-run",
    "staff reopen": "--role --department",
    "owners list": "--kind --lacking",
    "owners set": "--all --owner --deputy",
    "roles propose": "--base --purposes --categories --level --actions --acts",
    "token issue": "--staff --purpose --minutes --code --recipient --recipient-kind --country",
    "import files": "--channel --basis --notice --controller --residence --source --for --source-proof --consent --consent-time"
    " --consent-way --kind --map --dry-run --wait --resume --from-url-file --table --query-file --cursor --from-start",
    "source add": "--kind --party --address --country --contract --ground --transfer --obtained --purpose --field --scope"
    " --until --proof --reason",
    "source audit": "--outcome --on --note",
    "source due": "--post --limit",
    "source inform": "--until --again",
    "source posted": "--way --undo",
    "source excuse": "--because --reason",
    "resolve": "--all --runs --undo",
    "sources": "--channel --with-proposals",
    "find": "--purpose --after",
    "show": "--purpose --fields",
    "explain": "--purpose",
    "consent give": "--kind --until --notice --evidence --by",
    "restrict": "--lift --reason --told",
    "object": "--lift --reason --told",
    "hold": "--reason --category --until --tellable --release --id",
    "deceased": "--at --lift",
    "export": "--to --recipient --confirm",
    "erase": "--reason --dry-run --confirm",
    "ledger list": "--subject --staff --since",
    "ledger verify": "--against",
    "ledger prove": "--subject",
}


def leaves(group: click.Group = main, before: str = "") -> dict[str, click.Command]:
    """Every command that does something, by its words."""
    found: dict[str, click.Command] = {}
    for name, held in group.commands.items():
        words = f"{before} {name}".strip()
        found |= leaves(held, words) if isinstance(held, click.Group) else {words: held}
    return found


def command(words: str) -> click.Command:
    return leaves()["import files" if words == "import" else words]


@pytest.mark.parametrize("words", PROMISED)
def test_promised_command_is_here_with_help_and_example(words):
    held = command(words)
    assert held.help and (held.epilog or "").startswith("Example: ") and f"kehu {words}" in held.epilog
    assert "--json" in {name for option in held.params for name in option.opts}


@pytest.mark.parametrize("words", OPTIONS)
def test_promised_options_are_here(words):
    there = {name for option in leaves()[words].params for name in option.opts}
    assert set(OPTIONS[words].split()) <= there


class Asked:
    """Runs commands, and keeps which answered in their promised shape."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.errors = ""

    def __call__(self, words: str, *more: str, token: str = "", stdin: str = "", code: int | None = 0):
        known = words if words in PROMISED else None
        result = CliRunner().invoke(
            main, [*words.split(), *more, "--json"], input=stdin, env={"KEHU_TOKEN": token or None}, prog_name="kehu"
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code in EXITS and "Traceback" not in result.stderr
        if code is not None:
            assert result.exit_code == code, (words, more, result.stdout)
        self.errors = result.stderr
        if words == "sources" and result.exit_code == 0:
            self.seen.add(words)
            return [json.loads(line) for line in result.stdout.splitlines()]
        lines = result.stdout.splitlines()
        assert len(lines) == 1, (words, result.stdout)
        answer = json.loads(lines[0])
        if "error" in answer:
            assert set(answer["error"]) == ERROR and answer["error"]["message"] and result.exit_code
        elif known and (result.exit_code in (0, 3, 4) or known == "doctor"):
            check_shape(answer, PROMISED[known], known)
            self.seen.add(known)
        return answer


def check_shape(answer, promised: str, words: str) -> None:
    """The promised keys are there, also of every item of a list."""
    for name, inner in re.findall(r"([a-z_0-9]+)(?:\[([^]]*)\])?", promised):
        assert name in answer, (words, name, sorted(answer))
        held = answer[name]
        for item in held if isinstance(held, list) else [held] if isinstance(held, dict) else []:
            if inner:
                assert set(inner.split()) <= set(item), (words, name, item)


PEOPLE = """external_id,full_name,email,phone,newsletter,asked_at
c1,林婉清,lin@mail.example,13800006721,yes,2026-01-02
c2,Hans Weber,hans@mail.example,+4915112345678,no,2026-01-02
,,,,maybe,2026-01-02
c4,Ana Torres,ana@mail.example,not-a-phone,yes,2026-01-02
"""


@pytest.fixture
def kehu(database, tmp_path, monkeypatch):
    """In a folder of its own, with the heads of other tests' ledgers out of the way."""
    monkeypatch.chdir(tmp_path)
    (Home.current() / "checkpoints").unlink(missing_ok=True)
    monkeypatch.delenv("KEHU_TOKEN", raising=False)
    return Asked()


def posts_and_owners(kehu) -> None:
    """Somebody is given a narrowed role, owns something, hands it over, leaves and comes back."""
    for email in ("ma@shop.example", "bo@shop.example"):
        kehu("staff add", "--email", email, "--role", "manager")
    boss = kehu("token issue", "--staff", "bo@shop.example", "--purpose", "service")["token"]
    narrow = ("returns", "--base", "service", "--purposes", "complaints", "--level", "3", "--actions", "mask,match")
    kehu("roles propose", *narrow, "--acts", "consent", token=boss)
    kehu("roles approve", "returns", token=boss, code=3)
    assert kehu("roles approve", "returns")["roles"][0]["state"] == "live"
    kehu("roles refuse", "returns", code=1)
    assert kehu("roles list")["roles"][0]["acts"] == ["consent"]
    kehu("owners set", "law", "EU", "CN", "--owner", "ma@shop.example", "--deputy", "bo@shop.example")
    kehu("owners set", "field", "--all", "--owner", "bo@shop.example")
    kehu("owners set", "law", "EU", "--owner", "nobody@shop.example", code=1)
    assert {one["name"] for one in kehu("owners list", "--kind", "law", "--lacking")["owned"]} == {"US", "JP", "AU"}
    lacks = kehu("staff close", "ma@shop.example", code=1)["error"]
    assert lacks["code"] == "not-handed-over" and "law EU" in lacks["message"]
    shown = kehu("staff close", "ma@shop.example", "--dry-run", code=None)
    assert {one["lacks"] for one in shown["hands_over"]} == {"taker"} and shown["ends"]["tokens"] == 0
    kehu("staff move", "ma@shop.example", "--role", "king", "--to", "bo@shop.example", code=2)
    kehu("staff move", "ma@shop.example", "--role", "returns", "--department", "desk", "--to", "bo@shop.example")
    kehu("staff close", "ma@shop.example", "--now")
    kehu("staff reopen", "ma@shop.example", "--role", "service")
    assert [one["kind"] for one in kehu("staff changes")["changes"]] == ["reopen", "close", "move"]


RULE = """[mail-of-ours]
labels = { en = "Mail of ours", zh-hans = "本公司邮箱", zh-hant = "本公司郵箱" }
condition = "email matches '.+@ours[.]example'"
dimension = "validity"
severity = "low"
passes = [{ email = "a@ours.example" }]
fails = [{ email = "a@theirs.example" }]
"""


def quality_and_verification(kehu) -> None:
    """A rule is written, tried, put in force and retired; everybody is measured; a bounce has an address verified."""
    two = ("--owner", "bo@shop.example", "--deputy", "ma@shop.example")
    kehu("quality scores", code=1)
    Path("rule.toml").write_text(RULE, encoding="utf-8")
    assert kehu("quality save", "rule.toml", *two)["rules"][0]["state"] == "draft"
    Path("bad.toml").write_text(RULE.replace("email matches", "mail matches"), encoding="utf-8")
    assert "unknown-field" in kehu("quality save", "bad.toml", *two, code=1)["error"]["message"]
    kehu("quality enforce", "mail-of-ours", code=1)
    kehu("quality try", "mail-of-ours")
    assert kehu("quality enforce", "mail-of-ours")["rules"][0]["state"] == "in-force"
    kehu("quality measure")
    assert {one["scope"] for one in kehu("quality scores")["scores"]} >= {"all", "rule"}
    assert kehu("quality retire", "mail-of-ours")["rules"][0]["state"] == "retired"
    kehu("quality retire", "nothing", code=1)
    assert "mail-of-ours" in {one["slug"] for one in kehu("quality rules")["rules"]}
    kehu("verification add", "email-bounces", "--field", "email", *two, code=2)
    kehu("verification add", "email-bounces", "--field", "email", "--bounces", "1", *two)
    assert kehu("bounce", "hard-bounce", "email=-", stdin="nobody@mail.example\n")["customers"] == 0
    kehu("bounce", "hard-bounce", "name=x", code=2)
    assert kehu("verification run")["made"] == [{"slug": "email-bounces", "tasks": 0}]
    kehu("verification tasks")
    assert kehu("verification list")["policies"][0]["bounces"] == 1
    assert kehu("verification retire", "email-bounces")["policies"] == []


def post_that_came_back(kehu, hans: str) -> None:
    """It is noted of the customer, by id: an address is not found by its value. A policy has it verified."""
    two = ("--owner", "li@shop.example", "--deputy", "wu@shop.example")
    kehu("verification add", "post", "--field", "address", "--bounces", "1", *two)
    returned = ("bounce", "returned-post", "address", "--customer", hans, "--report", "RR123")
    assert kehu(*returned) == {"customers": 1, "tasks": 1} and kehu(*returned)["customers"] == 0
    assert "--customer" in kehu("bounce", "returned-post", "address=-", stdin="Bund 1\n", code=2)["error"]["message"]
    kehu("bounce", "returned-post", "email", "--customer", hans, code=2)
    kehu("bounce", "hard-bounce", "email=a@b.example", "--customer", hans, code=2)  # one way or the other
    kehu("bounce", "failed-call", "phone", "--customer", str(new_id()), code=1)
    assert [(one["subject"], one["field"]) for one in kehu("verification tasks")["tasks"]] == [(hans, "address")]
    kehu("verification retire", "post")


def free_text(kehu, office) -> None:
    """What is found in free text waits; the privacy office raises the field, and gives it its level back."""
    Path("notes.csv").write_text(
        "external_id,full_name,occupation,aside\nN-1,Ann Lee,has diabetes,4111 1111 1111 1111\nN-2,Bo Lee,is a Muslim,-\n", encoding="utf-8"
    )  # fmt: skip
    assert kehu("classify file", "notes.csv")["columns"][0]["field"] == "bank_account"
    kehu("import", "notes.csv", "--channel", "store", "--basis", "contract", "--residence", "DE")
    assert kehu("classify scan")["waiting"] >= 2
    waiting = [
        one for one in kehu("classify list")["findings"] if one["state"] == "open" and one["field"] == "occupation"
    ]
    held = {one["kind"]: one["finding"] for one in waiting}
    assert kehu("classify accept", held["health"], code=3)["error"]["policy"] == "house.act"
    assert kehu("classify dismiss", held["religion"], "--reason", "mistaken", token=office)["state"] == "dismissed"
    assert kehu("classify accept", held["health"], token=office)["state"] == "accepted"
    assert kehu("classify accept", held["health"], code=1, token=office)["error"]["code"] == "decided"
    assert kehu("classify list")["raised"] == {"occupation": 4}
    assert kehu("classify lower", "occupation", token=office)["lowered"]


def put_right(kehu, lin, token, office) -> None:
    """A value corrected after a list with it had left; whoever got it is told."""
    said = ("correct value", lin, "phone", "--to", "-", "--reason", "typed wrongly")
    assert kehu(*said, token=token, stdin="+8613800006722\n")["to_tell"] == 1
    assert kehu(*said, token=token, stdin="+8613800006722\n", code=2)["error"]
    assert [row["why"] for row in kehu("correct list", lin, token=token)["corrections"]] == ["typed wrongly"]
    [row] = kehu("correct waiting", token=office)["tellings"]
    assert "Print House" in kehu("correct letter", row["id"], token=office)["letter"]
    assert (
        kehu("correct cannot", str(new_id()), "--reason", "x", token=office, code=1)["error"]["code"]
        == "unknown-telling"
    )
    assert kehu("correct told", row["id"], "--way", "letter", "--proof", "RR123", token=office)["tellings"] == []
    kehu("correct value", lin, "email", "--to", "lin2@mail.example", "--reason", "a new one", token=token)
    [row] = kehu("correct waiting", token=office)["tellings"]
    assert kehu("correct cannot", row["id"], "--reason", "dissolved", token=office)["tellings"] == []
    assert [one["id"] for one in kehu("correct not-told", row["id"], token=office)["tellings"]] == [row["id"]]
    assert kehu("correct cannot", row["id"], "--reason", "dissolved", token=office)["tellings"] == []


def sources_and_telling(kehu, office) -> None:
    """A source is let in, brings somebody who is then told, is audited and stopped."""
    Path("contract.pdf").write_bytes(b"%PDF contract")
    Path("bought.csv").write_text("external_id,full_name\nB-1,Ann Lee\nB-2,Bo Wei\n", encoding="utf-8")
    broker = ("broker", "--kind", "third-party", "--party", "Broker Ltd", "--country", "DE", "--contract", "B-17")
    terms = ("--ground", "consent", "--purpose", "service", "--until", "2099-12-31", "--proof", "contract.pdf")
    kehu("source add", *broker, code=2)
    kehu("source add", *broker, *terms)
    kehu("source withdraw", "broker")
    kehu("source add", *broker, *terms)
    kehu("source refuse", "broker", "--reason", "no sample", token=office)
    kehu("source add", *broker, *terms)
    assert kehu("source approve", "broker", code=3)["error"]["policy"] == "house.act"
    kehu("source approve", "broker", token=office)
    wanted = (
        "bought.csv",
        "--channel",
        "third-party",
        "--basis",
        "contract",
        "--residence",
        "DE",
        "--source",
        "broker",
    )
    assert kehu("import", *wanted, "--for", "credit", code=3)["error"]["policy"] == "house.source-for"
    assert kehu("source inform")["due"] == 0
    assert kehu("import", *wanted, "--for", "service")["accepted"] == 2
    row, other = kehu("source due")["customers"]
    assert row["sources"] == ["broker"]
    assert kehu("source inform")["noted_for_post"] == 2 and kehu("source due", "--post")["by_post"] == 2
    excuse = ("source excuse", other["subject"], "--reason", "a register kept by law", "--because")
    kehu(*excuse[:2], "--because", "law", "--reason", "no", code=2)
    assert kehu(*excuse, "law")["excused"] == 1
    assert kehu("source posted", row["subject"])["due"] == 0
    assert kehu("source posted", row["subject"], "--undo")["due"] == 1
    kehu("source posted", row["subject"], "--undo", code=1)
    assert kehu("source posted", row["subject"])["due"] == 0
    kehu("source posted", row["subject"], code=1)
    assert kehu("source list")["sources"][0]["score"] == 100
    assert kehu("source audit", "broker", "--outcome", "failed")["source"]["standing"] == "failed"
    kehu("source stop", "broker")
    kehu("source stop", "broker", code=1)
    assert kehu("source show", "broker")["source"]["standing"] == "stopped"
    kehu("source show", "nobody", code=1)


def test_traits_are_declared_computed_and_retired(kehu):
    for role in ("analyst", "manager"):
        kehu("staff", "add", "--email", f"{role}@kehu.example", "--role", role)
    people = ("--owner", "analyst@kehu.example", "--deputy", "manager@kehu.example")
    assert kehu("traits", "declare", *people, code=2)
    assert len(kehu("traits", "declare", "--shipped", "--purpose", "analytics", *people)["declared"]) > 10
    assert kehu("traits", "compute") | {"seconds": 0} == {"asked": 0, "let_out": 0, "seconds": 0, "stopped": []}
    assert {row["state"] for row in kehu("traits", "list")["traits"]} == {"in-force", "shipped"}
    assert kehu("traits", "show", "recency")["versions"][0]["version"] == 1
    kehu("traits", "show", "moon", code=1)
    asked = {"recency": "0", "tenure": "1"}
    assert kehu("traits", "count", "recency=0", "tenure=1") == {"conditions": asked, "customers": None}
    kehu("traits", "count", "recency=0", "recency=1", code=2)
    kehu("traits", "count", "moon=1", code=1)
    assert kehu("traits", "retire", "tenure", code=1)["error"]["code"] == "trait"
    kehu("traits", "retire", "satisfaction")


def test_from_import_to_erasure_every_answer_has_its_shape(kehu, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    consents = ("--consent", "marketing=newsletter", "--consent-time", "asked_at")
    terms = ("people.csv", "--channel", "store", "--basis", "contract", "--residence", "CN", *consents)
    assert kehu("init")["created"] is False
    assert kehu("controller add", "shop-b", "--country", "DE")["id"] > 1
    kehu("channel add", "fair", "--kind", "store")
    dry = kehu("import files", *terms[:1], *terms[1:], "--dry-run")
    assert dry["mapping"]["email"] == "email" and dry["rows"] == 4 and "unmapped" in dry
    done = kehu("import", *terms)
    assert kehu.errors.splitlines()[0] == done["import"]  # the id is the first line on standard error
    assert done["rows"] == done["accepted"] + done["duplicates"] + done["quarantined"] == 4
    assert done["accepted"] == done["created"] + done["updated"] + done["merged"] and done["review"] is None
    again = kehu("import", *terms)  # nothing is doubled
    assert (again["accepted"], again["duplicates"], again["rows"]) == (0, 3, 4)
    waits = kehu("quarantine list")["rows"]
    assert {row["accepted"] for row in waits} == {True, False}
    assert kehu("quarantine export", done["import"], "--to", "mend.csv")["rows"] == 1
    kehu("quarantine replay", done["import"])
    assert kehu("resolve", "--all")["before"] == 3
    assert {line["external_id"] for line in kehu("sources", "--channel", "store")} == {"c1", "c2", "c4"}
    kehu("weights list")

    kehu("staff add", "--email", "li@shop.example", "--role", "service")
    token = kehu("token issue", "--staff", "li@shop.example", "--purpose", "service")["token"]
    [lin] = kehu("find", "email=-", "--purpose", "service", token=token, stdin="lin@mail.example\n")["subjects"]
    assert kehu("find", "email=nobody@mail.example", "--purpose", "service", token=token)["subjects"] == []
    seen = kehu("show", lin, "--purpose", "service", token=token)
    assert seen["fields"]["phone"] == "+8613800006721" and seen["subject"] == lin
    assert kehu("show", lin, "--purpose", "service", "--fields", "national_id", token=token, code=3)["denied"]
    kehu("explain", lin, "--purpose", "marketing", token=token, code=3)
    kehu("explain", lin, "--purpose", "service", token=token)
    kehu("match", lin, "--purpose", "service", "--field", "birth_date", token=token, stdin="1990-03-14\n")
    assert kehu("quota set", "service", "--hour", "6000", "--day", "30000")["quotas"][0]["hour"] == 6000
    assert kehu("quota list")["quotas"][0]["shipped"] is False
    kehu("quota taken")
    kehu("quota set", "service", code=2)
    Path("service.toml").write_text('[service]\nrecipients = ["Print House"]\n', encoding="utf-8")
    kehu("purposes propose", "service.toml", "--reason", "letters")
    kehu("purposes assess", "service", "--risk", "low", "--outcome", "acceptable")
    kehu("staff add", "--email", "wu@shop.example", "--role", "legal")
    assert "/account/password/" in kehu("staff link", "wu@shop.example", "--reset-factor")["url"]
    assert kehu("staff sign-on", "wu@shop.example")["allowed"] is True
    kehu("staff code", "wu@shop.example", code=3)  # in a demonstration only
    kehu("staff duty", "wu@shop.example", "--hours", "00:00-23:59", "--zone", "Asia/Shanghai")
    office = kehu("token issue", "--staff", "wu@shop.example", "--purpose", "legal")["token"]
    kehu("purposes approve", "service", token=office)
    [list_] = kehu("exports ask", "--purpose", "service", "--recipient", "Print House", token=token)["exports"]
    key = pyrage.x25519.Identity.generate()
    to = ["--to", "list.age", "--key", str(key.to_public())]
    assert kehu("exports run", list_["id"], *to, token=token)["rows"] == list_["customers"]
    kehu("exports run", list_["id"], "--to", "again.age", *to[2:], token=token, code=3)
    Path("found.csv").write_bytes(pyrage.decrypt(Path("list.age").read_bytes(), [key]))
    assert kehu("exports trace", "found.csv")["copies"][0]["recipient"] == "Print House"
    assert kehu("exports list", token=token)["exports"][0]["state"] == "done"
    free_text(kehu, office)
    sources_and_telling(kehu, office)
    put_right(kehu, lin, token, office)
    kehu("consent give", lin, "personalisation")
    kehu("consent withdraw", lin, "personalisation")
    assert {row["purpose"] for row in kehu("consent list", lin)["consents"]} == {"marketing", "personalisation"}
    kehu("channel add", "counter", "--kind", "counter")
    call = ("--channel", "counter", "--kind", "call", "--topic", "-")
    assert kehu("contact", lin, *call, token=token, stdin="delivery\n")["kept"] is True
    assert (
        kehu("contact", lin, *call, "--recording", "tape 7", stdin="x\n", code=1)["error"]["code"]
        == "recording-refused"
    )
    kehu("contact", lin, "--channel", "counter", "--kind", "rumour", "--text", "x", code=2)
    kehu("optout", lin)
    kehu("object", lin, "marketing")
    kehu("deceased", lin, "--at", "2026-11-01")
    told = kehu("restrict", lin, "--reason", "-", stdin="accuracy contested\n")
    assert "accuracy contested" in {row["reason"] for row in told["states"]}
    kehu("restrict", lin, "--lift", "--reason", "accurate", "--told", "post")

    [asked] = kehu("request open", lin, "--right", "access")["requests"]
    assert asked["id"] in {row["id"] for row in kehu("request list")["requests"]}
    kehu("request answer", asked["id"])
    kehu("incident open", "--staff", "li@shop.example", "--since", "2026-01-01")
    kehu("incident clocks")
    kehu("incident reach", "--staff", "li@shop.example")
    assert kehu("incident shown", kehu("incident clocks")["incidents"][0]["id"])["report"] is None
    report = ("incident report", kehu("incident clocks")["incidents"][0]["id"], "EU.authority")
    state = lambda told: {one["clock"]: one["state"] for one in told["incidents"][0]["clocks"]}[report[2]]
    assert state(kehu(*report)) == "done" != state(kehu(*report, "--undo"))
    kehu(*report, "--undo", code=2)
    kehu(*report, "--undo", "--at", "2026-01-01", code=2)
    assert kehu("export", lin, "--to", "copy.age")["passphrase"] and Path("copy.age").read_bytes().startswith(b"age-")

    kehu("hold", lin, "--reason", "lawsuit")
    assert kehu("erase", lin, "--reason", "asked", code=3)["waiting"]
    assert kehu("hold", lin, "--release")["certificate"]["residue"]  # the waiting erasure ran
    assert kehu("show", lin, "--purpose", "service", token=token, code=1)["error"]["code"] == "unknown-subject"
    [hans] = kehu("find", "email=hans@mail.example", "--purpose", "service", token=token)["subjects"]
    post_that_came_back(kehu, hans)
    kehu("erase", hans, "--reason", "asked", "--dry-run")
    kehu("erase", hans, "--reason", "asked")
    assert kehu("import undo", done["import"])["undone"]

    listed = kehu("ledger list")["rows"]
    assert listed[-1]["seq"] < listed[0]["seq"] and {row["human"] for row in listed} == {
        "owner",
        "li@shop.example",
        "wu@shop.example",
    }
    [mine] = {row["human"] for row in kehu("ledger list", "--staff", "li@shop.example")["rows"]}
    assert mine == "li@shop.example" and kehu("ledger list", "--staff", "owner", "--since", listed[0]["at"])["rows"]
    assert {"collect", "read", "find"} <= {row["action"] for row in listed}
    assert [row["purpose"] for row in listed if row["action"] == "collect"][:1] == [None]
    assert kehu("ledger retire", "--dry-run")["retired"] == 0
    asked = ("--purpose", "claims", "--until", "2099-01-01", "--reference", "F-1")
    kehu("ledger withhold ask", "li@shop.example", *asked, token=office, code=2)  # more than a year away
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    [kept] = kehu("ledger withhold ask", "li@shop.example", *asked[:3], until, *asked[4:], token=office)["withheld"]
    assert kehu("ledger withhold list", token=office)["withheld"][0]["state"] == "waiting"
    kehu("ledger withhold approve", kept["id"], token=office, code=3)  # the office that asked
    kehu("ledger withhold lift", kept["id"], token=office)
    Path("kept").write_text(kehu("ledger checkpoint")["checkpoint"])
    assert kehu("ledger verify", "--against", "kept")["ok"]
    kehu("ledger prove", str(seen["ledger"]["seq"]))
    posts_and_owners(kehu)
    quality_and_verification(kehu)
    kehu("channel add", "any", "--kind", "webhook")
    assert kehu("channel secret", "any", stdin="a secret of a shop\n")["path"].startswith("/hooks/webhook/")
    kehu("channel secret", "any", stdin="short\n", code=2)
    kehu("channel secret", "store", stdin="a secret of a shop\n", code=2)
    Path("any.toml").write_text(
        'signature = "X-Signature"\n[[row]]\nkind = "customers"\nfields = {id = "external_id"}\n'
    )
    assert kehu("channel mapping", "any", "any.toml")["settings"]["signature"] == "X-Signature"
    kehu("channel add", "mail", "--kind", "mailbox")
    box = ("--host", "127.0.0.1", "--port", "1", "--account", "help@shop.example")
    assert kehu("channel mailbox", "mail", *box, stdin="its password\n")["port"] == 1
    kehu("channel mailbox", "counter", *box, stdin="its password\n", code=2)
    kehu("channel pull", "mail", code=1)
    kehu("channel add", "web", "--kind", "tracking")
    for words in ("list",), ("show", "web"), ("set", "web"), ("key", "web"):
        kehu(f"channel {words[0]}", *words[1:])
    kehu("keys rotate")
    kehu("backup", "all.dump")
    kehu("restore", "all.dump", code=1)
    kehu("status")
    kehu("doctor", code=None)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into procrastinate_jobs (queue_name, task_name, status) values ('default', 'guard:x', 'failed')"
        )
    [failed] = kehu("jobs list")["jobs"]
    kehu("jobs retry", str(failed["id"] + 1), code=1)
    assert kehu("jobs retry", str(failed["id"])) == {"retried": 1, "superseded": 0}
    assert kehu("jobs list") == {"jobs": []}
    kehu("database")
    # restore: tests/host/test_dumps.py
    # up, down and outbox run a whole system: tests/host/test_supervisor.py; unmerge: tests/serve/test_wrong_merge.py;
    # exports approve and refuse: tests/serve/test_leaving.py; token list, approve, refuse: tests/doors/api/test_outside.py;
    # channel pull: tests/collect/test_mailbox.py; weights: tests/refine/test_weights.py;
    # traits: below
    assert set(PROMISED) - kehu.seen == {
        "up", "down", "restore", "outbox", "unmerge", "exports approve", "exports refuse", "token list", "token approve", "token refuse",
        "channel pull", "weights show", "weights compare", "weights adopt", "weights teach",
        "traits list", "traits show", "traits count", "traits compute", "traits declare", "traits retire",
    }  # fmt: skip


WRONG = [
    ("show", 2), ("show x --purpose service", 2), ("show x --purpose nothing", 2), ("show x --purpos service", 2),
    ("find --purpose service", 2), ("find email --purpose service", 2), ("find email= --purpose service", 2),
    ("find email=a email=b --purpose service", 2), ("find emial=a@b.example --purpose service", 3),
    ("find email=- --purpose service", 2), ("consent give x marketing", 2), ("consent give", 2), ("bogus", 2),
    ("ledger", 2), ("ledger list --since yesterday", 2), ("ledger prove x", 2), ("ledger prove 999999", 1),
    ("ledger withhold approve x", 1), ("ledger verify --against nowhere", 2), ("ledger list --subject 01990000-0000-7000-8000-000000000000", 1),
    ("import", 2), ("import nowhere.csv", 2), ("import nowhere.csv --channel store --basis contract", 2),
    ("import undo x", 2), ("import undo 01990000-0000-7000-8000-000000000000", 1), ("controller add x", 2),
    ("controller add x --country Germany", 2), ("controller add x --country A1", 2), ("controller add x --country ÄÖ", 2), ("channel add x --kind nothing", 2), ("sources --channel nothing", 1),
    ("staff add --email x", 2), ("staff add --email not-an-address --role service", 2), ("hold x", 2),
    ("staff add --email a@b.example --role pope", 2), ("staff link nobody@b.example", 1), ("staff sign-on nobody@b.example", 1), ("staff duty nobody@b.example", 1), ("staff duty a@b.example --hours 9-5", 2), ("token issue --staff nobody@b.example --purpose service", 1),
    ("token issue --staff nobody@b.example --purpose nothing", 2), ("erase x", 2), ("export x", 2), ("object x", 2),
    ("erase 01990000-0000-7000-8000-000000000000 --reason r", 1), ("erase 01990000-0000-7000-8000-000000000000 --reason=", 2), ("outbox", 1), ("resolve --undo x", 2), ("resolve --all --runs", 2),
    ("resolve --undo 01990000-0000-7000-8000-000000000000", 1), ("unmerge x y", 2), ("unmerge", 2),
    ("show 01990000-0000-7000-8000-000000000000 --purpose service", 1),
    ("consent list 01990000-0000-7000-8000-000000000000", 1), ("request answer x", 2), ("incident reach x", 2),
]  # fmt: skip


def test_wrong_usage_and_failures_are_one_object_and_their_code(kehu):
    missed = []
    for line, expected in WRONG:
        result = CliRunner().invoke(main, [*line.split(), "--json"], input="")
        lines = result.stdout.splitlines()
        if result.exit_code != expected or len(lines) != 1 or set(json.loads(lines[0])["error"]) != ERROR:
            missed.append((line, result.exit_code, result.stdout))
    assert not missed, missed


def test_bad_tokens_are_refused_everywhere(kehu):
    some = "01990000-0000-7000-8000-000000000000"
    for line in (
        f"show {some} --purpose service", f"explain {some} --purpose service", "find email=a@b.example --purpose service",
        f"consent list {some}", f"consent give {some} marketing", f"restrict {some}", f"erase {some} --reason r",
        f"export {some} --to x.age", "ledger list", "ledger prove 1", "resolve", "sources --channel store",
        "quarantine list", "request list", "incident clocks", "database", "keys rotate", "outbox",
        "controller add x --country DE", "channel add x --kind store", "staff add --email a@b.example --role service",
        "token issue --staff a@b.example --purpose service",
    ):  # fmt: skip
        answer = kehu(line, token="kehu_" + "x" * 43, code=3)
        assert answer["error"]["code"] in ("token", "owner-only"), line


def test_what_nobody_foresaw_is_an_answer_too(kehu, monkeypatch, capsys):
    monkeypatch.setattr("kehu.serve.rights.consents.actions.list_consents", lambda *_, **__: int("canary-7f3a"))
    answer = kehu("consent list", "01990000-0000-7000-8000-000000000000", code=1)
    assert (
        answer["error"]["code"] == "fault"
        and "canary" not in json.dumps(answer) + kehu.errors + capsys.readouterr().err
    )


def test_without_a_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KEHU_HOME", str(tmp_path / "none"))
    for line, expected in (("find email=a --purpose service", 1), ("down", 0), ("status", 0), ("doctor", 1)):
        result = CliRunner().invoke(main, [*line.split(), "--json"])
        assert (line, result.exit_code) == (line, expected) and json.loads(result.stdout)
    assert not (tmp_path / "none").exists()


def test_people_read_tables_and_pipes_carry_no_colour(kehu):
    result = CliRunner().invoke(main, ["ledger", "checkpoint"])
    assert result.exit_code == 0 and result.stdout.endswith("\n") and "—" in result.stdout
    CliRunner().invoke(main, ["ledger", "list"])  # is itself the row that the next one shows
    listed = CliRunner().invoke(main, ["ledger", "list"])
    assert listed.exit_code == 0 and "\x1b" not in listed.stdout and "human" in listed.stdout
    refused = CliRunner().invoke(main, ["find", "email=a@b.example", "--purpose", "service"])
    assert refused.exit_code == 3 and not refused.stdout and "house.default-deny" in refused.stderr


def test_terminal_language(kehu, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    error = kehu("find", "email=a@b.example", "--purpose", "service", code=3)["error"]
    assert error["reason"] == "没有规则允许此项使用。" and error["code"] == "refused"

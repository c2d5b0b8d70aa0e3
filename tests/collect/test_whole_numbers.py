"""Whole numbers come in as such, whatever type a file or a database keeps them in: an id with a point is another id."""

from __future__ import annotations

import json
import sqlite3

import polars as pl
import pytest

from kehu.collect.databases import Wanted, read_database
from kehu.collect.imports import staging
from kehu.collect.readers import open_source
from kehu.guard.staff.actions import owner_actor

pytestmark = pytest.mark.usefixtures("database")


def test_whole_numbers_of_a_parquet_file_have_no_point(tmp_path):
    pl.DataFrame({"id": [1001.0, None], "phone": [13800138000.0, 2.5]}).write_parquet(tmp_path / "in.parquet")
    [batch] = open_source(tmp_path / "in.parquet").batches()
    assert batch.frame["id"].to_list() == ["1001", None] and batch.frame["phone"].to_list() == ["13800138000", "2.5"]


def test_whole_numbers_of_a_database_have_no_point(tmp_path):
    with sqlite3.connect(tmp_path / "c.db") as there:
        there.execute("create table k (id real, phone real)")
        there.execute("insert into k values (1001, 13800138000)")
    address = tmp_path / "url"
    address.write_text(f"sqlite:///{tmp_path / 'c.db'}")
    address.chmod(0o600)
    read = read_database(Wanted(address, table="k"), channel="store", actor=owner_actor())
    line = staging.open_staged(read.staged, actor=owner_actor())().read()
    assert json.loads(line) == {"id": "1001", "phone": "13800138000"}

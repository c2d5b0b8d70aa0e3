"""Addresses that must not be written to again after an erasure: keyed hashes, with what was objected to."""

from django.db import migrations

SQL = """
create table suppression (
    token bigint primary key,               -- exact search token of an email address or phone number
    purposes smallint[] not null,           -- objected to, or withdrawn
    opted_out boolean not null,
    certificate uuid not null,
    until date not null
);
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0003_records_name_their_source")]
    operations = [migrations.RunSQL(SQL, "drop table suppression")]

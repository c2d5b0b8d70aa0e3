"""Failed sign-ins of the last quarter of an hour, counted by a keyed digest: no address, no email."""

from django.db import migrations

SQL = """
create table sign_in_failure (
    key bytea not null,
    at timestamptz not null default clock_timestamp()
);
create index sign_in_failure_key on sign_in_failure (key, at);
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0003_second_factor")]
    operations = [migrations.RunSQL(SQL, "drop table sign_in_failure")]

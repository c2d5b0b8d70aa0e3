"""Requests for a code that one client made too often bring no letter, so they do not count as if they had."""

from django.db import migrations

SQL = """
alter table guest_code add column letter boolean not null default true;
create index guest_code_pair on guest_code (address, client, at);
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0005_guests")]
    operations = [migrations.RunSQL(SQL, "alter table guest_code drop column letter; drop index guest_code_pair")]

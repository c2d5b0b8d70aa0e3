"""How many uses each erasure took out of the look-up: with them, rows and look-up add up, so that one deleted is missed.

A row holds a number and a MAC under a key outside the database; it names no subject and no row of the ledger.
"""

from django.db import migrations

SQL = """
create table ledger_forgotten (
    id uuid primary key,
    uses integer not null check (uses > 0),
    mac bytea not null
);
create trigger ledger_forgotten_append_only before update or delete or truncate on ledger_forgotten
    for each statement execute function refuse_change();
revoke all on ledger_forgotten from kehu_app, kehu_sequencer, public;
grant select, insert on ledger_forgotten to kehu_app;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0007_uses_by_row")]
    operations = [migrations.RunSQL(SQL, "drop table ledger_forgotten")]

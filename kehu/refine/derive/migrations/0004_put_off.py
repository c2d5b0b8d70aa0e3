"""A purpose that nobody may compute now keeps by itself whose traits wait for it; the other purposes go on."""

from django.db import migrations

SQL = """
-- Without a purpose: for all of them. With one it was put off because nobody might compute it, at the time
-- when the gate refused; of old, where it was not even asked.
alter table derive_due add column purpose smallint check (purpose > 0), add column sensitive boolean,
    add constraint derive_due_of_one_purpose check ((purpose is null) = (sensitive is null));
create unique index derive_due_put_off on derive_due (subject, purpose, sensitive) where purpose is not null;
create index derive_due_for_all on derive_due (seq) where purpose is null;
"""
UNDO = """
drop index derive_due_for_all; drop index derive_due_put_off;
alter table derive_due drop constraint derive_due_of_one_purpose, drop column sensitive, drop column purpose;
"""


class Migration(migrations.Migration):
    dependencies = [("derive", "0003_followed_together")]

    operations = [migrations.RunSQL(SQL, UNDO)]

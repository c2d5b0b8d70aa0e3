"""An address stands on each list that names it, each with its own day: of one that is on another already nothing was kept, so
that it was said anew each time the second list came."""

from django.db import migrations

SQL = """
alter table do_not_contact drop constraint do_not_contact_pkey, add primary key (token, medium, topic, list);
"""
BACK = """
delete from do_not_contact d using do_not_contact o where (o.token, o.medium, o.topic) = (d.token, d.medium, d.topic)
    and (o.since, o.list) < (d.since, d.list);
alter table do_not_contact drop constraint do_not_contact_pkey, add primary key (token, medium, topic);
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0013_repeats")]
    operations = [migrations.RunSQL(SQL, BACK)]

"""Addresses of suppression and do-not-call lists, as keyed hashes: whoever brings one in later is not written to either."""

from django.db import migrations

SQL = """
create table do_not_contact (
    token bigint not null,                  -- exact search token of an email address or phone number
    medium text not null check (medium <> ''),
    topic text not null default '',         -- empty: everything that is advertising
    list text not null check (list <> '' and length(list) <= 40),
    since timestamptz not null default clock_timestamp(),
    primary key (token, medium, topic)
);
create index do_not_contact_list on do_not_contact (list);
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0008_whose_record")]
    operations = [migrations.RunSQL(SQL, "drop table do_not_contact")]

"""An address stands under each erasure that keeps it suppressed, with that one's end: of two that shared a mailbox the first
had the end of the second, so that neither took it away."""

from django.db import migrations

SQL = """
alter table suppression drop constraint suppression_pkey, add primary key (token, certificate);
"""
BACK = """
update suppression s set opted_out = a.opted_out, until = a.until, purposes = a.purposes from (
    select u.token, bool_or(u.opted_out) as opted_out, max(u.until) as until, array(select distinct p from suppression v,
        unnest(v.purposes) as w (p) where v.token = u.token order by p) as purposes from suppression u group by u.token) a
    where a.token = s.token;
delete from suppression d using suppression o where o.token = d.token and o.certificate < d.certificate;
alter table suppression drop constraint suppression_pkey, add primary key (token);
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0014_each_list_says_its_own")]
    operations = [migrations.RunSQL(SQL, BACK)]

"""Whom a birth date put right on another may have made older before this was noted: by the band that their records came with."""

from django.db import migrations

SQL = """
with edited as (
    select s.core, s.customer, array_agg(distinct s.subject) as subjects from record r join subject_state s using (subject)
    where r.kind = 5 and not r.hidden group by 1, 2
), came as (
    select m.subject, array_remove(e.subjects, m.subject) as by, min(r.age) as age
    from edited e join subject_state m on m.customer = e.customer and m.core = e.core
        join record r on r.subject = m.subject and not r.hidden and r.age > 0
    group by 1, 2
)
update subject_state s set freed_from = came.age, freed_by = came.by
from came where s.subject = came.subject and came.age < s.age and came.by <> '{}'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("govern", "0020_freed"),
        ("rights", "0006_erasures_have_a_reason"),
        ("vault", "0012_laws_by_record"),
    ]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]

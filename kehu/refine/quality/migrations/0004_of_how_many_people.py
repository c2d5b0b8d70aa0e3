"""Of how many people a score is, beside of how many values: few are few customers, whatever each has or lacks."""

from django.db import migrations, models

# What was measured before knows it of scores that count each customer once, and of everybody. Of segments and sources it is
# not known any more; they come again with the next night's measuring.
KNOWN = """
delete from quality_score where scope in ('segment', 'source');
update quality_score set people = of, people_bad = bad, people_good = of - bad where scope in ('field', 'rule');
update quality_score s set people = least(s.of, u.of), people_bad = least(s.bad, u.of),
    people_good = least(s.of - s.bad, u.of) from quality_score u
    where s.scope = 'all' and u.scope = 'all' and u.run_id = s.run_id and u.dimension = 'uniqueness';
"""


class Migration(migrations.Migration):
    dependencies = [("quality", "0003_of_whom")]

    operations = [
        migrations.AddField(
            "score",
            "people",
            models.PositiveBigIntegerField(
                default=0, db_default=0, help_text="customers of whom something was looked at"
            ),
        ),
        migrations.AddField(
            "score",
            "people_bad",
            models.PositiveBigIntegerField(default=0, db_default=0, help_text="of whom something fell short"),
        ),
        migrations.AddField(
            "score",
            "people_good",
            models.PositiveBigIntegerField(default=0, db_default=0, help_text="of whom something did not"),
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]

"""Children with a guardian found by themselves: every ten minutes it is looked whose consent has ended."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("govern", "0015_excused")]

    operations = [
        migrations.RunSQL(
            "create index subject_state_guardian on subject_state (subject) where guardian",
            "drop index subject_state_guardian",
        )
    ]

"""What an erasure leaves is told apart from customers; which controllers are platforms, whose law keeps trade records."""

from django.db import migrations, models

SQL = """
alter table subject_state add column residue boolean not null default false;
alter table subject_state add constraint residue_is_no_customer check (not residue or (hidden and kept));
comment on column subject_state.residue is 'what an erasure left, under a key of its own: opens for legal, claims, rights-request';
"""


class Migration(migrations.Migration):
    dependencies = [("govern", "0002_subject_state")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="controller",
            name="platform",
            field=models.BooleanField(
                default=False, help_text="runs a platform for other sellers (CN E-commerce Law 9)"
            ),
        ),
    ]

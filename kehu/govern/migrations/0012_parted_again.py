"""What an un-merge needs to give every part back its own word: when a state was entered, under whom it was lifted."""

from django.db import migrations, models

SQL = """
alter table subject_state add column lifted jsonb;
comment on column subject_state.lifted is
    'words of others set aside while they are one customer: purpose id, or medium:topic -> [status, …, anchor]';
update govern_stateentry set entered_at = case when substr(id::text, 15, 1) = '7'
    then to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1e3) else since end;
"""


class Migration(migrations.Migration):
    dependencies = [("govern", "0011_sources")]
    operations = [
        migrations.AddField(
            "stateentry",
            "entered_at",
            models.DateTimeField(
                db_default=models.Func(function="clock_timestamp", output_field=models.DateTimeField()),
                help_text="when it was put down here; it may have begun before",
            ),
        ),
        migrations.AddField(
            "stateentry",
            "lifted_under",
            models.UUIDField(null=True, help_text="the origin subject under which it was ended, where somebody did"),
        ),
        migrations.RunSQL(SQL, "alter table subject_state drop column lifted"),
    ]

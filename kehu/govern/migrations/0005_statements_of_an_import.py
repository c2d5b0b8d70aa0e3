"""A statement knows the import that brought it, so that an undo takes it back with the rows that said it."""

from django.db import migrations, models

# statements of one import lie together
INDEX = "create index govern_consent_batch on govern_consent using brin (batch) with (autosummarize = on)"


class Migration(migrations.Migration):
    dependencies = [("govern", "0004_consent_language")]
    operations = [
        migrations.AddField("consent", "batch", models.UUIDField(help_text="the import that brought it", null=True)),
        migrations.AddField(
            "consent",
            "narrowed",
            models.BooleanField(
                db_default=False, default=False, help_text="a yes that did not count beside a stricter statement"
            ),
        ),
        migrations.AddField(
            "consent",
            "taken_back_at",
            models.DateTimeField(help_text="its import was undone: it is no statement any more", null=True),
        ),
        migrations.RunSQL(INDEX, "drop index govern_consent_batch"),
    ]

"""When a run of linkage was taken back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("refine", "0003_a_no_is_handed_on"),
    ]

    operations = [
        migrations.AddField(
            model_name="linkagerun",
            name="undone_at",
            field=models.DateTimeField(help_text="when it was first taken back", null=True),
        ),
    ]

"""How many customers a trait covers, and when everybody's was computed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("derive", "0001_traits"),
    ]

    operations = [
        migrations.AddField(
            model_name="trait",
            name="computed_at",
            field=models.DateTimeField(help_text="when everybody's was last computed", null=True),
        ),
        migrations.AddField(
            model_name="trait",
            name="covered",
            field=models.PositiveBigIntegerField(
                default=0, help_text="customers that had a value when it was last computed"
            ),
        ),
    ]

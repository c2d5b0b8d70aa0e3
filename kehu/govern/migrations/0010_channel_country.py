"""Where a channel collects: a law may follow the place of collection."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("govern", "0009_last_act")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="country",
            field=models.CharField(
                db_default="", default="", help_text="where it collects, if it is one place", max_length=2
            ),
        ),
    ]

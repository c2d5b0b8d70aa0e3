"""An import and a channel name the source that what they bring comes from, if not from the customers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("collect", "0005_left_and_last")]

    operations = [
        migrations.AddField(
            model_name="import",
            name="source",
            field=models.SmallIntegerField(
                help_text="whom it came from, if not from the customers (govern)", null=True
            ),
        ),
        migrations.AddField(
            model_name="channelterms",
            name="source",
            field=models.SmallIntegerField(help_text="whom it comes from, if not from the customers", null=True),
        ),
    ]

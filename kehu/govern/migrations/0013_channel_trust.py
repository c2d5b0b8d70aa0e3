"""How far a channel is trusted beside the others, where their values differ."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("govern", "0012_parted_again")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="trust",
            field=models.SmallIntegerField(
                db_default=0, default=0, help_text="beside other channels, where values differ"
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(("trust__range", (-9, 9))), name="channel_trust_in_range"
            ),
        ),
    ]

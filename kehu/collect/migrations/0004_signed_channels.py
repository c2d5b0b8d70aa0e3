from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("collect", "0003_inbox")]

    operations = [
        migrations.CreateModel(
            name="SignedChannel",
            fields=[
                ("channel", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("sealed", models.BinaryField(null=True)),
                (
                    "settings",
                    models.JSONField(
                        default=dict, help_text="of a generic webhook: its signature, and its mapping to our fields"
                    ),
                ),
                ("at", models.DateTimeField(auto_now=True)),
            ],
        ),
    ]

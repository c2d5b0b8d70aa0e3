"""Who of the office looks after a request."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rights", "0002_clocks")]
    operations = [migrations.AddField("request", "assigned_to", models.UUIDField(null=True))]

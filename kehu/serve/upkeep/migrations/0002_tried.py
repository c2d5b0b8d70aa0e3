"""When a letter could not be sent last: others go first then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0001_upkeep")]
    operations = [
        migrations.AddField("task", "tried_at", models.DateTimeField(null=True, help_text="there was none to be sent"))
    ]

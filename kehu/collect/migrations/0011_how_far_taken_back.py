"""How far the taking back of an import has come."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("collect", "0010_why_it_broke_off")]

    operations = [
        migrations.AddField(
            model_name="import",
            name="taken_back",
            field=models.PositiveBigIntegerField(
                default=0,
                db_default=0,
                help_text="rows that are hidden, or handed to another import, while it is taken back",
            ),
        ),
    ]

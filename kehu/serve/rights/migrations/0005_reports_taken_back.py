from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rights", "0004_parts_and_reports"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="taken_back",
            field=models.JSONField(
                default=list,
                db_default=[],
                help_text="reports noted by mistake: clock, noted, by (staff) and at, the oldest first",
            ),
        ),
    ]

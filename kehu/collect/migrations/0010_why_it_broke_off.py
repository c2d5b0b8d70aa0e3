from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collect", "0009_uploads_for"),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="fault",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="why it broke off: the policy that refused it, else in a word",
                max_length=80,
            ),
        ),
    ]

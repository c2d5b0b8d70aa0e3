import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("collect", "0004_signed_channels")]

    operations = [
        # chunks of before have no time: a default given with the column would say that they came today
        migrations.AddField(
            model_name="importchunk",
            name="at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="importchunk",
            name="at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
        migrations.AddField(
            model_name="staged",
            name="draft",
            field=models.BinaryField(
                help_text="how far whoever uploaded it has come with its import, sealed", null=True
            ),
        ),
    ]

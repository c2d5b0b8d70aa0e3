"""The second factor of an account: its secret, sealed under a key outside the database, and the last code it took."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guard", "0002_ledger")]
    operations = [
        migrations.AddField("staff", "totp", models.BinaryField(null=True)),
        migrations.AddField("staff", "totp_step", models.BigIntegerField(null=True)),
    ]

"""A tombstone stands until the end its certificate names."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("vault", "0004_suppression")]
    operations = [
        migrations.RunSQL(
            "alter table tombstone add column until date not null", "alter table tombstone drop column until"
        ),
    ]

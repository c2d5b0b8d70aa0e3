"""A question decided by what was said to another, whose record is gone."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("refine", "0002_answers_and_weights"),
    ]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="follows",
            field=models.UUIDField(
                help_text="the question it was answered by (kehu.refine.resolve.review.handing_on)", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="proposal",
            index=models.Index(
                condition=Q(("follows__isnull", False)), fields=["follows"], name="proposals_that_follow"
            ),
        ),
    ]

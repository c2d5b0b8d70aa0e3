"""Answers of several people to one question, and weights of linkage as versions."""

import django.db.models.functions.datetime
from django.db import migrations, models

# What the newest run carried is in force from the first moment: an installation goes on as it did.
_CARRIED = """
insert into refine_weights (id, controller, kind, number, origin, state, content, run, labels, made_at, in_force_at)
select gen_random_uuid(), split_part(k.key, ':', 1)::smallint, split_part(k.key, ':', 2), 1,
    case when k.value -> 'levels' = '{}'::jsonb then 'shipped' else 'learned' end, 'in-force', k.value, r.id, 0,
    coalesce(r.ended_at, r.started_at), coalesce(r.ended_at, r.started_at)
from (select * from refine_linkagerun where state = 'done' and weights <> '{}'::jsonb order by started_at desc limit 1) r,
    jsonb_each(r.weights) k
"""


class Migration(migrations.Migration):
    dependencies = [
        ("refine", "0001_linkage"),
    ]

    operations = [
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("proposal", models.UUIDField(help_text="null once the question left with somebody erased", null=True)),
                ("round", models.PositiveSmallIntegerField()),
                ("verdict", models.CharField(max_length=6)),
                ("sure", models.BooleanField()),
                ("by", models.UUIDField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("controller", models.PositiveSmallIntegerField()),
                ("kind", models.PositiveSmallIntegerField()),
                ("weight", models.FloatField(help_text="bits; null where a person undid a merge", null=True)),
                (
                    "evidence",
                    models.JSONField(
                        default=dict, help_text="comparison -> [number of its degree, bits, bits of its frequency]"
                    ),
                ),
                ("weights", models.UUIDField(help_text="the version in force then", null=True)),
                ("decided", models.BooleanField(default=False, help_text="the question was decided by it")),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Weights",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("controller", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(max_length=12)),
                ("number", models.PositiveIntegerField()),
                ("origin", models.CharField(max_length=8)),
                ("state", models.CharField(default="candidate", max_length=10)),
                ("content", models.JSONField(help_text="as kehu.refine.resolve.compare.model.Model.weights gives it")),
                ("run", models.UUIDField(null=True)),
                ("base", models.UUIDField(help_text="the version that labels were added to", null=True)),
                ("labels", models.PositiveIntegerField(default=0)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("made_by", models.UUIDField(help_text="null: by a run", null=True)),
                (
                    "compared",
                    models.JSONField(
                        help_text="how it differs from the version in force then; ids, no values", null=True
                    ),
                ),
                ("in_force_at", models.DateTimeField(null=True)),
                (
                    "in_force_by",
                    models.UUIDField(help_text="null: the first, or nothing to speak of changed", null=True),
                ),
                ("retired_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="proposal",
            name="proposal_state_known",
        ),
        migrations.RemoveConstraint(
            model_name="proposal",
            name="a_decision_names_who_and_when",
        ),
        migrations.RemoveIndex(
            model_name="proposal",
            name="open_proposals",
        ),
        migrations.AddField(
            model_name="proposal",
            name="value",
            field=models.FloatField(
                db_default=0.0, default=0.0, help_text="of an answer (kehu.refine.resolve.review.worth)"
            ),
        ),
        migrations.AddIndex(
            model_name="proposal",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "second", "third", "privacy"))),
                fields=["-value", "id"],
                name="waiting_proposals",
            ),
        ),
        migrations.AddIndex(
            model_name="proposal",
            index=models.Index(
                condition=models.Q(("decided_at__isnull", False)), fields=["decided_at"], name="decided_proposals"
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "second", "third", "privacy", "accepted", "rejected"])),
                name="proposal_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("open", "second", "third", "privacy")),
                    models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                    _connector="OR",
                ),
                name="a_decision_names_who_and_when",
            ),
        ),
        migrations.AddIndex(
            model_name="answer",
            index=models.Index(fields=["by", "-at"], name="answers_of_one"),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)),
                fields=("proposal", "by"),
                name="nobody_answers_a_question_twice",
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)), fields=("proposal", "round"), name="one_answer_a_round"
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ["yes", "no", "unsure"])), name="answer_verdict_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.CheckConstraint(
                condition=models.Q(("round__range", (1, 4))), name="four_answers_at_most"
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.CheckConstraint(
                condition=models.Q(("sure", True), ("verdict", "unsure"), _negated=True),
                name="who_is_unsure_is_not_sure",
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.CheckConstraint(
                condition=models.Q(("decided", True), ("verdict", "unsure"), _negated=True),
                name="unsure_decides_nothing",
            ),
        ),
        migrations.AddConstraint(
            model_name="weights",
            constraint=models.UniqueConstraint(fields=("controller", "kind", "number"), name="weights_are_numbered"),
        ),
        migrations.AddConstraint(
            model_name="weights",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "in-force")),
                fields=("controller", "kind"),
                name="one_version_of_weights_in_force",
            ),
        ),
        migrations.AddConstraint(
            model_name="weights",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["candidate", "in-force", "retired"])), name="weights_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="weights",
            constraint=models.CheckConstraint(
                condition=models.Q(("origin__in", ["shipped", "learned", "taught"])), name="weights_origin_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="weights",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["person", "organisation"])), name="weights_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="weights",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "in-force"), _negated=True), ("in_force_at__isnull", False), _connector="OR"
                ),
                name="weights_in_force_since",
            ),
        ),
        migrations.RunSQL(_CARRIED, migrations.RunSQL.noop),
    ]

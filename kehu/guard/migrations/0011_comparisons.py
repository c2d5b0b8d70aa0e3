"""Answers compared within the last hour: how often somebody was wrong, never what they said or what is held."""

from django.db import migrations

SQL = """
create table gate_comparison (
    id uuid primary key,
    subject uuid not null references subject_key (subject) on delete cascade,  -- goes with the customer
    human uuid not null,
    at timestamptz not null default clock_timestamp(),
    outcome smallint not null default 0 check (outcome in (0, 1, 2))  -- wrong, or not yet known; right; nothing compared
);
create index gate_comparison_subject on gate_comparison (subject);
create index gate_comparison_human on gate_comparison (human, at);
create index gate_comparison_at on gate_comparison (at);
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0010_register_hands"), ("vault", "0001_initial")]
    operations = [migrations.RunSQL(SQL, "drop table gate_comparison")]

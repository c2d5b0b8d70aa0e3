from django.db import migrations

SQL = """
-- One answer to one question. Of an anonymous survey nothing says whose it is, nor which answers came together: a day is all.
create table survey_answer (
    id uuid primary key,
    form uuid not null,
    version smallint not null,
    question text not null,
    day date not null,
    subject uuid,                       -- whose it is, where the survey is not anonymous and they were invited
    choice smallint,                    -- of a scale its step, of a choice its place, from 1
    sealed bytea,                       -- a free text, under a key of its own (a row of subject_key under the same id)
    unasked text[] not null default '{}',  -- kinds of personal data in it that nobody asked for
    check ((choice is null) <> (sealed is null))
);
create index survey_answer_form on survey_answer (form, version, question);
create index survey_answer_subject on survey_answer (subject) where subject is not null;
"""


class Migration(migrations.Migration):
    dependencies = [("forms", "0001_forms")]
    operations = [migrations.RunSQL(SQL, "drop table survey_answer")]

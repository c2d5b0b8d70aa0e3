"""The customers' own way in: one-time codes by mail, and whom a credential is bound to.

``guest_code`` holds no address and no code: keyed tokens of both, under a key outside the database.
"""

from django.db import migrations

SQL = """
alter table actor_state add column subject uuid;        -- the origin subject a customer's own credential is bound to
create index actor_state_subject on actor_state (subject) where subject is not null;

create table guest_code (
    id uuid primary key,                -- half of the SHA-256 of the secret in the asker's cookie
    address bytea not null check (octet_length(address) = 16),
    client bytea not null check (octet_length(client) = 16),
    code bytea not null check (octet_length(code) = 32),
    at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    tries smallint not null default 0,
    passed_at timestamptz,              -- the right code was given
    fact_tries smallint not null default 0,
    used_at timestamptz,                -- a credential came of it
    credential uuid                     -- that credential
);
create index guest_code_address on guest_code (address, at);
create index guest_code_client on guest_code (client, at);
create index guest_code_at on guest_code (at);
create index guest_code_credential on guest_code (credential) where credential is not null;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0004_sign_in_failure"), ("vault", "0001_initial")]
    operations = [
        migrations.RunSQL(SQL, "drop table guest_code; alter table actor_state drop column subject"),
    ]

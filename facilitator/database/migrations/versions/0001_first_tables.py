"""First tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("matrix_id", sa.LargeBinary(), nullable=False),
        sa.Column("matrix_id_index", sa.Text(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.Column("disabled", UTC, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("matrix_id_index", name=op.f("uq_accounts_matrix_id_index")),
        sqlite_strict=True,
    )
    op.create_table(
        "bot_accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("homeserver", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("access_token", sa.LargeBinary(), nullable=True),
        sa.Column("seeds", sa.LargeBinary(), nullable=True),
        sa.Column("master_key", sa.Text(), nullable=True),
        sa.Column("created", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_accounts")),
        sa.UniqueConstraint("user_id", name=op.f("uq_bot_accounts_user_id")),
        sqlite_strict=True,
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.Column("closed", UTC, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sqlite_strict=True,
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
        sqlite_strict=True,
    )
    op.create_table(
        "set_aside",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_set_aside")),
        sqlite_strict=True,
    )
    op.create_table(
        "unreadable",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("matrix_room", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_unreadable")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("unreadable", schema=None) as batch_op:
        batch_op.create_index("ix_unreadable_session", ["matrix_room", "session_id"], unique=False)

    op.create_table(
        "cursors",
        sa.Column("bot_account_id", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["bot_account_id"], ["bot_accounts.id"], name=op.f("fk_cursors_bot_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bot_account_id", name=op.f("pk_cursors")),
        sqlite_strict=True,
    )
    op.create_table(
        "group_facilitators",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_group_facilitators_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_facilitators_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "account_id", name=op.f("pk_group_facilitators")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("group_facilitators", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_facilitators_account_id"), ["account_id"], unique=False)

    op.create_table(
        "journal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_journal_group_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_journal_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_journal_group_id"), ["group_id"], unique=False)

    op.create_table(
        "leases",
        sa.Column("bot_account_id", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("expires", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["bot_account_id"], ["bot_accounts.id"], name=op.f("fk_leases_bot_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bot_account_id", name=op.f("pk_leases")),
        sqlite_strict=True,
    )
    op.create_table(
        "links",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.Column("expires", UTC, nullable=False),
        sa.Column("used", UTC, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_links_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_links")),
        sqlite_strict=True,
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("matrix_id", sa.LargeBinary(), nullable=False),
        sa.Column("matrix_id_index", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.Column("invitation", sa.Integer(), nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_members_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["accounts.id"], name=op.f("fk_members_invited_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("group_id", "matrix_id_index", name=op.f("uq_members_group_id_matrix_id_index")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_members_matrix_id_index"), ["matrix_id_index"], unique=False)

    op.create_table(
        "rooms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("person", sa.LargeBinary(), nullable=True),
        sa.Column("person_index", sa.Text(), nullable=True),
        sa.Column("bot_account_id", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.Column("closed", UTC, nullable=True),
        sa.ForeignKeyConstraint(["bot_account_id"], ["bot_accounts.id"], name=op.f("fk_rooms_bot_account_id")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_rooms_group_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rooms")),
        sa.UniqueConstraint("kind", "person_index", name=op.f("uq_rooms_kind_person_index")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rooms_bot_account_id"), ["bot_account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rooms_group_id"), ["group_id"], unique=False)

    op.create_table(
        "series",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("rrule", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.Column("ended", UTC, nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_series_group_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("series", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_series_group_id"), ["group_id"], unique=False)

    op.create_table(
        "sign_ins",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("form_token", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.Column("authenticated", UTC, nullable=False),
        sa.Column("last_seen", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sign_ins_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_ins")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_ins_account_id"), ["account_id"], unique=False)

    op.create_table(
        "membership_sightings",
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("person_index", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=True),
        sa.Column("invitation", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("next_try", UTC, nullable=True),
        sa.Column("seen", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["room_id"], ["rooms.id"], name=op.f("fk_membership_sightings_room_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("room_id", "person_index", name=op.f("pk_membership_sightings")),
        sqlite_strict=True,
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("utterance", sa.Text(), nullable=False),
        sa.Column("parameters", sa.LargeBinary(), nullable=True),
        sa.Column("due", UTC, nullable=False),
        sa.Column("not_after", UTC, nullable=True),
        sa.Column("first_try", UTC, nullable=True),
        sa.Column("next_try", UTC, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("settled", UTC, nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_outbox_room_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_unsettled", ["outcome", "room_id", "priority", "seq"], unique=False)

    op.create_table(
        "room_sightings",
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("matrix_room", sa.Text(), nullable=True),
        sa.Column("encryption", sa.Text(), nullable=True),
        sa.Column("history_visibility", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("looked", UTC, nullable=True),
        sa.Column("next_look", UTC, nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_room_sightings_room_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_room_sightings")),
        sa.UniqueConstraint("matrix_room", name=op.f("uq_room_sightings_matrix_room")),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("room_sightings")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_unsettled")

    op.drop_table("outbox")
    op.drop_table("membership_sightings")
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_ins_account_id"))

    op.drop_table("sign_ins")
    with op.batch_alter_table("series", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_series_group_id"))

    op.drop_table("series")
    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rooms_group_id"))
        batch_op.drop_index(batch_op.f("ix_rooms_bot_account_id"))

    op.drop_table("rooms")
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_members_matrix_id_index"))

    op.drop_table("members")
    op.drop_table("links")
    op.drop_table("leases")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_journal_group_id"))
        batch_op.drop_index(batch_op.f("ix_journal_at"))

    op.drop_table("journal")
    with op.batch_alter_table("group_facilitators", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_group_facilitators_account_id"))

    op.drop_table("group_facilitators")
    op.drop_table("cursors")
    with op.batch_alter_table("unreadable", schema=None) as batch_op:
        batch_op.drop_index("ix_unreadable_session")

    op.drop_table("unreadable")
    op.drop_table("set_aside")
    op.drop_table("heartbeats")
    op.drop_table("groups")
    op.drop_table("bot_accounts")
    op.drop_table("accounts")

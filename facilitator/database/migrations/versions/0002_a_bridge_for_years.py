"""A bridge for years"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "pinned_identities",
        sa.Column("bot_account_id", sa.Text(), nullable=False),
        sa.Column("person_index", sa.Text(), nullable=False),
        sa.Column("master_key", sa.Text(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.Column("changed", UTC, nullable=True),
        sa.ForeignKeyConstraint(
            ["bot_account_id"],
            ["bot_accounts.id"],
            name=op.f("fk_pinned_identities_bot_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("bot_account_id", "person_index", name=op.f("pk_pinned_identities")),
        sqlite_strict=True,
    )
    op.create_table(
        "rate_buckets",
        sa.Column("bot_account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("every_ms", sa.Integer(), nullable=False),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("free_at", UTC, nullable=True),
        sa.Column("at", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["bot_account_id"], ["bot_accounts.id"], name=op.f("fk_rate_buckets_bot_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bot_account_id", "kind", name=op.f("pk_rate_buckets")),
        sqlite_strict=True,
    )
    op.create_table(
        "former_rooms",
        sa.Column("matrix_room", sa.Text(), nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.Column("left", UTC, nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_former_rooms_room_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("matrix_room", name=op.f("pk_former_rooms")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("former_rooms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_former_rooms_room_id"), ["room_id"], unique=False)

    op.create_table(
        "strangers",
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("person_index", sa.Text(), nullable=False),
        sa.Column("due", UTC, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_strangers_room_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("room_id", "person_index", name=op.f("pk_strangers")),
        sqlite_strict=True,
    )
    op.create_table(
        "key_sightings",
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("person_index", sa.Text(), nullable=False),
        sa.Column("health", sa.Text(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.Column("well_until", UTC, nullable=True),
        sa.Column("next_check", UTC, nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_key_sightings_room_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("room_id", "person_index", name=op.f("pk_key_sightings")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("key_sightings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_key_sightings_next_check"), ["next_check"], unique=False)

    with op.batch_alter_table("bot_accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("login", sa.Text(), server_default="session", nullable=False))
        batch_op.add_column(sa.Column("marks", sa.Text(), nullable=True))

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tried_on", sa.Text(), nullable=True))
        batch_op.create_index("ix_outbox_of_room", ["room_id", "seq"], unique=False)
        batch_op.create_index("ix_outbox_settled", ["settled"], unique=False)

    with op.batch_alter_table("room_sightings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("via", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("obstacles", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("replacement", sa.Text(), nullable=True))

    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("renewal", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("renewal_asked", UTC, nullable=True))

    with op.batch_alter_table("unreadable", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sender_index", sa.Text(), nullable=True))
        batch_op.create_index("ix_unreadable_sender", ["matrix_room", "sender_index"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("unreadable", schema=None) as batch_op:
        batch_op.drop_index("ix_unreadable_sender")
        batch_op.drop_column("sender_index")

    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.drop_column("renewal_asked")
        batch_op.drop_column("renewal")

    with op.batch_alter_table("room_sightings", schema=None) as batch_op:
        batch_op.drop_column("replacement")
        batch_op.drop_column("obstacles")
        batch_op.drop_column("via")
        batch_op.drop_column("version")

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_settled")
        batch_op.drop_index("ix_outbox_of_room")
        batch_op.drop_column("tried_on")

    with op.batch_alter_table("bot_accounts", schema=None) as batch_op:
        batch_op.drop_column("marks")
        batch_op.drop_column("login")

    with op.batch_alter_table("key_sightings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_key_sightings_next_check"))

    op.drop_table("key_sightings")
    op.drop_table("strangers")
    with op.batch_alter_table("former_rooms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_former_rooms_room_id"))

    op.drop_table("former_rooms")
    op.drop_table("rate_buckets")
    op.drop_table("pinned_identities")

"""The panel, whole"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UTC = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "matrix_claims",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("matrix_id", sa.LargeBinary(), nullable=False),
        sa.Column("matrix_id_index", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.Column("expires", UTC, nullable=False),
        sa.Column("proven", UTC, nullable=True),
        sa.Column("agreed", UTC, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_matrix_claims_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_matrix_claims")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("matrix_claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_matrix_claims_matrix_id_index"), ["matrix_id_index"], unique=False)

    op.create_table(
        "kept_forms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("fields", sa.LargeBinary(), nullable=False),
        sa.Column("created", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_kept_forms_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_forms")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("kept_forms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_forms_account_id"), ["account_id"], unique=False)

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.alter_column("matrix_id", existing_type=sa.LargeBinary(), nullable=True)
        batch_op.alter_column("matrix_id_index", existing_type=sa.Text(), nullable=True)
        batch_op.add_column(sa.Column("signed_in", UTC, nullable=True))
        batch_op.add_column(sa.Column("language", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("time_zone", sa.Text(), nullable=True))

    with op.batch_alter_table("groups", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.Text(), server_default="open", nullable=False))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("opened", UTC, nullable=True))
        batch_op.add_column(sa.Column("waived_by", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("closes", UTC, nullable=True))
        batch_op.add_column(sa.Column("farewell", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("room_goes_to", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("deleted", UTC, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_groups_waived_by"), "accounts", ["waived_by"], ["id"], ondelete="SET NULL"
        )
    op.execute("UPDATE groups SET opened = created")
    op.execute("UPDATE groups SET state = 'closed' WHERE closed IS NOT NULL")

    with op.batch_alter_table("group_facilitators", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.Text(), server_default="facilitator", nullable=False))

    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.create_unique_constraint(batch_op.f("uq_rooms_kind_group_id"), ["kind", "group_id"])

    with op.batch_alter_table("strangers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("why", sa.Text(), nullable=True))
    op.execute("DELETE FROM outbox WHERE utterance = 'stranger' AND outcome IS NULL")  # told backstage from now on

    with op.batch_alter_table("membership_sightings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("missing", UTC, nullable=True))

    with op.batch_alter_table("pinned_identities", schema=None) as batch_op:
        batch_op.add_column(sa.Column("latest", sa.Text(), nullable=True))

    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.LargeBinary(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_journal_at"))
        batch_op.drop_index(batch_op.f("ix_journal_group_id"))
        batch_op.create_index("ix_journal_of_group", ["group_id", "at", "id"], unique=False)
        batch_op.create_index("ix_journal_of_actor", ["actor", "at", "id"], unique=False)
        batch_op.create_index("ix_journal_of_subject", ["subject", "at", "id"], unique=False)
    op.create_index("ix_members_standing", "members", ["group_id", "standing", "since"], unique=False)
    troubled = sa.text("trouble IS NOT NULL")
    op.create_index(
        "ix_membership_sightings_trouble", "membership_sightings", ["room_id", "person_index"], unique=False,
        sqlite_where=troubled, postgresql_where=troubled,
    )  # fmt: skip
    op.create_index("ix_key_sightings_health", "key_sightings", ["health", "room_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_key_sightings_health", "key_sightings")
    op.drop_index("ix_membership_sightings_trouble", "membership_sightings")
    op.drop_index("ix_members_standing", "members")
    with op.batch_alter_table("membership_sightings", schema=None) as batch_op:
        batch_op.drop_column("missing")

    with op.batch_alter_table("pinned_identities", schema=None) as batch_op:
        batch_op.drop_column("latest")

    with op.batch_alter_table("strangers", schema=None) as batch_op:
        batch_op.drop_column("why")

    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index("ix_journal_of_subject")
        batch_op.drop_index("ix_journal_of_actor")
        batch_op.drop_index("ix_journal_of_group")
        batch_op.create_index(batch_op.f("ix_journal_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_journal_at"), ["at"], unique=False)
        batch_op.drop_column("reason")

    # The older code would take facilitators' own rooms for their groups'.
    backstage = "(SELECT id FROM rooms WHERE kind = 'backstage')"
    for table in ("outbox", "room_sightings", "membership_sightings", "former_rooms", "strangers", "key_sightings"):
        op.execute(f"DELETE FROM {table} WHERE room_id IN {backstage}")  # noqa: S608 - names of ours
    op.execute("DELETE FROM rooms WHERE kind = 'backstage'")
    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_rooms_kind_group_id"), type_="unique")

    with op.batch_alter_table("group_facilitators", schema=None) as batch_op:
        batch_op.drop_column("role")

    with op.batch_alter_table("groups", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_groups_waived_by"), type_="foreignkey")
        for column in ("deleted", "room_goes_to", "farewell", "closes", "waived_by", "opened", "version", "state"):
            batch_op.drop_column(column)

    # Whoever has no Matrix id of their own is not known to the older code at all.
    op.execute("DELETE FROM accounts WHERE matrix_id IS NULL")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("time_zone")
        batch_op.drop_column("language")
        batch_op.drop_column("signed_in")
        batch_op.alter_column("matrix_id_index", existing_type=sa.Text(), nullable=False)
        batch_op.alter_column("matrix_id", existing_type=sa.LargeBinary(), nullable=False)

    op.drop_table("kept_forms")
    op.drop_table("matrix_claims")

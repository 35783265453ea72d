"""${message}.

Revision ${up_revision}, follows ${down_revision}.
"""

from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

# A migration runs while older processes still serve: it takes no lock for long, and what it makes suits the
# previous release as well. There is no way back by program; the way back is the dump taken before.


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}

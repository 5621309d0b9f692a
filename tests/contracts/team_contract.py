"""What every TeamStore promises, and that no store tells of what has ended.

Give the class a ``store`` and the ``clock`` that it goes by.
"""

from __future__ import annotations

from tests.contracts.team_collected import CollectedContract
from tests.contracts.team_ends import EndsContract
from tests.contracts.team_members import MembersContract
from tests.contracts.team_quotas import QuotasContract


class TeamContract(MembersContract, QuotasContract, EndsContract, CollectedContract):
    pass

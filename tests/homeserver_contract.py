"""What the bridge relies on a homeserver for, as tests. The fake keeps it always, a real one in the live tests: so the
fake may be trusted by all other tests, and the client is held to what those assume.
"""

from tests.contract_account import AccountContract
from tests.contract_keys import KeyContract
from tests.contract_messages import MessageContract
from tests.contract_people import PeopleContract
from tests.contract_rooms import RoomContract


class HomeserverContract(RoomContract, PeopleContract, MessageContract, KeyContract, AccountContract):
    """All of it. Subclass with a `world` fixture that is a `ContractWorld`."""

"""Who may use a route. Every route declares one of these; what declares nothing is refused."""

from enum import Enum

from facilitator.accounts import SignedIn


class Who(Enum):
    """Whose group it is, is decided in the queries themselves: what is not theirs is not found."""

    UNASKED = "anyone, and nobody looks who it is"
    ANYONE = "anyone"
    SIGNED_IN = "anyone signed in"
    COORDINATOR = "coordinators"

    def lets_in(self, signed_in: SignedIn | None) -> bool:
        if self in OPEN:
            return True
        if signed_in is None:
            return False
        return self is Who.SIGNED_IN or signed_in.role == "coordinator"


OPEN = (Who.UNASKED, Who.ANYONE)

"""Numbers of people that may be shown: none under a minimum, and none from which such a one could be reckoned.

In a small group a number is a person. What is shown is rounded down to a multiple of the minimum, so that the next
month, another total or another page can be subtracted without telling that one person came or went; and a total never
says more of the parts that are hidden than that they are small.
"""

from collections.abc import Iterable

FEWEST, USUAL = 5, 10


def shown(number: int, minimum: int) -> int | None:
    """At least so many; None: too few to show. That there is nobody reads the same as that there are few."""
    return number // minimum * minimum if number >= minimum else None


def total(parts: Iterable[int], minimum: int) -> int | None:
    """At least so many in all, for whoever sees each part as `shown` has it.

    A hidden part lies anywhere between nobody and `minimum - 1`, and still does for whoever knows the total: that is
    never raised above what all hidden parts but one could amount to. With one hidden part it is the sum of the others.
    Of the totals of two people, of whom one runs a group more, next to nothing follows either.
    """
    counted = list(parts)
    hidden = [part for part in counted if part < minimum]
    seen = sum(shown(part, minimum) or 0 for part in counted)
    may_be_told = max(len(hidden) - 1, 0) * (minimum - 1) // minimum * minimum
    rounded = sum(counted) // minimum * minimum
    return min(rounded, seen + may_be_told) or None

"""What people typed, shown so that it stays in its place: isolated, so that a mark that turns the direction turns
nothing else around; and told apart, so that no name is printed and none is read as words of ours.
"""

from collections.abc import Sequence

from babel.lists import format_list
from markupsafe import Markup

from facilitator import languages


def isolated(words: object) -> Markup:
    """Words somebody typed, within a sentence or a page of ours."""
    return Markup("<bdi>{}</bdi>").format(words)


def name(called: object) -> Markup:
    """What somebody or some group is called. It is not printed."""
    return Markup('<bdi class="name">{}</bdi>').format(called)


def matrix_id(user_id: object) -> Markup:
    """Written from left to right in every language. It is not printed."""
    return Markup('<bdi class="matrix-id" dir="ltr">{}</bdi>').format(user_id)


def listed(shown: Sequence[Markup], tongue: str) -> Markup:
    """Several of them as a list in a sentence: "Ada, Ben and Cleo"."""
    places = [f"\0{number}\0" for number in range(len(shown))]
    words = str(Markup.escape(format_list(places, locale=languages.locale(tongue)))) if shown else ""
    for place, each in zip(places, shown, strict=True):
        words = words.replace(place, each)
    return Markup(words)  # noqa: S704 - made of escaped pieces alone

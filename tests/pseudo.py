"""A language nobody speaks: every sentence accented, longer by a third and in brackets; whatever stands outside of them
was never translated, and what is in brackets within brackets is a sentence made of pieces.

Days, months and cities come in Greek letters beside it, so that what is left in Latin ones is data or a mistake.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from gettext import NullTranslations
from html.parser import HTMLParser

from facilitator.languages import PLACES

TONGUE = "el"
OPEN, CLOSE = "⟦", "⟧"
ACCENTED = str.maketrans(
    "ACDEGHIKLNOPRSTUWYZacdeghiklnoprstuwyz", "ÀĆĎÈĜĤÌĶĹŃÒṔŔŚŤÙŴỲŹàćďèĝĥìķĺńòṕŕśťùŵỳź"
)  # fmt: skip
HEARD = ("aria-label", "title", "alt", "placeholder", "data-here", "data-here-on", "aria-description", "label")
SILENT = ("datalist", "style", "script", "template", "textarea")
WITHIN = {"bdi", "time", "strong", "em", "b", "i", "abbr"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
NO_WORDS = re.compile(r"[@!#][\w!#]\S*|https?://\S+|\{\w+\}|\b[0-9a-f]{12}\b|\b(?:UTC|[A-Z]{3,4})\b")
LATIN = re.compile(r"[A-Za-zÀ-ɏ]{2,}")


def pseudo(sentence: str) -> str:
    """The sentence as a translator's catalogue would have it; the places for values are kept."""
    whole, end = re.fullmatch(r"(.*?)([.:?!…]?)", sentence, re.DOTALL).groups()  # type: ignore[union-attr]
    said, at = "", 0
    for place in PLACES.finditer(whole):
        said += whole[at : place.start()].translate(ACCENTED) + place[0]
        at = place.end()
    return f"{OPEN}{said}{whole[at:].translate(ACCENTED)}{'~' * (len(sentence) // 3 + 1)}{end}{CLOSE}"


class Pseudo(NullTranslations):
    def gettext(self, message: str) -> str:
        return pseudo(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return pseudo(msgid1 if n == 1 else msgid2)


@dataclass
class Read(HTMLParser):
    """What a person sees or hears of a page, and where it stands."""

    data: tuple[str, ...] = ()
    raw: list[str] = field(default_factory=list)
    glued: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.depth, self.where, self.flow = 0, [], ""  # type: ignore[var-annotated]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in WITHIN:
            self._end_of_flow()
        if tag not in VOID:
            self.where.append(tag)
        for name, value in attributes:
            if name in HEARD and value:
                depth, self.depth = self.depth, 0
                self._take(value, f"{'/'.join(self.where[-3:])}@{name}")
                self.depth = depth

    def handle_endtag(self, tag: str) -> None:
        if tag not in WITHIN:
            self._end_of_flow()
        if tag in self.where:
            while self.where.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not set(SILENT) & set(self.where):
            self.flow += data
            self._take(data, "/".join(self.where[-3:]))

    def _take(self, words: str, place: str) -> None:
        outside = ""
        for letter in words:
            self.depth += {OPEN: 1, CLOSE: -1}.get(letter, 0)
            outside += letter if self.depth == 0 and letter != CLOSE else " " if letter in OPEN + CLOSE else ""
            if self.depth > 1:
                self.glued.append(f"{place}: a sentence within a sentence: {words.strip()[:160]}")
                self.depth = 1
        for each in self.data:
            outside = outside.replace(each, " ")
        if LATIN.search(NO_WORDS.sub(" ", outside)):
            self.raw.append(f"{place}: {words.strip()[:160]}")

    def _end_of_flow(self) -> None:
        said = " ".join(self.flow.split())
        self.flow = ""
        after, before = rf"[^.:?!…)]{CLOSE}[^{OPEN}·—–/|(]*\w", rf"\w[^.:?!…{OPEN}{CLOSE}·—–(]*{OPEN}"
        if re.search(after, said) or re.search(before, outside(said)):
            self.glued.append(f"{'/'.join(self.where[-3:])}: glued: {said[:200]}")


def outside(said: str) -> str:
    """A sentence's own words left out, so that what is around it stays."""
    return re.sub(rf"{OPEN}[^{CLOSE}]*{CLOSE}", OPEN + CLOSE, said)


def read(page: str, data: Iterable[str]) -> Read:
    found = Read(tuple(sorted(set(data), key=len, reverse=True)))
    found.feed(page)
    found.close()
    return found


def complaints(pages: Iterable[tuple[str, str]], data: Iterable[str]) -> Iterator[str]:
    """Of each page (its address and its source): what was left raw or glued, once each."""
    known, seen = list(data), set()
    for address, page in pages:
        found = read(page, known)
        for each in (*found.raw, *found.glued):
            if each not in seen:
                seen.add(each)
                yield f"{address}: {each}"

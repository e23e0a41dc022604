"""Everything we may tell a person. The text is what they read: one sentence, what is wrong and what to do."""


class Refused(Exception):
    """The base of all refusals; anything else that escapes is a bug."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(Refused):
    """There is no such thing, or it is not theirs to see: both read alike."""


class NotAllowed(Refused):
    """It is there and visible, but this person may not do that."""


class Invalid(Refused):
    """What was typed cannot be used. `field` names the form field it belongs beside, `facts` what the sentence, once
    translated, is filled in with."""

    def __init__(self, field: str, sentence: str, **facts: str) -> None:
        super().__init__(sentence)
        self.field, self.facts = field, facts


class TooLate(Refused):
    """It could have been done earlier: the link has expired, the session is over."""


class Misconfigured(Refused):
    """A setting, key or schema is wrong; the service does not start."""


class ForNow(Refused):
    """Nothing has to be mended: it passes by itself, and the service may be started again until it has."""


def N_(sentence: str) -> str:
    """Marks a sentence for translation without translating it here."""
    return sentence

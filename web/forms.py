"""What a form may carry, as pydantic models that refuse everything else (OWASP ASVS 5.0.0 2.2.1, 15.3.3).

A model says only what text cannot be: too long, not a number, with characters nobody types. What it may mean is the
domain's to say. What was typed comes back with every refusal, so that nobody types anything twice.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

from aiohttp.web import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from facilitator.errors import N_, Invalid, Refused
from facilitator.ids import new_id
from facilitator.rules import names
from web import keys

FORM_TOKEN = "form_token"  # noqa: S105 - a field's name
KEPT = "kept"
NOT_FIELDS = (FORM_TOKEN, KEPT)
"""What every form may carry, and none is about."""
MOST_FIELDS = 30

FILL_IN = N_("Please fill this in.")
TOO_LONG = N_("That is too long. Please shorten it.")
NOT_A_NUMBER = N_("Please choose a number.")
NOT_A_DAY = N_("Please choose a day, or leave this empty.")
STRANGE = N_("There is a character in it that cannot be used. Please type it anew.")
CHANGED = N_("This form has changed since. Please go back, reload the page and try again.")

SENTENCES = {
    "missing": FILL_IN,
    "string_too_short": FILL_IN,
    "string_too_long": TOO_LONG,
    "int_parsing": NOT_A_NUMBER,
    "int_parsing_size": NOT_A_NUMBER,
    "greater_than_equal": NOT_A_NUMBER,
    "less_than_equal": NOT_A_NUMBER,
    "value_error": STRANGE,
}


class BadForm(Refused):
    """This is no form of ours: other fields, other encoding. Nobody gets here by filling in a page."""


@dataclass(frozen=True)
class Typed:
    """What somebody typed, as they typed it, and what is wrong with it: a sentence per field. `facts` are filled in
    where a sentence has places for them."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    errors: Mapping[str, str] = field(default_factory=dict, repr=False)
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)


class Mistyped(Exception):
    """The form cannot be used yet; `typed` goes back onto the page."""

    def __init__(self, typed: Typed) -> None:
        super().__init__()
        self.typed = typed


def printable(text: str) -> str:
    strange = (c for c in text if c not in "\r\n\t" and unicodedata.category(c) in ("Cc", "Cs", "Cn"))
    if not all(map(names.is_new_emoji, strange)):
        raise ValueError("unprintable")
    return text


def plain_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def day_or_none(text: object) -> object:
    return None if text == "" else text


def day(text: object) -> object:
    if text == "":
        raise PydanticCustomError("missing", "no day")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(printable)]
Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(printable),
    AfterValidator(plain_newlines),
]
MaybeLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(printable)]
MaybeWords = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2000),
    AfterValidator(printable),
    AfterValidator(plain_newlines),
]
OptionalLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(printable)]
OptionalDay = Annotated[date | None, BeforeValidator(day_or_none)]
MadeWithTheForm = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""What a new thing will be known by, made with its form: the form sent twice makes nothing twice."""


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Nothing(Form):
    """A form that is only a button."""


class ChooseLanguage(Form):
    """`here`: the address of the page it was chosen on."""

    language: Line
    here: Line


class ThrowAway(Form):
    """`page`: the address of the page whose kept form is to be forgotten."""

    page: Line


class Renew(Form):
    """A yes to a new room, to what the page asked."""

    how: Literal["upgrade", "remake"]


class About(Form):
    """What people call a group and say about it."""

    name: Line
    purpose: Words
    language: Line
    time_zone: Line


class StartGroup(About):
    group: MadeWithTheForm = Field(default_factory=new_id)


class EditGroup(About):
    """`version`: of the group when the form was opened; `was_…`: what stood in the fields then."""

    version: Annotated[int, Field(ge=0, lt=2**31)]
    was_name: MaybeWords = ""
    was_purpose: MaybeWords = ""
    was_language: MaybeWords = ""
    was_time_zone: MaybeWords = ""


class Open(Form):
    """`waiver`: why a coordinator opens a group that is not ready."""

    waiver: MaybeLine = ""


class Pause(Form):
    reason: MaybeLine = ""


class Close(Form):
    """`version`: of the group when the form was opened."""

    version: Annotated[int, Field(ge=0, lt=2**31)] = 0
    closes_on: Annotated[date, BeforeValidator(day)]
    farewell: MaybeWords = ""
    kept_by: Literal["nobody", "members"]
    reason: MaybeLine = ""
    typed_name: Line


class Delete(Form):
    typed_name: Line


class Invite(Form):
    matrix_id: Line


class ItWasThem(Form):
    """`noticed`: which change of identity the page told of, by its moment."""

    noticed: Line


class Schedule(Form):
    weekday: int
    at: Line
    time_zone: Line
    minutes: int
    first_day: OptionalDay = None
    series: MadeWithTheForm = Field(default_factory=new_id)
    step: Line = "schedule"


class AddPerson(Form):
    account: MadeWithTheForm
    name: Line
    role: Line
    matrix_id: OptionalLine = ""


class ChangeRole(Form):
    role: Line


class Disable(Form):
    """`successor`: who takes over what would be left without a facilitator; empty where nothing would. `groups`: what
    the page showed that this is."""

    successor: OptionalLine = ""
    groups: Annotated[str, StringConstraints(pattern=r"^[0-9a-f -]*$", max_length=40_000)] = ""


class Why(Form):
    reason: Words


class ChooseAccount(Form):
    account: Line


class AddFacilitator(Form):
    account: Line
    part: Line


class ChangePart(Form):
    part: Line


class OwnAccount(Form):
    name: Line
    language: OptionalLine = ""
    time_zone: OptionalLine = ""


F = TypeVar("F", bound=Form)


async def body(request: Request) -> dict[str, str]:
    """The fields of a form as they came. Raises BadForm."""
    if request.content_type != "application/x-www-form-urlencoded" and request.can_read_body:
        raise BadForm(N_("This did not come from a page of this panel."))
    try:
        pairs = parse_qsl(
            (await request.read()).decode("utf-8"),
            keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict",
        )  # fmt: skip
    except ValueError:
        raise BadForm(N_("This form arrived damaged. Please go back, reload the page and try again.")) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadForm(N_("This form arrived damaged. Please go back, reload the page and try again."))
    return fields


def read(request: Request, form: type[F]) -> F:
    """The request's form as a model. Raises Mistyped when it can be mended, BadForm when it is not ours."""
    values = {name: text for name, text in request[keys.FORM].items() if name not in NOT_FIELDS}
    try:
        return form.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
    if any(problem["type"] == "extra_forbidden" for problem in problems):
        raise BadForm(CHANGED)
    raise Mistyped(Typed(values, {str(problem["loc"][0]): sentence(problem) for problem in problems}))


def sentence(problem: Mapping[str, Any]) -> str:
    kind = str(problem["type"])
    return SENTENCES.get(kind, NOT_A_DAY if kind.startswith("date") else STRANGE)


def typed(request: Request, refusal: Invalid | None = None) -> Typed:
    """What the request carried, with the domain's refusal beside the field it names."""
    values = {name: text for name, text in request[keys.FORM].items() if name not in NOT_FIELDS}
    return Typed(values, {refusal.field: refusal.sentence}, refusal.facts) if refusal else Typed(values)

"""As what each thing we ask of a homeserver stands in line: how urgent it is, and what tells it from all others."""

from datetime import datetime

from bridge.matrix.homeserver import CreateRoom, Invite, Remove, SetState, Urgency
from bridge.matrix.line import Request
from facilitator.ids import ActId


def send(act: ActId, urgency: Urgency, not_after: datetime | None) -> Request:
    return Request("send", act, urgency, not_after=not_after)


def create(step: CreateRoom) -> Request:
    return Request("create", f"create {step.marker}", _urgency(direct=step.direct_to is not None))


def invite(step: Invite, *, direct: bool) -> Request:
    key = f"invite {step.user} {step.room}"
    return Request("invite", key, _urgency(direct=direct), person=step.user)


def remove(step: Remove) -> Request:
    """Whoever should not be there is put out before anything else is said."""
    return Request("kick", f"kick {step.user} {step.room}", Urgency.SAFETY)


def set_state(step: SetState) -> Request:
    return Request("state", f"state {step.type} {step.room}", Urgency.UPKEEP)


def _urgency(*, direct: bool) -> Urgency:
    """Somebody waits to speak with the bot alone; a group's room comes after what was promised to others."""
    return Urgency.REPLY if direct else Urgency.PROVISIONING

"""Send messages to devices rather than rooms: keys, and notices that a key is withheld.

They are put into as few requests as a homeserver takes well: a request each would make a large group slow to reach.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.matrix.connection import Connection, path
from bridge.matrix.hardened import Device
from facilitator.ids import because, new_id

PER_REQUEST = 100

Parcel = tuple[Device, Mapping[str, Any]]


async def send(connection: Connection, type_: str, parcels: Sequence[Parcel], *, named: str | None = None) -> None:
    """`named`: what is being delivered. Sent to the same devices again after an answer was lost, it arrives once: the
    transaction id of each request follows from what it brings and to whom."""
    for start in range(0, len(parcels), PER_REQUEST):
        messages: dict[str, dict[str, Any]] = {}
        for (user, device), content in parcels[start : start + PER_REQUEST]:
            messages.setdefault(user, {})[device] = content
        whom = sorted(device for device, _ in parcels[start : start + PER_REQUEST])
        transaction = because("to device", type_, named, whom) if named else new_id()
        await connection.put(path("sendToDevice", type_, transaction), {"messages": messages}, kind="to_device")

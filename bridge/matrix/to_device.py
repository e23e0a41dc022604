"""Send messages to devices rather than rooms: keys, and notices that a key is withheld.

They are put into as few requests as a homeserver takes well: a request each would make a large group slow to reach.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.matrix.connection import Connection, path
from bridge.matrix.hardened import Device
from facilitator.ids import because, new_id

PER_REQUEST = 100


@dataclass(frozen=True)
class Parcel:
    """One message for one device. `named`: what it delivers, if that can be said: sent to the same device again after
    an answer was lost, it arrives once."""

    device: Device
    content: Mapping[str, Any] = field(repr=False)
    named: str = ""


async def send(connection: Connection, type_: str, parcels: Iterable[Parcel]) -> None:
    for batch in packed(parcels):
        await send_batch(connection, type_, batch)


async def send_batch(connection: Connection, type_: str, batch: Sequence[Parcel]) -> None:
    """One request, with no device in it twice. Its transaction id follows from what it brings and to whom."""
    messages: dict[str, dict[str, Any]] = {}
    for parcel in batch:
        user, device = parcel.device
        messages.setdefault(user, {})[device] = parcel.content
    assert sum(map(len, messages.values())) == len(batch), "one message to a device in one request"
    what = sorted((parcel.named, *parcel.device) for parcel in batch)
    transaction = because("to device", type_, what) if all(parcel.named for parcel in batch) else new_id()
    await connection.put(path("sendToDevice", type_, transaction), {"messages": messages}, kind="to_device")


def packed(parcels: Iterable[Parcel]) -> list[list[Parcel]]:
    """As few requests as can carry them: each holds one message for a device, and not too many in all."""
    layers: list[list[Parcel]] = []
    above: Counter[Device] = Counter()
    for parcel in parcels:
        layer = above[parcel.device]
        above[parcel.device] += 1
        if layer == len(layers):
            layers.append([])
        layers[layer].append(parcel)
    return [layer[start : start + PER_REQUEST] for layer in layers for start in range(0, len(layer), PER_REQUEST)]

"""People with as many devices as they like, signed or not, on the stand-in homeserver: who can read which message is
asked of the devices themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp.web import HTTPInternalServerError, Request

from tests.stand_in import Phone, StandIn

Name = tuple[str, str]


class Device(Phone):
    """`has_keys`: one-time keys are left. `delivered`: how often a room key came, by session. `told`: the codes of
    withheld keys."""

    def __init__(self, user: str, device: str = "PHONE", *, signed: bool = True) -> None:
        super().__init__(user)
        self.device, self.signed, self.has_keys = device, signed, True
        self.delivered: list[str] = []
        self.told: list[str] = []

    def device_keys(self) -> dict[str, Any]:
        keys = super().device_keys()
        if not self.signed:
            del keys["signatures"][self.user][self._self_signing.id]
        return keys

    def take_in(self, sender_key: str, sealed: Mapping[str, Any]) -> None:
        before = set(self.keys)
        super().take_in(sender_key, sealed)
        self.delivered += set(self.keys) - before or ["again"]

    def reads(self, event: Mapping[str, Any]) -> bool:
        try:
            self.read(event)
        except Exception:  # no key, or one that opens only what came later
            return False
        return True


@dataclass
class Crowd(StandIn):
    """`silent`: servers that do not say which devices their people have. `transactions_of_keys`: ids of the requests
    that brought keys. `loses`: how many answers to those get lost on their way."""

    devices: dict[Name, Device] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    transactions_of_keys: list[str] = field(default_factory=list)
    loses: int = 0

    def add(self, user: str, device: str = "PHONE", *, signed: bool = True) -> Device:
        return self.devices.setdefault((user, device), Device(user, device, signed=signed))

    def readers(self, event: Mapping[str, Any]) -> set[Name]:
        return {name for name, device in self.devices.items() if device.reads(event)}

    def devices_changed(self, user: str) -> None:
        self.tell(device_lists={"changed": [user]})

    def tell_state(self, room: str, kind: str, **content: Any) -> None:
        told = {"timeline": {"events": [self.event(kind, content, self.us, "")]}}
        self.tell(rooms={"join": {room: told}})

    def _query(self, request: Request, parts: list[str], body: Any) -> Any:
        answer = super()._query(request, parts, body)
        for (user, name), device in self.devices.items():
            if user not in body["device_keys"]:
                continue
            server = user.partition(":")[2]
            if server in self.silent:
                answer["failures"][server] = {}
                continue
            answer["device_keys"].setdefault(user, {})[name] = device.device_keys()
            answer["master_keys"][user] = device.master_key()
            answer["self_signing_keys"][user] = device.self_signing_key()
        return answer

    def _claim(self, _request: Request, _parts: list[str], body: Any) -> Any:
        given: dict[str, dict[str, Any]] = {}
        for user, names in body["one_time_keys"].items():
            for name in names:
                device = self.devices[user, name]
                if device.has_keys:
                    given.setdefault(user, {})[name] = device.one_time_key()
        return {"one_time_keys": given}

    def _to_device(self, _request: Request, parts: list[str], body: Any) -> Any:
        kind, transaction = parts[1], parts[-1]
        self.transactions_of_keys += [transaction] if kind == "m.room.encrypted" else []
        if transaction not in self.transactions:
            self.transactions.add(transaction)
            for user, devices in body["messages"].items():
                for name, content in devices.items():
                    self._deliver(kind, self.devices[user, name], content)
        if self.loses:
            self.loses -= 1
            raise HTTPInternalServerError
        return {}

    def _deliver(self, kind: str, device: Device, content: Mapping[str, Any]) -> None:
        if kind == "m.room.encrypted":
            device.take_in(content["sender_key"], content["ciphertext"][device.identity_key])
        else:
            device.told.append(content["code"])

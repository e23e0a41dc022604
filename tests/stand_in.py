"""A homeserver's client API with people's phones on it, in memory: what is measured or counted there is ours alone.

No Matrix library made its answers: keys are made and messages opened with the ratchets themselves. It has as much as
the bridge asks to speak and to hear, and no rules: everybody may do everything.
"""

import asyncio
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import vodozemac
from aiohttp.web import Application, AppRunner, Request, Response, TCPSite, json_response

from bridge.matrix import signing
from bridge.matrix.signing import from_base64
from facilitator.clock import Clock
from facilitator.ids import new_id

MEGOLM = "m.megolm.v1.aes-sha2"
OLM = "m.olm.v1.curve25519-aes-sha2"


class Phone:
    """One signed device of one person. `keys`: session → what opens it; `seen`: which steps of it were."""

    def __init__(self, user: str) -> None:
        self.user, self.device = user, "PHONE"
        self.account = vodozemac.Account()
        self.olm: list[vodozemac.Session] = []
        self.keys: dict[str, vodozemac.InboundGroupSession] = {}
        self.seen: list[tuple[str, int]] = []
        self.speaking: dict[str, vodozemac.GroupSession] = {}
        seeds = hashlib.sha512(user.encode()).digest()
        self._master, self._self_signing = signing.SigningKey(seeds[:32]), signing.SigningKey(seeds[32:])

    @property
    def identity_key(self) -> str:
        return str(self.account.curve25519_key.to_base64())

    def device_keys(self) -> dict[str, Any]:
        named = {"ed25519": self.account.ed25519_key.to_base64(), "curve25519": self.identity_key}
        keys = {f"{kind}:{self.device}": key for kind, key in named.items()}
        device = {"user_id": self.user, "device_id": self.device, "algorithms": [OLM, MEGOLM], "keys": keys}
        signatures = {
            f"ed25519:{self.device}": self._sign(device),
            self._self_signing.id: self._self_signing.sign(device),
        }
        return device | {"signatures": {self.user: signatures}}

    def master_key(self) -> dict[str, Any]:
        return self._key("master", self._master)

    def self_signing_key(self) -> dict[str, Any]:
        key = self._key("self_signing", self._self_signing)
        return key | {"signatures": {self.user: {self._master.id: self._master.sign(key)}}}

    def _key(self, usage: str, key: signing.SigningKey) -> dict[str, Any]:
        return {"user_id": self.user, "usage": [usage], "keys": {key.id: key.public}}

    def _sign(self, value: Mapping[str, Any]) -> str:
        return str(self.account.sign(signing.canonical(value)).to_base64())

    def one_time_key(self) -> dict[str, Any]:
        self.account.generate_one_time_keys(1)
        ((name, key),) = self.account.one_time_keys.items()
        self.account.mark_keys_as_published()
        given = {"key": key.to_base64()}
        signed = given | {"signatures": {self.user: {f"ed25519:{self.device}": self._sign(given)}}}
        return {f"signed_curve25519:{name}": signed}

    def take_in(self, sender_key: str, sealed: Mapping[str, Any]) -> None:
        """A room key, as it comes to a device."""
        inside = json.loads(
            self._open(sender_key, vodozemac.AnyOlmMessage.from_parts(sealed["type"], from_base64(sealed["body"])))
        )
        content = inside["content"]
        key = vodozemac.InboundGroupSession(vodozemac.SessionKey(content["session_key"]))
        held = self.keys.get(content["session_id"])
        if held is None or key.first_known_index < held.first_known_index:
            self.keys[content["session_id"]] = key

    def _open(self, sender_key: str, message: Any) -> bytes:
        prekey = message.to_pre_key()
        for session in self.olm:
            if prekey is None or session.session_matches(prekey):
                with suppress(vodozemac.OlmDecryptionException):
                    return bytes(session.decrypt(message))
        key = vodozemac.Curve25519PublicKey.from_base64(sender_key)
        session, plain = self.account.create_inbound_session(key, prekey)
        self.olm.insert(0, session)
        return bytes(plain)

    def say(
        self, room: str, body: str, *, to: Mapping[str, Any], one_time_key: list[str]
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """A message, and for a session not begun yet its key for the device `to`."""
        begun = room in self.speaking
        session = self.speaking.setdefault(room, vodozemac.GroupSession())
        key = session.session_key.to_base64()
        inside = {"type": "m.room.message", "content": {"msgtype": "m.text", "body": body}, "room_id": room}
        event = {
            "algorithm": MEGOLM, "sender_key": self.identity_key, "device_id": self.device,
            "session_id": session.session_id, "ciphertext": session.encrypt(json.dumps(inside).encode()).to_base64(),
        }  # fmt: skip
        content = {"algorithm": MEGOLM, "room_id": room, "session_id": session.session_id, "session_key": key}
        return event, None if begun else self._seal("m.room_key", content, to, one_time_key.pop())

    def _seal(self, kind: str, content: Mapping[str, Any], to: Mapping[str, Any], one_time_key: str) -> dict[str, Any]:
        keys = {name.partition(":")[0]: key for name, key in to["keys"].items()}
        olm = self.account.create_outbound_session(
            vodozemac.Curve25519PublicKey.from_base64(keys["curve25519"]),
            vodozemac.Curve25519PublicKey.from_base64(one_time_key),
        )
        self.olm.insert(0, olm)
        inside = {
            "sender": self.user, "sender_device": self.device, "recipient": to["user_id"], "type": kind,
            "keys": {"ed25519": self.account.ed25519_key.to_base64()},
            "recipient_keys": {"ed25519": keys["ed25519"]}, "content": content,
        }  # fmt: skip
        number, ciphertext = olm.encrypt(json.dumps(inside).encode()).to_parts()
        sealed = {keys["curve25519"]: {"type": number, "body": signing.to_base64(ciphertext)}}
        return {"algorithm": OLM, "sender_key": self.identity_key, "ciphertext": sealed}

    def read(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """What was said. Raises KeyError without its key; a step of a session is never used for two messages."""
        opened = self.keys[event["session_id"]].decrypt(vodozemac.MegolmMessage.from_base64(event["ciphertext"]))
        self.seen.append((event["session_id"], opened.message_index))
        content: dict[str, Any] = json.loads(opened.plaintext)["content"]
        return content


@dataclass
class StandIn:
    """`rooms`: who has joined each. `asked`: requests by what they were. `said`: events of ours, by room."""

    url: str = ""
    us: str = "@hearth:here"
    rooms: dict[str, set[str]] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    said: defaultdict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    ours: dict[str, Any] = field(default_factory=dict)
    our_keys: list[str] = field(default_factory=list)
    """One-time keys we have published."""
    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    news: list[dict[str, Any]] = field(default_factory=list)
    """What each sync from the start on brings, one after another."""
    refuses: set[str] = field(default_factory=set)
    """Kinds of request that fail just now."""
    transactions: set[str] = field(default_factory=set)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def open_room(self, room: str, members: Iterable[str]) -> None:
        self.rooms[room] = {*members}
        for user in self.rooms[room] - self.phones.keys():
            self.phones[user] = Phone(user)

    def make(self, room: str, body: Mapping[str, Any], members: Iterable[str]) -> None:
        """The room a createRoom with this body makes, with these people inside already."""
        creation = {**body["creation_content"], "room_version": body["room_version"]}
        said = [("m.room.create", creation), ("m.room.name", {"name": body["name"]})]
        said += [("m.room.power_levels", {**body["power_level_content_override"], "historical": 100})]
        said += [(each["type"], each["content"]) for each in body["initial_state"]]
        self.state[room] = {kind: self.event(kind, content, self.us, "") for kind, content in said}
        self.open_room(room, members)

    def said_by(self, user: str, room: str, body: str) -> dict[str, Any]:
        """A message of somebody's phone, for a sync: encrypted, its key with the first."""
        phone = self.phones[user]
        device = self.ours["device"]
        event, sealed = phone.say(room, body, to=device, one_time_key=self.our_keys)
        told = {"rooms": {"join": {room: {"timeline": {"events": [self.event("m.room.encrypted", event, user)]}}}}}
        if sealed is not None:
            key = {"type": "m.room.encrypted", "sender": user, "content": sealed}
            return told | {"to_device": {"events": [key]}}
        return told

    def tell(self, **answer: Any) -> None:
        self.news.append(answer)
        self._more.set()

    def tell_membership(self, room: str, user: str, membership: str) -> None:
        change = self.rooms[room].add if membership == "join" else self.rooms[room].discard
        change(user)
        self.tell(
            rooms={
                "join": {
                    room: {
                        "timeline": {"events": [self.event("m.room.member", {"membership": membership}, user, user)]}
                    }
                }
            },
            device_lists={"changed": [user]} if membership == "join" else {"left": [user]},
        )

    def event(self, kind: str, content: Mapping[str, Any], sender: str, key: str | None = None) -> dict[str, Any]:
        now = int(Clock().now().timestamp() * 1000)
        event = {"type": kind, "content": content, "sender": sender, "event_id": f"${new_id()}"}
        event |= {"origin_server_ts": now}
        return event if key is None else event | {"state_key": key}

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["StandIn"]:
        application = Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.raw_path.partition("?")[0].split("/")[4:]]
        body = await request.json() if request.can_read_body else {}
        for shape, name in SHAPES:
            if len(parts) >= len(shape) and all(want in ("*", part) for want, part in zip(shape, parts, strict=False)):
                self.asked[name] += 1
                if name in self.refuses:
                    return json_response({"errcode": "M_UNKNOWN", "error": ""}, status=500)
                answer = getattr(self, f"_{name}")(request, parts, body)
                return json_response(await answer if asyncio.iscoroutine(answer) else answer)
        self.asked["unknown"] += 1
        return json_response({"errcode": "M_NOT_FOUND", "error": ""}, status=404)

    def _versions(self, *_: Any) -> Any:
        return {"versions": ["v1.11"]}

    def _whoami(self, *_: Any) -> Any:
        return {"user_id": self.us, "device_id": "DEVICE"}

    def _login(self, *_: Any) -> Any:
        return self._whoami() | {"access_token": "token"}

    def _capabilities(self, *_: Any) -> Any:
        return {"capabilities": {"m.room_versions": {"default": "12", "available": {"12": "stable"}}}}

    def _account_data(self, request: Request, parts: list[str], body: Any) -> Any:
        if request.method == "PUT":
            self.kept[parts[-1]] = body
        return self.kept.get(parts[-1], {})

    def _upload(self, _request: Request, _parts: list[str], body: Any) -> Any:
        if "device_keys" in body:
            self.ours["device"] = body["device_keys"]
        self.our_keys += [key["key"] for key in body.get("one_time_keys", {}).values()]
        return {"one_time_key_counts": {"signed_curve25519": 50}}

    def _device_signing(self, _request: Request, _parts: list[str], body: Any) -> Any:
        self.ours |= body
        return {}

    def _signatures(self, _request: Request, _parts: list[str], body: Any) -> Any:
        self.ours["device"] = next(iter(body[self.us].values()))
        return {"failures": {}}

    def _query(self, _request: Request, _parts: list[str], body: Any) -> Any:
        wanted = body["device_keys"]
        phones = [self.phones[user] for user in wanted if user in self.phones]
        devices = {phone.user: {phone.device: phone.device_keys()} for phone in phones}
        masters = {phone.user: phone.master_key() for phone in phones}
        selves = {phone.user: phone.self_signing_key() for phone in phones}
        if self.us in wanted:
            device = self.ours.get("device")
            devices[self.us] = {device["device_id"]: device} if device else {}
            masters |= {self.us: self.ours["master_key"]} if "master_key" in self.ours else {}
            selves |= {self.us: self.ours["self_signing_key"]} if "self_signing_key" in self.ours else {}
        return {"device_keys": devices, "master_keys": masters, "self_signing_keys": selves, "failures": {}}

    def _claim(self, _request: Request, _parts: list[str], body: Any) -> Any:
        wanted = body["one_time_keys"]
        return {"one_time_keys": {u: {d: self.phones[u].one_time_key() for d in wanted[u]} for u in wanted}}

    def _to_device(self, _request: Request, parts: list[str], body: Any) -> Any:
        if parts[-1] in self.transactions:
            return {}
        self.transactions.add(parts[-1])
        for user, devices in body["messages"].items():
            for content in devices.values():
                phone = self.phones[user]
                if parts[1] == "m.room.encrypted":
                    phone.take_in(content["sender_key"], content["ciphertext"][phone.identity_key])
        return {}

    def _joined_members(self, _request: Request, parts: list[str], _body: Any) -> Any:
        return {"joined": {user: {} for user in {*self.rooms[parts[1]], self.us}}}

    def _state(self, _request: Request, parts: list[str], _body: Any) -> Any:
        members = {*self.rooms[parts[1]], self.us}
        if parts[1] in self.state:
            inside = (self.event("m.room.member", {"membership": "join"}, user, user) for user in members)
            return [*self.state[parts[1]].values(), *inside]
        return [
            self.event("m.room.create", {"room_version": "12"}, self.us, ""),
            self.event("m.room.encryption", {"algorithm": MEGOLM}, self.us, ""),
            *(self.event("m.room.member", {"membership": "join"}, user, user) for user in members),
        ]

    def _send(self, _request: Request, parts: list[str], body: Any) -> Any:
        if parts[-1] not in self.transactions:
            self.transactions.add(parts[-1])
            self.said[parts[1]].append(body)
        return {"event_id": f"${parts[-1]}"}

    async def _sync(self, request: Request, _parts: list[str], _body: Any) -> Any:
        since = int(request.query.get("since", len(self.news)))
        usual = {
            "device_one_time_keys_count": {"signed_curve25519": 50},
            "device_unused_fallback_key_types": ["signed_curve25519"],
        }
        if "since" in request.query and since >= len(self.news):
            self._more.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(int(request.query.get("timeout", 0)) / 1000):
                    await self._more.wait()
        if since >= len(self.news):
            return usual | {"next_batch": str(since)}
        return usual | self.news[since] | {"next_batch": str(since + 1)}


SHAPES = (
    (("client", "versions"), "versions"),
    (("account", "whoami"), "whoami"),
    (("login",), "login"),
    (("capabilities",), "capabilities"),
    (("user", "*", "account_data"), "account_data"),
    (("keys", "upload"), "upload"),
    (("keys", "device_signing", "upload"), "device_signing"),
    (("keys", "signatures", "upload"), "signatures"),
    (("keys", "query"), "query"),
    (("keys", "claim"), "claim"),
    (("sendToDevice",), "to_device"),
    (("rooms", "*", "joined_members"), "joined_members"),
    (("rooms", "*", "state"), "state"),
    (("rooms", "*", "send"), "send"),
    (("sync",), "sync"),
)
"""The beginning of an address after `/_matrix/client/v3`, and which method answers it."""

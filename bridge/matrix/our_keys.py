"""Our keys on the homeserver: the device's own, one-time keys, a fallback key.

nio never uploads again once its count reaches 0 and has no fallback key; any stranger can bring that about by
claiming all our one-time keys, and from then on nobody new could write to us.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.matrix.connection import KEY_EXISTS, Connection, needed, path
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import Overtaken, Rejected

ONE_TIME = "signed_curve25519"


class OurKeys:
    def __init__(self, machine: Machine, connection: Connection) -> None:
        self._machine, self._connection = machine, connection

    async def publish(self) -> None:
        """Upload the device's keys if this is its first start."""
        if not self._machine.account.shared:
            await self._upload_one_time_keys()

    async def keep_up(self, counts: Mapping[str, Any], unused_fallback: Iterable[str] | None) -> None:
        """Act on what a sync says is left. No count means none are left (spec, `device_one_time_keys_count`); no
        list of fallback keys means that the server has no such thing. A refusal is counted: it must not stop us
        from hearing, unless it says that our keys are not the latest (Overtaken)."""
        count = counts.get(ONE_TIME, 0)
        self._machine.uploaded_key_count = count = count if isinstance(count, int) else 0
        try:
            if count < self._machine.account.max_one_time_keys // 2:
                await self._upload_one_time_keys()
            if unused_fallback is not None and ONE_TIME not in unused_fallback:
                await self._upload_new_fallback_key()
        except Rejected as refused:
            if refused.code == KEY_EXISTS:
                raise Overtaken from refused
            self._machine.faults["key_upload"] += 1

    async def _upload_one_time_keys(self) -> None:
        machine = self._machine
        keys = machine.share_keys()
        self._save()
        answer = await self._connection.post(path("keys", "upload"), keys, kind="keys")
        counts = needed(answer, "one_time_key_counts", dict)
        machine.account.shared = True
        machine.uploaded_key_count = counts.get(ONE_TIME)
        machine.mark_keys_as_published()
        machine.save_account()

    async def _upload_new_fallback_key(self) -> None:
        machine, account = self._machine, self._machine.account._account
        account.generate_fallback_key()
        self._save()
        keys = {}
        for key_id, key in account.fallback_key.items():
            signed = {"key": key.to_base64(), "fallback": True}
            signature = {machine.user_id: {f"ed25519:{machine.device_id}": machine.sign_json(signed)}}
            keys[f"{ONE_TIME}:{key_id}"] = signed | {"signatures": signature}
        await self._connection.post(path("keys", "upload"), {"fallback_keys": keys}, kind="keys")
        machine.mark_keys_as_published()
        machine.save_account()

    def _save(self) -> None:
        """Before they are uploaded: a key the server hands out and we do not hold locks somebody out."""
        self._machine.save_account()
        self._machine.store.to_disk()

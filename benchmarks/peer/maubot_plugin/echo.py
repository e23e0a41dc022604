"""A plugin for maubot that answers `!commands`."""

from maubot import MessageEvent, Plugin
from maubot.handlers import command
from mautrix.types import MessageType, TextMessageEventContent

ANSWER = "word " * 60


class Echo(Plugin):
    @command.new("commands")
    async def commands(self, event: MessageEvent) -> None:
        await self.client.send_message(event.room_id, TextMessageEventContent(msgtype=MessageType.NOTICE, body=ANSWER))

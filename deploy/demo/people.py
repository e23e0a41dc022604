"""The sample people of a demo and the accounts they have on its homeserver.

Ada facilitates and has a link to the panel; Ben, Cleo and Dan are there to be invited.
"""

import asyncio

from deploy import matrix_accounts
from deploy.demo.folder import Folder
from deploy.homeserver import LocalHomeserver
from facilitator.ids import UserId

BOT = "hearth"
FACILITATOR = "ada"
MEMBERS = ("ben", "cleo", "dan")
SERVER_NAME = "localhost"


def user_id(name: str) -> UserId:
    return UserId(f"@{name}:{SERVER_NAME}")


async def register(homeserver: LocalHomeserver, folder: Folder) -> None:
    """Give everybody an account, once; passwords are made up and kept in the folder."""
    if folder.remembered().registered:
        return
    names = (BOT, FACILITATOR, *MEMBERS)
    passwords = {name: folder.password(name) for name in names}
    await asyncio.gather(
        *(
            matrix_accounts.register(
                homeserver.url,
                homeserver.registration_secret,
                name=name,
                password=passwords[name],
                display_name=name.capitalize(),
            )
            for name in names
        )
    )
    folder.change(registered=True)

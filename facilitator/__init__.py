"""The domain: groups, members, sessions, rooms that should exist and acts to do once.

It knows no Matrix and no HTTP. `rules/` decides, purely; the modules beside it are the use cases, each
`async def verb(db, *, …, now)`, run inside a transaction the caller opened; `database/` is the only door to SQL.
`rooms` says which rooms should be, `sightings` what the bridge has seen of them, `outbox` what is to be said once.
"""

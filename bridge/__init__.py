"""The Matrix service: makes rooms match the database and hears what people say. Seven loops, each `pass_once()`.

`listener` hears: what one sync brings is written down before our place moves past it, or together with that.
`reconciler` makes each room what it should be: look, plan, take the steps, until none is left. `sender` says what is in
the outbox, in order within a room. `timer` puts what has fallen due into the outbox. `doorkeeper` answers those who
invite us. `key_watch` asks who could read us, before anything is said.
`service` wires and runs them; only `matrix/` knows a Matrix library.
"""

"""The only folder that knows a Matrix library. Everybody else speaks to `homeserver.Homeserver`; the wiring alone makes
one, so: `account = await login.login_once(url, user_id=…, password=…)` the first time, sealed and kept by the caller;
`keys = keystore.KeyStore(path, pickle_key)` with 32 secret bytes; then, now and after every restart,
`client = await client.NioHomeserver.start(account, keys, identity_storage, only_signed=True)`, where the storage keeps
the three cross-signing seeds (`identity.IdentityStorage`). If `keys.holds(user_id, device_id)` is False for a device
signed in before, its keys are lost: sign in again as a new device, never start the old one. `generation` finds out
whether the keys are the latest. `client.remember(rooms)`
makes rooms known without asking; `client.listen(since, wait=…)` hears. Inside: `connection` and `pace` carry requests,
`hardened` is nio's Olm machine mended, `screening` and `signing` are pure, `listening`, `speaking`, `looking` and
`changing` do what the protocol asks, `known` remembers rooms, `our_keys`, `their_keys` and `sharing` see to keys.
"""

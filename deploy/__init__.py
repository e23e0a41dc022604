"""Running Hearth: the `hearth` command, the demo, a homeserver to try it with. Nothing imports from here.

`cli` is the command; `demo` a whole Hearth on this machine with sample people; `homeserver` a local Synapse and
`matrix_accounts` people on it; `processes` starts and stops what runs; `logs` says what may be logged.
"""

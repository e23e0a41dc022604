"""The panel: shows and changes what should be. It holds no Matrix key or token and never waits for a homeserver.

`routes.py` lists every URL and who may use it; `pages/` has one file per noun, one function per URL, and `templates/`
mirrors it. A request passes `middleware.py` and `guard.py` first; a page gathers with a use case of `facilitator/`,
changes with another, rings the bell and redirects.
"""

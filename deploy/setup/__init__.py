"""Bring a Hearth up on a homeserver that is there already, and keep its bot the same one for good.

A host does this once, in a hurry, and may be nervous: everything is looked at before it is changed, every wrong input
is one sentence, and it may be interrupted anywhere and run again.
"""

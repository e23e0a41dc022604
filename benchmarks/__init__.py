"""Measured, never asserted on a clock: how long people wait, beside the raw homeserver in the same run.

Only ratios and counts carry over from one machine to another; absolute times do not.
"""

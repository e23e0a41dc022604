"""Decisions, pure: values in, values out; no await, no clock, no database."""

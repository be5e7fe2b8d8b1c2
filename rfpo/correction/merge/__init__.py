"""Merges: who enters the group, in whose place."""

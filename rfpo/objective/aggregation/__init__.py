"""Losses per token to one scalar, by global counts."""

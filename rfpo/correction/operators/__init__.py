"""Operators: each turns a stuck group into new attempts."""

"""Detached multipliers of the surrogate: the off-policy ratio R_off, engine mismatch."""

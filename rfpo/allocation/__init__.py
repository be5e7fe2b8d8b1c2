"""Which prompt gets how many rollouts."""

from rfpo.allocation._mixed import mixed

__all__ = ["mixed"]

"""Verdicts under a time limit: verifiers run in worker processes that are replaced when they hang or die. No torch."""

from rfpo.verification.verifier import Verifier

__all__ = ["Verifier"]

"""What flows: frozen dataclasses, standard library only.

Prompt --request--> Completion --verify--> Attempt --> Group --operator--> Correction --merge--> Sample --> Batch
"""

from rfpo.records.completion import (
    Attempt,
    Completion,
    Correction,
    Finish,
    Group,
    History,
    Location,
    Outcome,
    Stored,
    Verdict,
)
from rfpo.records.edit_distance import edit_distance
from rfpo.records.prompt import Content, Message, Opening, Prompt, Request, Sampling
from rfpo.records.random_key import RandomKey
from rfpo.records.sample import Origin, Parent, Provenance, Sample, common_prefix

__all__ = [
    "Attempt", "Completion", "Content", "Correction", "Finish", "Group", "History", "Location", "Message", "Opening",
    "Origin", "Outcome", "Parent", "Prompt", "Provenance", "RandomKey", "Request", "Sample", "Sampling", "Stored", "Verdict",
    "common_prefix", "edit_distance",
]

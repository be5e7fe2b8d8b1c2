"""What flows: frozen dataclasses, standard library only.

Prompt --request--> Completion --verify--> Attempt --> Group --operator--> Correction --merge--> Sample --> Batch
"""

from rfpo.records.completion import Attempt, Completion, Correction, Finish, Group, Location, Outcome, Verdict
from rfpo.records.prompt import Content, Message, Prompt, Request, Sampling
from rfpo.records.random_key import RandomKey
from rfpo.records.sample import Origin, Parent, Provenance, Sample, common_prefix

__all__ = [
    "Attempt", "Completion", "Content", "Correction", "Finish", "Group", "Location", "Message", "Origin", "Outcome",
    "Parent", "Prompt", "Provenance", "RandomKey", "Request", "Sample", "Sampling", "Verdict", "common_prefix",
]

"""Reward shaping between verdict and advantage: a chain of Sample -> Sample steps."""

from typing import ClassVar, Protocol, runtime_checkable

from rfpo.records import Sample


@runtime_checkable
class Shaping(Protocol):
    """One step of the chain. It may change `reward` and add to `rewards`; never the outcome."""

    room: ClassVar[str] = "rfpo.rewards"

    def __call__(self, sample: Sample) -> Sample: ...

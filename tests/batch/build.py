"""Samples by hand."""

from rfpo.records import Outcome, Sample


def sample(tokens=(5, 6), *, prompt="p", visit=0, context=(1, 2), reward=0.0, trained=None, **rest) -> Sample:
    return Sample(context=context, tokens=tokens, trained=trained or (True,) * len(tokens), outcome=Outcome.WRONG,
                  reward=reward, group=(prompt, visit), **rest)

"""Tries, corrections and a merged group's advantages, for the tests of the merges."""

from dataclasses import replace

import pytest

from rfpo.batch import collate
from rfpo.correction import Try
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.records import Correction, RandomKey, Verdict
from tests.correction.builders import CONTEXT, PROMPT, SAMPLING, attempt, group, wrong

GUIDED = (8, 8, 8)


def stuck(size=8, visit=0):
    """A group of wrong answers, "a", "b", ..."""
    return group(*(wrong(letter) for letter in "abcdefghijklmnop"[:size]), visit=visit)


def tried(of, text, verdict=None, *, context=GUIDED, put=0, number=0, **told):
    """A judged try: SOLVED unless the verdict says otherwise, its first `put` tokens not drawn."""
    told = {"help": "place", "located": True} | told
    key = RandomKey(purpose="fix_located", attempt=number)
    request = Try(PROMPT, "corrected, please", key, sampling=SAMPLING, of=of, **told)
    made = attempt(text, verdict or Verdict.solved(text), request=request, context=context)
    logps = (None,) * put + made.completion.logps[put:]
    return replace(made, completion=replace(made.completion, logps=logps))


def correction(by, **rest):
    """The correction that a successful try is."""
    told = by.completion.request
    return Correction(told.of, by, "fix_located", told.key.attempt + 1, told.help, told.located, level=told.level,
                      origin=told.origin, **rest)


def corrected(of, text="46", leaks=(), **told):
    return correction(tried(of, text, **told), leaks=leaks)


def texts(rows):
    return [row.provenance.text for row in rows]


def of_stream(rows, stream="policy"):
    return [row for row in rows if row.stream == stream]


def centred(rows, stream="policy", baseline="group"):
    """Each row's advantage, its reward minus its group's mean."""
    return GroupCentred(baseline=baseline)(collate(of_stream(rows, stream), 9))[:, 0].tolist()


def population(rows, stream="policy"):
    """Each row's z-score with the std of the population, from the unbiased one's, for groups of one size."""
    batch = collate(of_stream(rows, stream), 9)
    size = batch.group.bincount()[0].item()
    return (GroupZscore()(batch)[:, 0] * (size / (size - 1)) ** 0.5).tolist()


def near(*values):
    return pytest.approx(list(values), abs=5e-3)


__all__ = ["CONTEXT", "GUIDED", "centred", "corrected", "correction", "near", "of_stream", "population", "stuck", "texts",
           "tried"]

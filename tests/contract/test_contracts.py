"""Every piece in every room of the objective, and the honest pieces of the tests themselves, keep every contract."""

from dataclasses import MISSING, fields, is_dataclass

import pytest

from rfpo.objective import Objective
from rfpo.pieces import find, kind_of, names, summary
from tests.contract import honest
from tests.contract.contracts import SLOTS, contracts_of, narrowed, slot, slot_of_annotation, variants

ROOMS = {name: f"rfpo.objective.{name}" for name in SLOTS}
STAND_INS = {"advantage": honest.Centred, "weight": honest.OffPolicy, "ratio": honest.TokenRatio, "surrogate": honest.Linear,
             "regularizer": honest.ReverseKL, "aggregation": honest.TokenMean}


def built(cls):
    """A piece with its defaults; a required field that is itself a piece gets a plain one of its slot."""
    required = [f.name for f in fields(cls) if f.init and f.default is MISSING and f.default_factory is MISSING]
    return cls(**{name: STAND_INS[slot_of_annotation(cls, name)]() for name in required})


def title(piece) -> str:
    """The piece's name and those of its fields that are not at their defaults."""
    if slot(piece) == "objective":
        return f"with {type(piece.advantage).__name__}"
    changed = [f"{f.name}={getattr(piece, f.name)}" for f in fields(piece)
               if not is_dataclass(getattr(piece, f.name)) and getattr(piece, f.name) != f.default]
    return " ".join([kind_of(piece).rpartition(":")[2], *changed])


HONEST = [honest.Centred(), honest.ZScore(), honest.LeaveOneOut(), honest.OnPolicy(), honest.TokenRatio(),
          honest.SequenceRatio(), honest.Linear(), honest.Clip(), honest.DetachedCap(),
          honest.ClipTimesWeight(honest.OffPolicy()), honest.OffPolicy(), honest.Trusting(), honest.ReverseKL(),
          honest.EntropyBonus(),
          honest.TokenMean(), honest.SequenceMean(), honest.SequenceSum(), honest.ConstantLength()]
OURS = [piece for room in ROOMS.values() for kind in names(room) for piece in variants(built(find(room, kind)))]
WHOLE = [Objective(advantage=honest.ZScore(), ratio=honest.TokenRatio(), surrogate=honest.Clip(),
                   aggregation=honest.TokenMean(), weights=(honest.OffPolicy(),), regularizers=(honest.ReverseKL(),)),
         Objective(advantage=honest.ValueBaseline(), ratio=honest.SequenceRatio(), surrogate=honest.DetachedCap(),
                   aggregation=honest.SequenceSum(), weights=(honest.Trusting(),))]
CASES = [pytest.param(piece, contract, id=f"{slot(piece)}-{title(piece)}-{contract.__name__}")
         for piece in OURS + HONEST + WHOLE for contract in contracts_of(piece)]


@pytest.mark.parametrize(("piece", "contract"), CASES)
def test_the_piece_keeps_the_contract(piece, contract):
    if contract.__name__ not in narrowed(piece):
        contract(piece)
        return
    with pytest.raises(AssertionError):
        contract(piece)


@pytest.mark.parametrize("piece", OURS, ids=title)
def test_a_narrowing_names_a_contract_and_gives_a_reason(piece):
    known = {contract.__name__ for contract in contracts_of(piece)}
    for name, reason in narrowed(piece).items():
        assert name in known and len(reason.split()) >= 3


@pytest.mark.parametrize("piece", OURS, ids=title)
def test_the_piece_has_a_summary(piece):
    assert summary(f"rfpo.objective.{slot(piece)}", kind_of(piece))

"""The contracts can fail: each wrong piece is caught by the contract that is named for it, and its twin is not."""

from functools import partial

import pytest

from tests.contract import contracts
from tests.contract.test_golden import GOLDEN, Constant
from tests.mutants.broken import MUTANTS


def subject(piece):
    """Pieces built around a weight are given as a class; their golden numbers vary that weight."""
    return (lambda factor: piece(Constant(factor))) if isinstance(piece, partial) else piece


def title(mutant) -> str:
    broken = mutant.broken.func if isinstance(mutant.broken, partial) else type(mutant.broken)
    return f"{broken.__name__}-{mutant.contract.__name__}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=title)
def test_the_named_contract_kills_the_mutant(mutant):
    mutant.contract(subject(mutant.honest))
    with pytest.raises(mutant.error):
        mutant.contract(subject(mutant.broken))


def test_there_are_at_least_25_mutants():
    assert len({title(mutant).partition("-")[0] for mutant in MUTANTS}) >= 25


def test_every_contract_and_every_golden_number_can_fail():
    ours = {contract for slot in contracts.SLOTS for contract in contracts.EVERY + contracts.BY_SLOT[slot]}
    wanted = ours | set(contracts.OBJECTIVE) | {check for check, *_ in GOLDEN}
    assert {contract.__name__ for contract in wanted - {mutant.contract for mutant in MUTANTS}} == set()

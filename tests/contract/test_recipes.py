"""The objective of every recipe keeps what an objective promises."""

import pytest

from rfpo.recipes import recipe, recipe_names
from tests.contract.contracts import OBJECTIVE, narrowed


@pytest.mark.parametrize("contract", OBJECTIVE, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("name", recipe_names())
def test_the_recipes_objective_keeps_the_contract(name, contract):
    objective = recipe(name).objective
    if contract.__name__ in {known for piece in objective.pieces for known in narrowed(piece)}:
        pytest.skip("one of its pieces narrows this contract")
    if contract.__name__ == "reinforce_at_ratio_one" and objective.regularizers:
        pytest.skip("a regularizer has a gradient of its own")
    contract(objective)

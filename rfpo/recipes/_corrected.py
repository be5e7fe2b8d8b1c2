"""The one combinator of RFPO: any recipe, with its stuck groups corrected."""

from dataclasses import replace

from rfpo.config.run import Fixing, Run
from rfpo.correction import Merge, Operator
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective import Weight
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio

ALL_WRONG, FIX_LOCATED, REPLACE_ONE = AllWrong(), FixLocated(), ReplaceOne()
OFF_POLICY_RATIO = OffPolicyRatio(gamma=0.0)
"""In its place and switched off: with gamma = 0 it is 1 on every row. recipes/rfpo.py says why."""


def corrected(base: Run, *, diagnosis: Diagnosis = ALL_WRONG, operator: Operator = FIX_LOCATED, merge: Merge = REPLACE_ONE,
              weight: Weight | None = OFF_POLICY_RATIO) -> Run:
    """The base run with a correction stage and one more weight: the off-policy ratio, with gamma = 0, which is no weight.

    Everything else of the base stays as it is, so every path that `--set` can name in it stays valid. `weight=None` adds
    the stage alone: the corrections are then trained like any other response.
    """
    weights = base.objective.weights if weight is None else (*base.objective.weights, weight)
    return replace(base, fixing=Fixing(diagnosis=diagnosis, operator=operator, merge=merge),
                   objective=replace(base.objective, weights=weights))

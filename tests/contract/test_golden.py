"""The numbers worked by hand, on the library's pieces and on the tests' own."""

from dataclasses import dataclass
from math import log

import pytest
import torch

from rfpo.objective import Objective, Weight
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.advantage.leave_one_out import LeaveOneOut
from rfpo.objective.aggregation.constant_length import ConstantLength
from rfpo.objective.aggregation.sequence_mean import SequenceMean
from rfpo.objective.aggregation.sequence_sum import SequenceSum
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.sequence import Sequence
from rfpo.objective.regularizer.entropy_bonus import EntropyBonus
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.clip_times_weight import ClipTimesWeight
from rfpo.objective.surrogate.detached_cap import DetachedCap
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from tests.contract import golden, honest


@dataclass(frozen=True)
class Constant(Weight):
    """The same weight everywhere."""

    factor: float
    needs = frozenset()

    def log(self, policy, batch):
        return torch.full_like(policy.logp[:, :1], log(self.factor))


WHOLE = Objective(advantage=honest.Centred(), ratio=honest.TokenRatio(), surrogate=honest.Linear(),
                  aggregation=honest.TokenMean(), weights=(honest.OffPolicy(),), regularizers=(honest.ReverseKL(beta=0.1),))
GOLDEN = [
    (golden.weights_multiply_and_regularizers_add, WHOLE),
    (golden.clips_each_side, Clip(low=0.2, high=0.28), honest.Clip(low=0.2, high=0.28)),
    (golden.dual_clip_bounds_punishment_only, Clip(high=0.28, dual=3.0), honest.Clip(dual=3.0)),
    (golden.cap_is_the_weight_of_the_log_prob, DetachedCap(cap=2.0), honest.DetachedCap(cap=2.0)),
    (golden.printed_form_has_its_table, lambda r: ClipTimesWeight(Constant(r)), lambda r: honest.ClipTimesWeight(Constant(r))),
    (golden.off_policy_ratio_is_of_means, OffPolicyRatio(cap=2.0), honest.OffPolicy()),
    (golden.k3_is_positive_and_points_home, KlToReference(coefficient=0.1, estimator="k3"), honest.ReverseKL(beta=0.1)),
    (golden.entropy_is_rewarded, EntropyBonus(coefficient=0.01), honest.EntropyBonus(coefficient=0.01)),
    (golden.unbiased_std_of_the_group, GroupZscore()),
    (golden.population_std_of_the_group, honest.ZScore()),
    (golden.centred_on_the_group, GroupCentred(), honest.Centred()),
    (golden.others_are_the_baseline, LeaveOneOut(), honest.LeaveOneOut()),
    (golden.sequence_ratio_is_the_geometric_mean, Sequence(), honest.SequenceRatio()),
    (golden.token_mean_number, TokenMean(), honest.TokenMean()),
    (golden.sequence_mean_number, SequenceMean(), honest.SequenceMean()),
    (golden.sequence_sum_number, SequenceSum(), honest.SequenceSum()),
    (golden.constant_length_number, ConstantLength(), honest.ConstantLength()),
]


@pytest.mark.parametrize(("check", "piece"), [pytest.param(check, piece, id=f"{check.__name__}-{i}")
                                              for check, *pieces in GOLDEN for i, piece in enumerate(pieces)])
def test_the_numbers_worked_by_hand(check, piece):
    check(piece)

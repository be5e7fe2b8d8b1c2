from rfpo.config.run import Run
from rfpo.objective.advantage.virtual_reward import VirtualReward
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def ngrpo() -> Run:
    """NGRPO: every group is thought to hold one right answer more, so that a group of wrong ones is pushed away.

        A = (R - mean') / std',   mean' and std' over the group's rewards and one virtual reward of 1

    The clip is .16 below and .24 above. It can take probability from wrong answers; it cannot say where it should go. A group
    whose answers are all right has the advantage 0.

    Differs from the paper: nothing known of the objective; its text speaks of all-wrong groups, its code calibrates every
    group, and so does this.

    Paper: arXiv 2509.18851; census row none.
    """
    return with_objective(grpo(), advantage=VirtualReward(reward=1.0, count=1), surrogate=Clip(low=0.16, high=0.24))

from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.reflections import Reflections
from rfpo.correction.merge.two_turns import TwoTurns
from rfpo.correction.operators.reflect_then_retry import ReflectThenRetry
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.objective.advantage.reward import Reward
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def erl() -> Run:
    """ERL: a failure is reflected on and tried again; both are trained, and the success once more under the plain prompt.

        wrong answers  ->  8 reflections  ->  a second attempt after each

        first attempts     GRPO, original prompt
        second attempts    GRPO among themselves, in the prompt that holds the reflection
        reflections        GRPO among themselves, in their prompt,   R = mean success of the second attempts after it
        consolidation      right second attempts again, under the original prompt, A = max(R, 0), in a loss of its own

    All with the clip .2 below and .28 above. The consolidation is the stream "imitation", beside the others with the
    coefficient 1.

    Differs from the paper: no memory across prompts, and no system prompt that the reflection edits; the environment says
    right or wrong and no more; the distinct wrong answers are reflected on in turn.

    Differs from its released code: no KL penalty of .001 (`--set
    'objective.regularizers=[{kind="kl_to_reference", coefficient=0.001}]'`); temperature 1, there .7; 8 answers, there 4.

    UNVERIFIED: how many second attempts a reflection is rewarded by (`fixing.operator.retries`).

    Paper: arXiv 2602.13949; census row none.
    """
    run = corrected(grpo(), diagnosis=EachWrong(), operator=ReflectThenRetry(tries=8, at_once=8),
                    merge=Reflections(beside=TwoTurns(distilled=True)), weight=None)
    run = with_objective(run, surrogate=Clip(low=0.2, high=0.28))
    consolidated = replace(run.objective, advantage=Reward(floor=0.0))
    return replace(run, streams={"imitation": ExtraStream(objective=consolidated)})

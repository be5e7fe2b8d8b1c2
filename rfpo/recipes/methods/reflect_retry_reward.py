from rfpo.config.run import Run
from rfpo.correction.merge.reflections import Reflections
from rfpo.correction.operators.reflect_then_retry import ReflectThenRetry
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def reflect_retry_reward() -> Run:
    """Reflect, Retry, Reward (RRR): only the words of a reflection are trained, by whether the retry after it succeeds.

        wrong answer  ->  8 reflections, each drawn in its own prompt  ->  one retry each
        row: the reflection under the prompt that asked for it,   R = 1 where its retry is right, else 0,   A = z-score of R

    Neither the first answers nor the retries are trained, so the model gets better at mending and not at answering.
    Reflections are on-policy where they are trained: no weight. A prompt whose answers are all right, and one on which no
    reflection or each of them helped, teaches nothing.

    Differs from the paper: failures are those of the present policy and not of a data set that was collected before; the
    reflections that are compared are about the distinct wrong answers of the group in turn, there about one; the retry of a
    chat is asked for in one message.

    UNVERIFIED: its hyper-parameters, among them how many reflections are compared (`fixing.operator.tries`, with `at_once`
    equal to it) and how long one may be (`fixing.operator.reflection_tokens`), and its prompts; released code was not found.

    Paper: arXiv 2505.24726; census row 2.
    """
    return corrected(grpo(), diagnosis=EachWrong(), operator=ReflectThenRetry(tries=8, at_once=8), merge=Reflections(),
                     weight=None)

"""pass@k by hand, and what it is averaged over."""

import json
from dataclasses import replace
from itertools import combinations

import pytest

from rfpo.engines.scripted import ScriptedEngine
from rfpo.records import RandomKey, Sampling
from rfpo.training.evaluate import Evaluated, Scores, pass_at_k, score
from tests.training.scripted import RIGHT, judge, sum_of


@pytest.mark.parametrize("n, c, k, expected", [
    (4, 0, 2, 0.0), (4, 1, 1, 0.25), (4, 1, 2, 0.5), (4, 2, 2, 5 / 6), (4, 3, 2, 1.0), (4, 1, 4, 1.0), (8, 2, 3, 1 - 20 / 56)])
def test_pass_at_k_by_hand(n, c, k, expected):
    assert pass_at_k(n, c, k) == pytest.approx(expected)


def test_pass_at_k_is_the_share_of_draws_with_a_right_answer():
    answers = [True, True, False, False, False, False]
    draws = list(combinations(answers, 3))
    assert pass_at_k(6, 2, 3) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))


@pytest.mark.parametrize("k", [0, 5])
def test_k_beyond_the_samples_is_an_error(k):
    with pytest.raises(ValueError, match=f"k is {k}; pass@k from 4 samples needs 1 <= k <= 4"):
        pass_at_k(4, 2, k)


SCORES = Scores(tasks=("a", "a", "b"), prompts=("a/1", "a/2", "b/1"), graded=(4, 1, 4), solved=(1, 1, 4), tokens=90,
                truncated=2, ungraded=3)


def test_a_prompt_with_fewer_graded_answers_than_k_is_left_out():
    assert SCORES.pass_at(1, "a") == pytest.approx((0.25 + 1) / 2)
    assert SCORES.pass_at(2, "a") == pytest.approx(0.5)
    assert SCORES.pass_at(2) == pytest.approx((0.5 + 1) / 2)
    assert SCORES.pass_at(5, "a") is None


def test_the_table_and_the_file():
    table = Evaluated(SCORES, (1, 8)).table().splitlines()
    assert table[0].split() == ["task", "prompts", "pass@1", "pass@8"]
    assert [line.split() for line in table[1:4]] == [["a", "2", "0.6250", "-"], ["b", "1", "1.0000", "-"],
                                                     ["all", "3", "0.7500", "-"]]
    assert table[4] == "90 tokens generated, 2 answers truncated, 3 ungraded"
    failing = Evaluated(SCORES, (1,), reasons=(("RuntimeError: no key", 3),)).table().splitlines()
    assert failing[-1] == "ungraded: RuntimeError: no key (3)"
    written = json.loads(Evaluated(SCORES, (1,)).to_json())
    assert written["tasks"]["all"] == {"pass@1": 0.75, "prompts": 3}
    assert written["prompts"][1] == {"task": "a", "prompt": "a/2", "graded": 1, "solved": 1}


def test_answers_are_scored_ungraded_ones_apart():
    prompts = [sum_of(47, 85), sum_of(11, 11)]
    engine = ScriptedEngine(lambda request, j: [RIGHT, "?", RIGHT + 99 * "0"][j])
    key = RandomKey(seed=5, step=2, purpose="evaluation")
    scores, attempts = score(engine, judge, prompts, Sampling(max_tokens=20), 3, key)
    assert (scores.graded, scores.solved, scores.ungraded, scores.truncated) == ((2, 2), (1, 0), 2, 2)
    assert scores.tokens == 2 * (14 + 2 + 20)
    assert [request.key for request in engine.requests] == [
        replace(key, prompt=prompt.id) for prompt in prompts]
    assert len(attempts) == 2 and len(attempts[0]) == 3

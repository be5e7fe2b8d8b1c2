"""Methods that put a hint into the prompt: what the model is told, and what is trained, under which prompt."""

import math
from dataclasses import replace

import pytest

from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes import recipe
from rfpo.training.state import LoopState
from tests.recipes.methods.hinting import HALF, HINTS, WRONG, advantages, plays, scored, texts
from tests.training.scripted import CARRY, HARD, RIGHT, Parted


def test_scaf_grpo_puts_the_least_hinted_success_in_a_random_place_under_its_hint():
    play = plays("scaf_grpo", lambda request, number: number >= 1)
    assert [[hint in request.content for hint in HINTS] for request in play.asked] == [
        [True, False, False], [False, True, False], [False, False, True]]
    rows = play.rows()
    (helped,) = [row for row in rows if row.origin == "corrected"]
    assert (helped.text, helped.trained, helped.context, helped.weight) == (RIGHT, RIGHT, play.asked[1].content, 1.0)
    assert helped.parent == "" and len(rows) == 4 and {row.group for row in rows} == {helped.group}
    plain = [row for row in rows if row is not helped]
    assert {row.context for row in plain} == {HARD.content} and helped.baseline
    assert advantages([helped, *plain]) == scored(1, 0, 0, 0)


def test_scaf_grpos_place_is_drawn_and_not_its_parents():
    places, state = set(), LoopState()
    for _ in range(16):
        play = plays("scaf_grpo", lambda request, number: number == 2, state=state)
        places.add([row.origin for row in play.rows()].index("corrected"))
    assert len(places) >= 3  # try 2 corrects the first answer, every time


def test_scaf_grpo_helps_after_its_exemption_and_only_where_there_are_hints():
    assert plays("scaf_grpo", progress=0.1499).asked == [] and len(plays("scaf_grpo", progress=0.15).asked) == 3
    assert plays("scaf_grpo", prompts=[HARD]).asked == []


def test_ghpo_draws_the_whole_group_again_with_more_of_the_solution_until_one_is_right():
    play = plays("ghpo", lambda request, number: RIGHT[:6] in request.content and number % 2 == 1)
    told = [next(share for share in (9, 6, 3) if f"\n{RIGHT[:share]}\n" in request.content) for request in play.asked]
    assert told == [3] * 4 + [6] * 4  # of 13 characters 25 and 50%, rounded down
    rows = play.rows()
    assert texts(rows) == [CARRY, RIGHT] * 2 and {row.context for row in rows} == {play.asked[-1].content}
    assert advantages(rows) == HALF
    assert {(row.weight, row.parent, row.origin) for row in rows} == {(1.0, "", "corrected")}
    assert play.bench.run.objective.aggregation == TokenMean()


def test_ghpo_gives_up_after_three_quarters():
    play = plays("ghpo", lambda request, number: False)
    assert len(play.asked) == 12 and play.bench.engine.updates == []


def test_sage_writes_its_hints_from_the_reference_and_trains_under_the_least_that_helps():
    play = plays("sage", lambda request, number: HINTS[1] in request.content and number % 2 == 1)
    assert [request.judged for request in play.asked] == [False, *[True] * 4] * 2
    assert all((RIGHT in request.content) == (not request.judged) and request.to == "policy" for request in play.asked)
    assert "strength 1 on a scale from 1 to 3" in play.asked[0].content and "strength 2" in play.asked[5].content
    rows = play.rows()
    assert {row.context for row in rows} == {play.asked[-1].content} and HINTS[1] in rows[0].context
    assert texts(rows) == [CARRY, RIGHT] * 2 and advantages(rows) == HALF
    assert play.bench.run.objective.surrogate == Clip(low=0.2, high=0.28) and play.state.tokens.correction > 8 * 14


class Uneven(Parted):
    """Tries have behaviour log-probs of -0.4 and -0.6 in turn, or `far` from -0.5: log pi_old - log mu is -+0.1 or -far."""

    far: float | None = None

    def _complete(self, request, sample):
        made = super()._complete(request, sample)
        if request.key.purpose == "rollout":
            return made
        gaps = [0.1 if t % 2 else -0.1 for t in range(len(made.tokens))] if self.far is None else [self.far] * len(made.tokens)
        return replace(made, logps=tuple(-0.5 + gap for gap in gaps))


class Far(Uneven):
    far = -0.4


def test_hint_trains_the_hinted_group_without_its_hint_by_its_affinity(monkeypatch):
    monkeypatch.setattr("tests.recipes.played.Parted", Uneven)
    play = plays("hint")
    assert all(HINTS[0] in request.content and request.to == "policy" for request in play.asked) and len(play.asked) == 4
    rows = play.rows()
    assert texts(rows) == [CARRY, RIGHT] * 2 and {row.context for row in rows} == {HARD.content}
    affinity = math.exp(-0.1 / (math.log(1.2) / 2))  # all tokens in the band, their log ratios deviate by .1
    z = math.sqrt(0.75)
    assert advantages(rows) == pytest.approx([-z * affinity, z * affinity] * 2, rel=1e-3)
    monkeypatch.setattr("tests.recipes.played.Parted", Far)
    assert plays("hint").bench.engine.updates == []  # no token in the band: exp(.4) > 1.2


def test_guide_trains_the_hinted_group_without_its_hint_by_the_importance_weight(monkeypatch):
    monkeypatch.setattr("tests.recipes.played.Parted", Far)
    play = plays("guide")
    rows = play.rows()
    assert len(play.asked) == 4 and HINTS[0] in play.asked[0].content
    assert texts(rows) == [CARRY, RIGHT] * 2 and {row.context for row in rows} == {HARD.content}
    assert [row.weight for row in rows] == pytest.approx([math.exp(0.4)] * 4, rel=1e-5)  # -0.5 over -0.9
    assert advantages(rows) == HALF


def test_nurl_keeps_one_plain_answer_beside_the_hinted_ones():
    play = plays("nurl")
    assert [request.judged for request in play.asked] == [False, True, True, True]
    assert RIGHT in play.asked[0].content and "general knowledge or strategy" in play.asked[0].content
    rows = play.rows()
    assert [row.origin for row in rows] == ["sampled", *["corrected"] * 3] and texts(rows) == [CARRY, CARRY, RIGHT, CARRY]
    assert [row.context for row in rows] == [HARD.content, *[play.asked[-1].content] * 3] and HINTS[0] in rows[1].context
    assert len({row.group for row in rows}) == 1 and advantages(rows) == scored(0, 0, 1, 0)
    assert recipe("nurl").fixing.operator.n == recipe("nurl").group_size - 1


def test_questa_trains_hard_prompts_with_a_part_of_the_solution_in_them_and_no_others():
    for progress, shown in ((0.0, "7502;4813;"), (0.49, "7502;4813;"), (0.5, "7502;")):
        play = plays("questa", progress=progress, answers=[CARRY, RIGHT, RIGHT, CARRY])  # half of them right: hard
        rows = play.rows()
        assert f"\n{shown}\n" in play.asked[0].content and {row.context for row in rows} == {play.asked[0].content}
        assert texts(rows) == [CARRY, RIGHT] * 2 and all(row.trained == row.text for row in rows)
        assert advantages(rows) == HALF
    easy = plays("questa", answers=[RIGHT, RIGHT, RIGHT, CARRY])
    assert easy.asked == [] and easy.rows() == []
    assert plays("questa", lambda request, number: False).bench.engine.updates == []  # 4 of 8, hinted or not


def test_pope_trains_a_second_group_beside_the_plain_one():
    play = plays("pope")
    rows, shown = play.rows(), play.asked[0].content
    assert "\n7502;\n" in shown and "7502;4813;" not in shown
    plain, guided = rows[:4], rows[4:]
    assert texts(plain) == WRONG and {(row.origin, row.context) for row in plain} == {("sampled", HARD.content)}
    assert texts(guided) == [CARRY, RIGHT] * 2 and {(row.origin, row.context) for row in guided} == {("corrected", shown)}
    assert len({row.group for row in plain}) == len({row.group for row in guided}) == 1 and plain[0].group != guided[0].group
    assert advantages(plain) == [0.0] * 4 and advantages(guided) == HALF

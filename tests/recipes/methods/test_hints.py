"""Methods that hint, or that begin the answer: what the model is told, and what of it is trained, under which prompt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

import pytest
import torch

from rfpo.cli import main
from rfpo.config.refuse import no_critic, refuse_prompts
from rfpo.critics import Critic
from rfpo.errors import UserError
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.regularizer.imitation import Imitation
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes import recipe
from rfpo.records import RandomKey, Request
from rfpo.reporting.store import RunStore
from rfpo.training.state import LoopState
from tests.objective.build import batch, close, gradient, policy
from tests.recipes.played import played
from tests.training.build import STUDENT, sets
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, Parted

WRONG = [CARRY, RESULT, CARRY, RESULT]
HINTS = ["mind the carry", "write every carry down", "column one carries"]
HINTED = replace(HARD, data={"hints": HINTS})

WHEN_STUCK = ["scaf_grpo", "ghpo", "sage", "hint", "guide", "nurl", "hint_grpo", "bread", "pope"]
ALL = [*WHEN_STUCK, "g2rpo_a", "uft", "prefix_rft", "questa"]
TRIES = {"scaf_grpo": 1, "nurl": 3, "g2rpo_a": 2, "prefix_rft": 1}  # of a group of four; else as many as it has


@dataclass(frozen=True)
class Teacher(Critic):
    """Gives the same hint to every question."""

    def answer(self, requests: Sequence[Request]) -> list[tuple[str, ...]]:
        return [(HINTS[0],) * request.n for request in requests]


def beginning(request) -> str:
    """What was put at the beginning of the answer."""
    return "".join(chr(token - 1) for token in request.prefix if token)


def plays(name, right=lambda request, number: number % 2 == 1, answers=WRONG, **changes):
    """The recipe on a group of four; `right` says of a try's request and number whether it ends well, and what is asked on the
    way to it is answered with the hint of its level."""
    count, levels = TRIES.get(name, 4), iter(range(10**6))

    def script(request, j):
        if request.key.purpose == "rollout":
            return answers[j]
        if not request.judged:
            return HINTS[next(levels) % len(HINTS)]
        put = beginning(request)
        good = right(request, request.key.attempt)
        return RIGHT[len(put):] if good else CARRY[len(put):] if CARRY.startswith(put) else "0"

    critic = {"fixing__critic": f"{__name__}:Teacher"} if name in ("hint", "guide") else {}
    return played(name, script, **({"prompts": [HINTED], "fixing__operator__n": count, "progress": 0.5} | critic | changes))


def texts(rows):
    return [row.text for row in rows]


def advantages(rows):
    return [row.advantage for row in rows]


def scored(*rewards):
    """The z-scores of these rewards, with the unbiased deviation, as GRPO has them."""
    return pytest.approx([(reward - fmean(rewards)) / stdev(rewards) for reward in rewards], rel=1e-3)


HALF = scored(0, 1, 0, 1)


# What all of them keep


@pytest.mark.parametrize("name", WHEN_STUCK)
def test_a_group_with_a_success_is_grpos(name):
    mixed = plays(name, answers=[CARRY, RIGHT, RESULT, CARRY])
    assert mixed.asked == [] and texts(mixed.rows()) == [CARRY, RIGHT, RESULT, CARRY]
    assert advantages(mixed.rows()) == scored(0, 1, 0, 0)


@pytest.mark.parametrize("name", ALL)
def test_twenty_steps(name):
    play = plays(name, lambda request, number: RandomKey(step=request.key.step, sample=number).number() % 3 == 0, steps=20)
    assert play.state.step == 20 and play.state.updates >= 5 and play.state.skipped_updates == 0
    assert play.state.tokens.rollout == 20 * 4 * 14 and play.state.tokens.correction > 0
    assert all(math.isfinite(value) for value in play.metrics.values() if isinstance(value, float))
    assert all(math.isfinite(row.advantage) and math.isfinite(row.weight) for row in play.rows())


@pytest.mark.parametrize("name", [name for name in ALL if name != "scaf_grpo"])
def test_a_task_without_solutions_is_refused(name):
    with pytest.raises(UserError, match="no prompt of task 'column_addition' has a solution"):
        refuse_prompts(recipe(name), [replace(HARD, solution=None)])
    assert (no_critic(recipe(name)) is not None) == (name in ("hint", "guide"))


# Hints in the prompt


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


@pytest.mark.parametrize("name, slope", [("guide", math.exp(2)), ("g2rpo_a", 1.0), ("hint", 0.0)])
def test_the_clip_holds_plain_rows_and_not_the_helped_ones(name, slope):
    """Two tokens, sampled and corrected, have become e times likelier: GRPO's clip lets go of both. mu was e^-3."""
    data = batch(((1,), (1,)), old=[[-2.0], [-2.0]], behaviour=[[-2.0], [-3.0]], known=[[1], [1]], origin=[0, 1])
    now = policy([[-1.0], [-1.0]])
    data = replace(data, advantage=torch.ones(2, 1, dtype=torch.float64))
    close(gradient(recipe(name).objective(now, data), now.logp), [[0.0], [-slope / 2]])


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


# Beginnings of the answer


def test_hint_grpo_trains_what_was_drawn_after_half_of_the_reference():
    play = plays("hint_grpo")
    assert [beginning(request) for request in play.asked] == ["7502;4813;"] * 4
    rows = play.rows()
    assert texts(rows) == ["7502;4813;0", RIGHT] * 2 and [row.trained for row in rows] == ["0", "132"] * 2
    assert {(row.context, row.weight) for row in rows} == {(HARD.content, 1.0)}
    assert advantages(rows) == HALF
    assert play.bench.run.objective.regularizers == (KlToReference(coefficient=0.04),)
    stuck = plays("hint_grpo", lambda request, number: False)
    assert texts(stuck.rows()) == WRONG and {row.advantage for row in stuck.rows()} == {0.0}


def test_hint_grpo_takes_the_least_hinted_of_several_groups():
    play = plays("hint_grpo", lambda request, number: len(beginning(request)) > 5 or number == 1,
                 fixing__operator__shares=(0.3, 0.6))
    assert [beginning(request) for request in play.asked] == ["7502;"] * 4 + ["7502;4813;"] * 4
    assert [row.trained for row in play.rows()] == ["4803;122", "4813;132", "4803;122", "4803;122"]


def test_g2rpo_a_adds_two_begun_answers_to_every_group_and_trains_their_beginnings_too():
    for answers in (WRONG, [RIGHT] * 4):
        play = plays("g2rpo_a", answers=answers, progress=0.0)
        assert [beginning(request) for request in play.asked] == ["7502;4813;"] * 2
        rows = play.rows()
        assert texts(rows) == [*answers, "7502;4813;0", RIGHT] and [row.origin for row in rows[4:]] == ["corrected"] * 2
        assert all(row.trained == row.text and row.context == HARD.content and row.weight == 1.0 for row in rows)
        assert len({row.group for row in rows}) == 1
        assert advantages(rows) == scored(*(text == RIGHT for text in texts(rows)))
    run = recipe("g2rpo_a")
    assert (run.group_size, run.fixing.operator.n) == (10, 2)
    late = plays("g2rpo_a", progress=1.0)
    assert beginning(late.asked[0]) == "" and [row.origin for row in late.rows()] == ["sampled"] * 6


def test_uft_reinforces_what_was_drawn_and_imitates_what_was_put_there():
    seen, state = set(), LoopState()
    for _ in range(16):
        play = plays("uft", progress=0.45, state=state)  # p = .18
        (put,) = {beginning(request) for request in play.asked}  # the whole group begins alike
        rows = play.rows()
        assert texts(rows) == [CARRY if CARRY.startswith(put) else put + "0", RIGHT] * 2
        assert all(row.trained == row.text and row.context == HARD.content for row in rows)
        assert rows[1].weight == pytest.approx((14 - len(put)) / 14, rel=1e-5)  # the put tokens have weight 0
        assert advantages(rows) == HALF
        seen.add(put)
    assert {"", "7502;", "7502;4813;"} <= seen
    assert play.bench.run.objective.regularizers == (Imitation(coefficient=0.001, origins=("corrected",), tokens="put"),)


def test_uft_imitates_in_a_group_without_a_success_too():
    play = plays("uft", lambda request, number: False, answers=[RIGHT] * 4, progress=0.0)
    assert {row.advantage for row in play.rows()} == {0.0} and len(play.bench.engine.updates) == 1
    assert {row.origin for row in play.rows()} == {"corrected"}  # the plain group is not trained


@pytest.mark.parametrize("good", [True, False])
def test_prefix_rft_adds_one_answer_and_reinforces_the_least_certain_fifth_of_its_beginning(good):
    play = plays("prefix_rft", lambda request, number: good, answers=[CARRY, RIGHT, RESULT, CARRY], progress=0.0)
    assert [beginning(request) for request in play.asked] == ["7502;4813;"]  # 95%, without the last step
    rows = play.rows()
    assert texts(rows) == [CARRY, RIGHT, RESULT, CARRY, RIGHT if good else "7502;4813;0"]
    assert len({row.group for row in rows}) == 1 and advantages(rows) == scored(0, 1, 0, 0, good)
    assert rows[4].weight == pytest.approx((2 + 4) / 14 if good else (2 + 2) / 12, rel=1e-5)  # 2 of 10 put, and those drawn
    assert [row.weight for row in rows[:4]] == [1.0] * 4 and rows[4].context == HARD.content
    run = recipe("prefix_rft")
    assert "entropy" in run.objective.needs and run.group_size + run.fixing.operator.n == 8


def test_prefix_rfts_beginnings_become_shorter():
    def lengths(progress):
        state = LoopState()
        return [len(beginning(plays("prefix_rft", progress=progress, state=state).asked[0])) for _ in range(12)]

    assert set(lengths(0.0)) == {10} and len(set(lengths(1.0))) >= 2


def test_bread_branches_from_the_shortest_beginning_that_makes_the_group_mixed():
    play = plays("bread", lambda request, number: len(beginning(request)) > 5 or number % 2 == 1)
    assert [beginning(request) for request in play.asked] == ["7502;4813;"] * 4 + ["7502;"] * 4  # all right with more
    rows = play.rows()
    assert texts(rows) == [CARRY, RIGHT] * 2 and [row.trained for row in rows] == ["4803;122", "4813;132"] * 2
    assert {(row.context, row.weight) for row in rows} == {(HARD.content, 1.0)}
    assert advantages(rows) == HALF


# With the shipped student


HINTED_STUDENT = {"fixing__operator__templates": "student", "fixing__operator__unit": "steps"}


@pytest.mark.parametrize("name, changes", [
    ("scaf_grpo", HINTED_STUDENT | {"fixing__operator__source": "reference", "fixing__help__after": 0.0}),
    ("ghpo", HINTED_STUDENT), ("hint_grpo", {}), ("g2rpo_a", {}), ("uft", {}), ("prefix_rft", {}), ("bread", {})])
def test_two_steps_of_the_student(name, changes, tmp_path, monkeypatch):
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
    small = {"group_size": 2, "prompts_per_step": 12, "evaluation__prompts": 0, "fixing__operator__n": 2}
    assert main(["train", name, *STUDENT, "--steps", "2", *sets(**(small | changes)), "--out", str(tmp_path / name)]) == 0
    metrics = [row for row in RunStore.open(tmp_path / name).metrics() if "corrected_rows" in row]
    assert len(metrics) == 2 and sum(row["corrected_rows"] for row in metrics) >= 6
    norms = [row["gradient_norm"] for row in metrics if row["gradient_norm"] is not None]
    assert all(norm > 0 and math.isfinite(norm) for norm in norms) and sum(row["nan_updates"] for row in metrics) == 0
    assert norms or name == "bread"  # whose beginnings make this student right in every answer: nothing to compare

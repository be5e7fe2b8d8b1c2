"""The ladder of hints, and beginnings of the reference."""

from dataclasses import replace

import pytest

from rfpo.correction import _tries as tries_module
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.records import Opening
from tests.correction.begun import STEPS, SUM, asked, never, right, stuck
from tests.correction.builders import play
from tests.correction.hostile import reply, shown


@pytest.fixture(autouse=True)
def nothing_said_yet():
    tries_module.say_once.cache_clear()


# The hint ladder


def helped(request, word):
    return right(request) if word in shown(request) else never(request)


def test_hints_grow_until_one_helps():
    rounds, corrections = play(HintLadder(), stuck("47"), lambda request: helped(request, "1+3"))
    told = [request.content for (request,) in rounds]
    assert len(told) == 2 and "2+4 is" in told[0] and "1+3" not in told[0] and "Together" not in told[1]
    (correction,) = corrections
    assert (correction.level, correction.help, correction.tries, correction.located) == (0.5, "hint", 2, False)
    assert [r.opening for (r,) in rounds] == [None, None]


def test_the_student_is_hinted_at_in_its_own_words():
    prompt = replace(SUM, solution="7502;4813;132", data={})
    requests = asked(HintLadder(templates="student", shares=(0.3, 0.6, 1.0), unit="steps"), stuck("47", prompt=prompt))
    assert [r.content for r in requests] == [f"12+34=<hint>{hint}<fix>" for hint in ("7502;", "7502;4813;", "7502;4813;132")]


def test_all_levels_at_once_use_the_least_that_helps():
    ladder = HintLadder(order="all", n=2, shares=(0.2, 0.5, 0.8))
    rounds, corrections = play(ladder, stuck("47", "48", "49"), lambda r: helped(r, "1+3") if r.key.attempt != 2
                               else never(r))
    assert [[request.level for request in round_] for round_ in rounds] == [[0.2, 0.2, 0.5, 0.5, 0.8, 0.8]]
    assert [(c.level, c.tries) for c in corrections] == [(0.5, 4)]
    assert [request.of.completion.text for request in rounds[0]] == ["47", "48", "49"] * 2


def test_a_whole_level_is_returned():
    _, corrections = play(HintLadder(n=3), stuck("47", "48"), right)
    assert [(c.level, c.of.completion.text) for c in corrections] == [(0.25, "47"), (0.25, "48"), (0.25, "47")]


@pytest.mark.parametrize("level, first", [(0.0, 0.25), (0.25, 0.25), (0.5, 0.5), (0.6, 0.75), (1.0, 0.75)])
def test_the_history_says_where_to_begin(level, first):
    assert asked(HintLadder(start="history"), stuck(level=level))[0].level == first
    assert asked(HintLadder(), stuck(level=level))[0].level == 0.25


def test_levels_without_a_hint_of_their_own_are_left_out():
    short = replace(SUM, data={}, solution="46")
    assert [r.level for r in asked(HintLadder(shares=(0.1, 0.5, 0.7, 1.0)), stuck(prompt=short))] == [0.5, 1.0]
    assert asked(HintLadder(unit="steps"), stuck(prompt=short)) == []


def test_the_policy_writes_the_hints_itself():
    def answer(request):
        if request.role == "hint":
            return reply(request, f"hint {request.level:g}  ")
        return helped(request, "hint 2")

    rounds, corrections = play(HintLadder(source="policy", n=2, hint_tokens=20), stuck("47", "48"), answer)
    assert [[request.role for request in round_] for round_ in rounds] == [["hint"], ["answer"] * 2] * 2
    written = rounds[2][0]
    assert STEPS in written.content and "strength 2" in written.content.lower() and written.to == "policy"
    assert (written.judged, written.help, written.sampling.max_tokens, written.sampling.stop) == (False, "solution", 20, ())
    assert all(STEPS not in r.content and "\nhint 2\n" in r.content for r in rounds[3])
    assert [c.level for c in corrections] == [2.0, 2.0]
    assert [c.by.completion.request.after[0].completion.text for c in corrections] == ["hint 2  "] * 2


def test_a_critic_writes_all_hints_in_one_round_and_a_blank_one_is_skipped():
    def answer(request):
        return reply(request, " " if request.level == 1 else "look") if request.to == "critic" else never(request)

    rounds, _ = play(HintLadder(source="critic", order="all", levels=2), stuck("47"), answer)
    assert [[(r.to, r.level) for r in round_] for round_ in rounds] == [[("critic", 1.0), ("critic", 2.0)], [("policy", 2.0)]]
    assert HintLadder(source="critic").reads == {"worked", "critic"}


def test_hints_of_the_data_count_their_levels():
    prompt = replace(SUM, data={"hints": ["units", "", 7, "units, then tens"]})
    requests = asked(HintLadder(source="data"), stuck(prompt=prompt))
    assert [(r.level, "\nunits\n" in r.content) for r in requests] == [(1.0, True), (4.0, False)]
    assert HintLadder(source="data").reads == {"hints"}


# A prefix of the reference


def shares(operator, **rest):
    return [request.level for request in asked(operator, stuck(**rest))]


def test_the_prefix_begins_the_answer_and_is_continued():
    (request,) = asked(ReferencePrefix(), stuck("47"))
    assert request.opening == Opening(text="2+4 is 6.\n1+3 is 4.\n") and request.content == "12+34="
    assert (request.help, request.level, request.origin) == ("hint", 0.5, "corrected")
    (whole,) = asked(ReferencePrefix(shares=(1.0,)), stuck("47"))
    assert whole.opening.text == STEPS and whole.help == "solution" and not whole.opening.ends


def test_in_the_prompt_it_is_no_part_of_the_answer():
    (request,) = asked(ReferencePrefix(place="prompt"), stuck("47"))
    assert request.opening is None and "\n2+4 is 6.\n1+3 is 4.\n" in request.content and "Together" not in request.content


def test_nothing_shown_is_a_plain_draw():
    for place in ("answer", "prompt"):
        (request,) = asked(ReferencePrefix(shares=(0.0,), place=place), stuck("47"))
        assert (request.opening, request.content, request.help, request.level) == (None, "12+34=", "nothing", 0.0)


def test_fixed_shares_divide_the_run():
    stages = ReferencePrefix(shares=(0.5, 0.25), unit="characters", n=2)
    assert [shares(stages, progress=done) for done in (0.0, 0.49, 0.5, 1.0)] == [[0.5] * 2] * 2 + [[0.25] * 2] * 2


def test_levels_are_asked_side_by_side():
    levels = ReferencePrefix(schedule="levels", shares=(0.3, 0.6), n=2)
    rounds, corrections = play(levels, stuck("47"), right)
    assert len(rounds) == 1 and [c.level for c in corrections] == [0.3, 0.3, 0.6, 0.6]


def test_a_cosine_falls_and_stays_down():
    falling = ReferencePrefix(schedule="cosine", shares=(0.95, 0.05), until=0.6, unit="characters")
    assert [round(shares(falling, progress=done)[0], 6) for done in (0.0, 0.3, 0.6, 1.0)] == [0.95, 0.5, 0.05, 0.05]


def test_chunks_are_binomial():
    chunked = ReferencePrefix(schedule="cosine", shares=(0.6, 0.6), chunks=5, n=600, unit="characters")
    drawn = shares(chunked)
    assert set(drawn) <= {k / 5 for k in range(6)} and len(set(drawn)) >= 5
    assert abs(sum(drawn) / 600 - 0.6) < 0.04
    variance = sum((share - 0.6) ** 2 for share in drawn) / 600
    assert abs(variance - 0.6 * 0.4 / 5) < 0.008


def test_uniform_lies_between_a_falling_bound_and_a_fixed_one():
    drawing = ReferencePrefix(schedule="uniform", shares=(0.5, 0.9), n=300, unit="characters")
    early, late = shares(drawing, progress=0.0), shares(drawing, progress=1.0)
    assert 0.5 <= min(early) < 0.53 and 0.87 < max(early) <= 0.9 and abs(sum(early) / 300 - 0.7) < 0.03
    assert min(late) < 0.05 and 0.85 < max(late) <= 0.9 and abs(sum(late) / 300 - 0.45) < 0.06


def test_alike_draws_one_share_for_all_tries_and_another_at_another_visit():
    for schedule, fields in (("uniform", {}), ("cosine", {"chunks": 5})):
        bounds = (0.5, 0.5) if fields else (0.1, 0.9)
        one = ReferencePrefix(schedule=schedule, shares=bounds, n=8, unit="characters", alike=True, **fields)
        seen = {visit: set(shares(one, visit=visit)) for visit in range(12)}
        assert all(len(drawn) == 1 for drawn in seen.values()) and len(set.union(*seen.values())) >= 3
        assert len(set(shares(replace(one, alike=False)))) >= 3


TEN = replace(SUM, data={"worked": "".join(f"{n};" for n in range(10))})


def bisect(needed, mixed_at=None, n=4, rounds=6):
    """A model that is right with at least `needed` characters of the reference, and half right at `mixed_at`."""
    def answer(request):
        length = len(request.opening.text) if request.opening else 0
        return right(request) if length >= needed and (length != mixed_at or request.key.attempt % 2) else never(request)

    operator = ReferencePrefix(schedule="bisect", shares=(), n=n, rounds=rounds)
    rounds, corrections = play(operator, stuck("47", prompt=TEN), answer)
    return [round_[0].level for round_ in rounds], corrections


def test_bisection_halves_towards_the_shortest_that_helps():
    levels, corrections = bisect(needed=12)  # six of ten steps
    assert levels == [0.5, 0.75, 0.625, 0.5625] and [c.level for c in corrections] == [0.5625] * 4
    levels, corrections = bisect(needed=14, n=1)
    assert levels[:3] == [0.5, 0.75, 0.625] and {len(c.by.completion.request.opening.text) for c in corrections} == {14}


def test_bisection_stops_at_a_mixed_group():
    levels, corrections = bisect(needed=10, mixed_at=16)
    assert levels[:1] == [0.5] and len(corrections) == 4
    levels, corrections = bisect(needed=12, mixed_at=16)
    assert levels == [0.5, 0.75] and [(c.level, c.tries) for c in corrections] == [(0.75, 6), (0.75, 8)]


def test_bisection_without_a_success_ends():
    levels, corrections = bisect(needed=99, rounds=3)
    assert levels == [0.5, 0.75, 0.875] and corrections == ()

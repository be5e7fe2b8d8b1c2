"""What is remembered of a prompt: by hand over several visits, bounded, and the same after a checkpoint."""

import json
from dataclasses import replace

import pytest

from rfpo.records import Correction, History, Prompt, Stored
from rfpo.training.archive import EXEMPLARS, exemplars_for, history_of, remember
from rfpo.training.state import LoopState
from tests.correction.builders import PROMPT, attempt, group, solved, ungraded, wrong

ID = PROMPT.id


def visit(memory, *attempts, corrections=(), keep=0, step=3, prompt=PROMPT):
    shown = replace(group(*attempts, prompt=prompt), step=step)
    remember(memory, [shown], {shown.key: tuple(corrections)}, keep)
    return history_of(memory, prompt.id)


def corrected(text="46", origin="corrected", level=0.0, help="wrong", context=(8, 8)):
    return Correction(wrong("a"), solved(text, context=context), "fix_wrong_only", 1, help, origin=origin, level=level)


def texts(stored):
    return [kept.text for kept in stored]


def saved(memory, tmp_path):
    """The memory as a checkpoint gives it back."""
    LoopState(memory=memory).save(tmp_path / "loop.json")
    return LoopState.load(tmp_path / "loop.json").memory


def test_a_prompt_that_was_never_visited():
    assert history_of({}, ID) == History() and exemplars_for({}, "12+34=") == ()


def test_a_history_by_hand():
    memory = {}
    assert visit(memory, wrong("a"), wrong("b")) == History(1, 1, 0.0, 0.0, stuck=1)
    assert visit(memory, wrong("a"), wrong("b"), corrections=[corrected(level=2.0)]) == History(2, 2, 0.0, 0.0, 1, 2.0, stuck=2)
    # nothing is known of the next one
    assert visit(memory, ungraded("?"), ungraded("?")) == History(3, 2, 0.0, 0.0, 1, 2.0, stuck=2)
    assert visit(memory, solved(), wrong("a"), wrong("b"), solved()) == History(4, 0, 0.5, 0.5, 1, 2.0, stuck=2, recovered=True)
    assert visit(memory, wrong("a"), solved(), wrong("b"), wrong("c")) == History(5, 0, 0.25, 0.5, 1, 2.0, (), 2, True)
    helped = visit(memory, wrong("a"), wrong("b"), corrections=[corrected(level=0.25)])
    assert helped == History(6, 1, 0.0, 0.5, 2, 0.25, (), 3, True)


def test_prompts_do_not_mix_and_a_prompt_that_was_drawn_twice_has_two_visits():
    memory, other = {}, Prompt("sum/2", "12+34=", task="sum")  # the same question under another id
    groups = [group(wrong("a"), wrong("b"), visit=0), group(wrong("a"), solved(), visit=1), group(solved(), prompt=other)]
    remember(memory, groups, {groups[0].key: (corrected(),)}, 0)
    assert history_of(memory, ID) == History(2, 0, 0.5, 0.5, 1, stuck=1, recovered=True)
    assert history_of(memory, other.id) == History(1, 0, 1.0, 1.0)


def test_nothing_is_kept_unless_asked_for():
    memory = {}
    assert visit(memory, solved(), corrections=[corrected()]).stored == () == exemplars_for(memory, "else")


def test_the_first_plain_and_the_first_corrected_answer_of_a_visit_are_kept():
    history = visit({}, wrong("a"), solved("46 a"), solved("46 b"), corrections=[corrected("46 c"), corrected("46 d")], keep=8)
    assert history.stored == (
        Stored("12+34=", "46 a", tuple(map(ord, "46 a")), (-0.5,) * 4, 3, "sampled"),
        Stored("12+34=", "46 c", tuple(map(ord, "46 c")), (-0.5,) * 4, 3, "corrected"))


@pytest.mark.parametrize("origin", ["given", "replayed"])
def test_what_was_given_or_answered_before_is_not_kept_again(origin):
    history = visit({}, wrong("a"), wrong("b"), corrections=[corrected("46 a", origin), corrected("46 b")], keep=8)
    assert texts(history.stored) == ["46 b"] and history.helped == 1


def test_a_right_answer_to_the_plain_prompt_is_a_plain_one_whoever_asked():
    plain = corrected("46", help="nothing", context=(1, 2, 3))
    assert [kept.origin for kept in visit({}, wrong("a"), corrections=[plain], keep=8).stored] == ["sampled"]
    opened = replace(plain, by=replace(plain.by, completion=replace(plain.by.completion, logps=(None, -0.5))))
    (kept,) = visit({}, wrong("a"), corrections=[opened], keep=8).stored
    assert kept.origin == "corrected" and kept.logps == (None, -0.5)


def test_the_newest_distinct_answers_stay():
    memory = {}
    for step, text in enumerate(["46 a", "46 b", "46 a", "46 c"]):
        history = visit(memory, wrong("x"), solved(text), keep=2, step=step)
    assert [(kept.text, kept.step) for kept in history.stored] == [("46 a", 2), ("46 c", 3)]
    assert texts(visit(memory, wrong("x"), wrong("y"), keep=2).stored) == ["46 a", "46 c"]


def test_exemplars_are_the_newest_of_other_questions_one_for_each():
    memory = {}
    for number in range(EXEMPLARS + 5):
        visit(memory, wrong("x"), solved(str(number)), keep=1, prompt=Prompt(f"p/{number}", f"{number}=", task="sum"))
    visit(memory, wrong("x"), solved("again"), keep=1, prompt=Prompt("p/30", "30=", task="sum"))
    shown = exemplars_for(memory, "36=")
    assert texts(shown)[:3] == ["again", "35", "34"] and texts(shown)[-1] == "5" and len(shown) == EXEMPLARS - 1
    assert len({kept.question for kept in shown}) == len(shown) and len(exemplars_for(memory, "else")) == EXEMPLARS


def test_memory_is_the_same_after_a_checkpoint(tmp_path):
    memory, odd = {}, (-0.1, None, -1e-300, -123456.789012345678)
    answer = attempt("4 6", solved().verdict)
    answer = replace(answer, completion=replace(answer.completion, tokens=(0, 7, 151_643, 2), logps=odd))
    visit(memory, wrong("a"), answer, corrections=[corrected("é\n46", level=0.75)], keep=3)
    visit(memory, wrong("b"), ungraded("?"), keep=3, prompt=Prompt("q", "ü?", task="sum"))
    again = saved(memory, tmp_path)
    assert again == memory and [history_of(again, name) for name in (ID, "q")] == [history_of(memory, n) for n in (ID, "q")]
    assert exemplars_for(again, "ü?") == exemplars_for(memory, "ü?") != ()
    assert history_of(again, ID).stored[0].logps == odd and history_of(again, ID).stored[0].tokens == (0, 7, 151_643, 2)
    assert visit(again, solved("new"), keep=3) == visit(memory, solved("new"), keep=3)


def test_ten_thousand_prompts_fit_into_a_small_checkpoint():
    memory, prompts = {}, [Prompt(f"data.jsonl:{n}", "?", task="data") for n in range(10_000)]
    remember(memory, [group(wrong("a"), wrong("b"), prompt=prompt) for prompt in prompts], {}, 0)
    assert len(json.dumps(memory, indent=1)) < 2_500_000


def test_a_kept_answer_takes_a_line_and_not_one_for_each_token():
    memory = {}
    visit(memory, wrong("x"), solved("46" * 500), keep=1)
    assert len(json.dumps(memory, indent=1).splitlines()) < 40

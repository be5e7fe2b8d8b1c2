"""reasoning_gym as a source: a split by text, partial credit is not success, and data sets that cannot be judged."""

import sys

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.tasks import Task
from rfpo.tasks.reasoning_gym import ReasoningGym

ONE_DIGIT = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}


@pytest.fixture
def gym():
    return pytest.importorskip("reasoning_gym", reason="reasoning_gym is not installed: pip install 'rfpo[gym]'")


def texts(prompts):
    return {prompt.text for prompt in prompts}


@pytest.mark.parametrize("dataset, config", [("chain_sum", ONE_DIGIT), ("caesar_cipher", {"max_words": 3})])
def test_training_and_evaluation_share_no_question_whatever_the_seeds(gym, dataset, config):
    first = ReasoningGym(dataset, config, size=100, evaluation_size=20, seed=1)
    other = ReasoningGym(dataset, config, size=60, evaluation_size=30, seed=100_001)
    assert isinstance(first, Task)
    assert len(texts(first.training_prompts())) == 100 and len(texts(first.evaluation_prompts())) == 20
    for task in (first, other):
        assert not texts(first.training_prompts()) & texts(task.evaluation_prompts())
    if dataset == "chain_sum":  # the reason for the split by text: far seeds do ask the same questions
        assert texts(first.training_prompts()) & texts(other.training_prompts())


def test_the_wording_around_a_question_does_not_change_its_side(gym):
    plain = ReasoningGym("chain_sum", ONE_DIGIT, size=60, evaluation_size=20)
    chat = ReasoningGym("chain_sum", ONE_DIGIT, size=60, evaluation_size=20, chat=True, instruction="Answer in <answer> tags.")
    assert [prompt.solution for prompt in plain.evaluation_prompts()] == [p.solution for p in chat.evaluation_prompts()]
    message = chat.evaluation_prompts()[0].content[0]
    assert message.role == "user" and message.content.endswith("\nAnswer in <answer> tags.")


def test_a_pool_that_is_too_small_is_refused(gym):
    with pytest.raises(UserError, match="chain_sum gave only .* size is 400 and evaluation_size 5"):
        ReasoningGym("chain_sum", ONE_DIGIT, size=400, evaluation_size=5).training_prompts()


def test_solved_wants_full_marks_and_an_answer_that_was_extracted(gym):
    task = ReasoningGym("chain_sum", ONE_DIGIT, size=5, evaluation_size=5)
    prompt = task.training_prompts()[0]
    assert task.verify(prompt, f"Let me see.\n{prompt.solution}").outcome is Outcome.SOLVED
    assert task.verify(prompt, f"<answer>{prompt.solution}</answer> I think").outcome is Outcome.SOLVED
    partial = task.verify(prompt, f"The answer is {prompt.solution}")
    assert partial.outcome is Outcome.WRONG and 0 < partial.score < 1
    assert task.verify(prompt, "  \n").feedback == "no answer found"


def test_the_place_of_the_first_wrong_character(gym):
    task = ReasoningGym("spell_backward", {"min_word_len": 5, "max_word_len": 5}, size=3, evaluation_size=3, locate="character")
    prompt = task.training_prompts()[0]
    right = prompt.solution
    assert len(right) == 5
    assert task.verify(prompt, right).outcome is Outcome.SOLVED
    tagged = task.verify(prompt, f"<answer>{right[:3]}#{right[4]}</answer>")
    assert tagged.location == Location(3, 11, 12, "character 3", places=6)
    assert task.verify(prompt, right[:2]).location == Location(2, 2, 2, "character 2", places=6)
    assert task.verify(prompt, right + "s").location == Location(5, 5, 6, "character 5", places=6)


def test_a_place_in_words_knows_how_many_words_there_are_and_the_end(gym):
    task = ReasoningGym("spiral_matrix", {"min_n": 2, "max_n": 2}, size=3, evaluation_size=3, locate="word")
    prompt = task.training_prompts()[0]
    first, *others = prompt.solution.split()
    assert len(others) == 3
    assert task.verify(prompt, " ".join(["x", *others])).location == Location(0, 0, 1, "word 0", places=5)
    assert task.verify(prompt, f"{prompt.solution} {first}").location == Location(4, 8, 9, "word 4", places=5)
    nowhere = ReasoningGym("spiral_matrix", {"min_n": 2, "max_n": 2}, size=3, evaluation_size=3)
    assert nowhere.verify(prompt, "x").location is None


def test_a_data_set_that_accepts_anything_is_refused_by_name(gym):
    with pytest.raises(UserError, match="'game_of_life_halting' cannot be used: its scorer accepts the nonsense"):
        ReasoningGym("game_of_life_halting", size=2, evaluation_size=2).training_prompts()


def test_a_data_set_without_reference_answers_is_refused_by_name(gym):
    with pytest.raises(UserError, match="'graph_color' cannot be used: item 0 has no reference answer"):
        ReasoningGym("graph_color", size=2, evaluation_size=2).training_prompts()


def test_an_answer_that_the_scorer_cannot_read_is_wrong(gym):
    task = ReasoningGym("prime_factorization", size=3, evaluation_size=3)
    verdict = task.verify(task.training_prompts()[0], "two times two")
    assert verdict.outcome is Outcome.WRONG and verdict.feedback == "unreadable"


def test_a_scorer_that_fails_on_its_own_reference_raises(gym):
    task = ReasoningGym("prime_factorization", size=3, evaluation_size=3)
    broken = Prompt("p", "q", task.name, "no number", {"entry": {"answer": "no number", "metadata": {}}})
    with pytest.raises(Exception):  # noqa: B017  whatever the scorer raises must come through: it means UNGRADED
        task.verify(broken, "7")


def test_an_entry_that_is_not_json_is_generated_again(gym):
    task = ReasoningGym("chain_sum", ONE_DIGIT, size=3, evaluation_size=3)
    prompt = task.training_prompts()[0]
    index = int(prompt.id.rsplit("/", 1)[1])
    assert task._data({"answer": prompt.solution, "metadata": {(1, 2): 3}}, index) == {"index": index}
    again = Prompt(prompt.id, prompt.content, prompt.task, prompt.solution, {"index": index})
    rebuilt = ReasoningGym("chain_sum", ONE_DIGIT, size=3, evaluation_size=3)
    assert rebuilt.verify(again, prompt.solution).outcome is Outcome.SOLVED
    other = Prompt(prompt.id, "another question", prompt.task, prompt.solution, {"index": index})
    with pytest.raises(RuntimeError, match="did not generate item"):
        task.verify(other, prompt.solution)


@pytest.mark.parametrize("fields, part", [
    ({"dataset": "chain_sums"}, "did you mean 'chain_sum'?"),
    ({"dataset": "chain_sum", "config": {"min_term": 2}}, "did you mean 'min_terms'?"),
    ({"dataset": "chain_sum", "config": {"seed": 2}}, "names 'seed'"),
    ({"dataset": "chain_sum", "config": {"min_digits": -3}}, "min_digits must be positive"),
    ({"dataset": "composite"}, "composite refuses it"),
])
def test_a_bad_data_set_or_configuration_is_one_line(gym, fields, part):
    with pytest.raises(UserError) as error:
        ReasoningGym(**fields, size=2, evaluation_size=2).training_prompts()
    assert part in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("field, value", [
    ("size", 0), ("solved_at", 1.5), ("locate", "char"), ("extract", "boxd"), ("config", 3),
])
def test_a_bad_field_is_named(field, value):
    with pytest.raises(UserError, match=f"ReasoningGym.{field} is"):
        ReasoningGym(**{"dataset": "chain_sum", field: value})


def test_a_missing_package_names_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(UserError, match=r"pip install 'rfpo\[gym\]'"):
        ReasoningGym("chain_sum").training_prompts()

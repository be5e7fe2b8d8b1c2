"""A task from one word of the command line."""

import os

import pytest

from rfpo.errors import UserError
from rfpo.tasks._names import task_from_text
from rfpo.tasks.data import Data
from rfpo.tasks.reasoning_gym import ReasoningGym
from rfpo.tasks.state_machine import StateMachine


@pytest.mark.parametrize("text, task", [
    ("state_machine", StateMachine()),
    ("reasoning_gym:spell_backward", ReasoningGym("spell_backward")),
    ("folder/data.jsonl", Data(os.path.abspath("folder/data.jsonl"))),  # a run may be resumed from another folder
    ("data.parquet", Data(os.path.abspath("data.parquet"))),
    ("hub:owner/name:main@test", Data("hub:owner/name:main@test")),
    ("rfpo.tasks.state_machine:StateMachine", StateMachine()),
])
def test_the_task_of_a_word(text, task):
    assert task_from_text(text) == task


@pytest.mark.parametrize("text, part", [
    ("state_machin", "did you mean 'state_machine'?"), ("reasoning_gym", "needs a data set"),
    ("data", "there is no task 'data'"),
    ("data.csv", "ends in .jsonl or .parquet"), ("owner/name", "hub:owner/name"), ("no_such_module:Task", "No module named"),
])
def test_another_word_is_refused_with_the_nearest_one(text, part):
    with pytest.raises(UserError) as error:
        task_from_text(text)
    assert part in str(error.value) and "\n" not in str(error.value)

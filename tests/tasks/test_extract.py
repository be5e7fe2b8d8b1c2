"""How an answer is taken out of a completion."""

from dataclasses import dataclass

import pytest

from rfpo.errors import UserError
from rfpo.tasks._extract import answer_span, check_extract


@dataclass
class Setting:
    extract: object


@pytest.mark.parametrize("how, text, answer", [
    ("auto", "so <answer> 7 </answer> it is", "7"),
    ("auto", "first\n 8 \n\n", "8"),
    ("auto", "<answer></answer>\n9", "9"),
    ("auto", " \n\t", None),
    ("tag", "<answer>1</answer> no: <answer>2</answer>", "2"),
    ("tag", "<answer>1</answer> and <answer>2", "1"),
    ("tag", "1", None),
    ("tag", "</answer><answer>", None),
    ("tag:result", "<answer>1</answer><result>2\n3</result>", "2\n3"),
    ("last_line", "1\n<answer>2</answer>", "<answer>2</answer>"),
    ("boxed", r"\boxed{1} then \boxed{\frac{1}{2}} done", r"\frac{1}{2}"),
    ("boxed", r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
    ("boxed", r"\boxed{1} then \boxed{2", "1"),
    ("boxed", r"\boxed{\boxed{3}}", "3"),
    ("boxed", r"\boxed{2\}", None),
    ("whole", " a\nb ", "a\nb"),
    (r"regex:= (\d+)", "1 = 2 = 3", "3"),
    (r"regex:\d+", "1 and 22", "22"),
    (r"regex:a(b)?", "a", None),
    (r"regex:x:y", "x:y", "x:y"),
])
def test_the_answer_of_a_completion(how, text, answer):
    span = answer_span(text, how)
    assert (None if span is None else text[slice(*span)]) == answer


@pytest.mark.parametrize("how", ["auto", "tag", "tag:final-answer", "last_line", "boxed", "whole", r"regex:\d+"])
def test_every_named_way_is_accepted(how):
    check_extract(Setting(how))


@pytest.mark.parametrize("how, part", [
    ("boxd", "did you mean 'boxed'?"), ("regex:(", "not a regular expression"), ("tag:", "one word"), ("regex:", "one of"),
    (7, "one of"), ("", "one of"),
])
def test_another_way_is_refused_with_the_field_and_the_value(how, part):
    with pytest.raises(UserError, match="Setting.extract is ") as error:
        check_extract(Setting(how))
    assert part in str(error.value) and repr(how) in str(error.value) and "\n" not in str(error.value)

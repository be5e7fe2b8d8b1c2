"""Templates are refused when they are loaded, and fill text and chats."""

import pytest

from rfpo.correction._templates import SETS, fill, load
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly
from rfpo.correction.operators.rewrite_from_solution import RewriteFromSolution
from rfpo.errors import UserError
from rfpo.records import Message, Prompt
from tests.correction.builders import group, play, wrong

NEEDS = (("question",), ("place", "step"))


@pytest.fixture
def own(tmp_path):
    def write(text, name="own"):
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        return str(tmp_path)

    return write


@pytest.mark.parametrize("text, says", [
    ("${question} at ${stepp}", "did you mean 'step'"),
    ("${question}", r"\$\{place\} or \$\{step\}"),
    ("at ${step}", r"\$\{question\}"),
    ("${question} costs $5 at ${step}", r"\$\$ for a dollar"),
])
def test_a_bad_template_is_refused_in_one_line_with_its_file(own, text, says):
    with pytest.raises(UserError, match=says) as refused:
        load(own(text), "own", NEEDS)
    assert "own.txt" in str(refused.value) and "\n" not in str(refused.value)


def test_a_field_that_would_tell_more_than_the_operator_claims_is_refused(own):
    with pytest.raises(UserError, match="solution.*fix_wrong_only does not fill in"):
        FixWrongOnly(templates=own("${question}${attempt}${solution}", "fix_wrong_only"))


def test_a_set_without_the_file_is_refused_when_the_operator_is_made(own):
    with pytest.raises(UserError, match="no fix_wrong_only.txt"):
        FixLocated(templates=own("${question}${attempt}${step}", "fix_located"))
    assert FixLocated(templates=own("${question}${attempt}${step}", "fix_located"), otherwise="skip").otherwise == "skip"


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="set's name or a folder"):
        load(str(tmp_path / "absent"), "own", NEEDS)


def test_one_trailing_newline_is_the_files_and_the_rest_is_the_prompts(own):
    template = load(own("${question}\n${step}\n\n"), "own", NEEDS)
    assert fill(template, Prompt("p", "Q", task="t"), step=1) == "Q\n1\n"


def test_dollars_in_what_is_filled_in_are_left_alone(own):
    template = load(own("${question} ${step}"), "own", NEEDS)
    assert fill(template, Prompt("p", "$x$ and ${step}", task="t"), step="$2") == "$x$ and ${step} $2"


def test_a_chat_keeps_all_but_its_last_user_message(own):
    chat = (Message("system", "Use tags."), Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "12+34=?"))
    template = load(own("${question} at ${step}"), "own", NEEDS)
    assert fill(template, Prompt("p", chat, task="t"), step=2) == (*chat[:3], Message("user", "12+34=? at 2"))


def test_a_chat_without_a_user_is_refused(own):
    with pytest.raises(UserError, match="'p'.*no user message"):
        fill(load(own("${question}${step}"), "own", NEEDS), Prompt("p", (Message("system", "s"),), task="t"), step=2)


def test_a_users_folder_is_a_set(own):
    operator = FixWrongOnly(templates=own("${question}|${attempt}|${answer}", "fix_wrong_only"), tries=1)
    rounds, _ = play(operator, group(wrong("47")), lambda request: ())
    assert rounds[0][0].content == "12+34=|47|47"


@pytest.mark.parametrize("name", sorted(path.name for path in SETS.iterdir()))
@pytest.mark.parametrize("operator", [FixLocated, FixWrongOnly, RewriteFromSolution])
def test_every_shipped_set_serves_every_operator(name, operator):
    assert operator(templates=name).templates == name

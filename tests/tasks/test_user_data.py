"""The user's own data: what is read, what is refused and in which words, and the split."""

import json
import sys

import pyarrow
import pyarrow.parquet
import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Message, Outcome, Prompt, Verdict
from rfpo.tasks import Task
from rfpo.tasks.data import Data

GOOD = {"prompt": "1+1", "answer": "2"}


def lines(tmp_path, *rows, name="data.jsonl"):
    """Rows as JSON, and texts as they are."""
    path = tmp_path / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def numbered(count):
    return [{"prompt": f"{n}+0", "answer": str(n)} for n in range(count)]


def test_ids_are_the_file_and_the_line_and_empty_lines_are_skipped(tmp_path):
    task = Data(lines(tmp_path, GOOD, "", {"prompt": "2+2", "answer": 4}), evaluation_share=0.0)
    assert isinstance(task, Task)
    assert task.training_prompts() == (Prompt("data.jsonl:1", "1+1", "data.jsonl", "2"),
                                       Prompt("data.jsonl:3", "2+2", "data.jsonl", "4"))
    assert task.evaluation_prompts() == ()
    assert Data(task.path, evaluation_share=0.0, label="sums").training_prompts()[1].id == "sums:3"


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(GOOD).encode() for _ in range(2)))
    assert len(Data(str(path), evaluation_share=0.0).training_prompts()) == 2


def test_chat_messages_and_instructions(tmp_path):
    turns = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "1+1"}]
    path = lines(tmp_path, {"prompt": turns, "answer": "2"}, GOOD)
    plain = Data(path, evaluation_share=0.0).training_prompts()
    assert plain[0].content == (Message("system", "be brief"), Message("user", "1+1")) and plain[1].content == "1+1"
    asked = Data(path, evaluation_share=0.0, instruction="Box it.", chat=True).training_prompts()
    assert asked[0].content[1] == asked[1].content[0] == Message("user", "1+1\nBox it.")


def test_what_operators_show_is_read_where_a_row_has_it(tmp_path):
    row = GOOD | {"worked": "1 and 1 is 2", "hints": ["count", "count on"], "demonstrations": "two: 2"}
    rich, poor = Data(lines(tmp_path, row, GOOD | {"prompt": "1 + 1", "worked": "", "hints": []}), evaluation_share=0.0
                      ).training_prompts()
    assert rich.data == {"worked": "1 and 1 is 2", "hints": ["count", "count on"], "demonstrations": ["two: 2"]}
    assert poor.data == {}
    named = Data(lines(tmp_path, GOOD | {"solution": "1 and 1 is 2"}), evaluation_share=0.0, worked_column="solution")
    assert named.training_prompts()[0].data == {"worked": "1 and 1 is 2"}


@pytest.mark.parametrize(("column", "value", "wanted"), [
    ("worked", ["a", "b"], "write a text"), ("worked", 7, "write a text"), ("hints", ["a", 7], "write a list of texts"),
    ("demonstrations", {"a": 1}, "write a list of texts"), ("hints", ["a", " "], "write a list of texts")])
def test_help_of_another_kind_is_refused(tmp_path, column, value, wanted):
    with pytest.raises(UserError, match=f"line 1: the column '{column}' is .*; {wanted}, or leave it out"):
        Data(lines(tmp_path, GOOD | {column: value}), evaluation_share=0.0).training_prompts()


def test_parquet_and_other_column_names(tmp_path):
    path = tmp_path / "data.parquet"
    messages = [{"role": "user", "content": "2+2"}]
    pyarrow.parquet.write_table(pyarrow.table({"question": [messages] * 2, "gold": [4, 5]}), path)
    prompts = Data(str(path), "question", "gold", evaluation_share=0.0).training_prompts()
    assert [(prompt.id, prompt.solution) for prompt in prompts] == [("data.parquet:1", "4"), ("data.parquet:2", "5")]
    assert prompts[0].content == (Message("user", "2+2"),)


@pytest.mark.parametrize("bad, parts", [
    ("{broken", ["is not JSON", "at column 2"]),
    ('["a"]', ["is not a JSON object"]),
    ({"promt": "1+1", "answer": "2"}, ["no column 'prompt'", "did you mean 'promt'?"]),
    ({"prompt": "1+1", "anwser": "2"}, ["no column 'answer'", "did you mean 'anwser'?"]),
    ({"prompt": "1+1", "answer": "  "}, ["answer", "is empty"]),
    ({"prompt": "1+1", "answer": None}, ["None", "write a text or a number"]),
    ({"prompt": "1+1", "answer": [2]}, ["[2]", "write a text or a number"]),
    ({"prompt": "1+1", "answer": True}, ["True", "write a text or a number"]),
    ({"prompt": "", "answer": "2"}, ["'prompt'", "not empty"]),
    ({"prompt": 7, "answer": "2"}, ["is 7", "write a text"]),
    ({"prompt": [], "answer": "2"}, ["is []"]),
    ({"prompt": [{"role": "user"}], "answer": "2"}, ["role", "content"]),
    ({"prompt": "1+1", "answer": "see the figure"}, ["math-verify cannot read", "'see the figure'", "exact"]),
])
def test_a_bad_line_is_refused_in_one_line_that_names_it(tmp_path, bad, parts):
    path = lines(tmp_path, GOOD, "", bad, GOOD)
    with pytest.raises(UserError) as error:
        Data(path).training_prompts()
    message = str(error.value)
    assert message.startswith(f"{path}, line 3") and "\n" not in message
    assert all(part in message for part in parts), message


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "data.jsonl").write_bytes(json.dumps(GOOD).encode() + b'\n{"prompt": "\xff"}\n')
    with pytest.raises(UserError, match="line 2 is not JSON: 'utf-8' codec"):
        Data(str(tmp_path / "data.jsonl")).training_prompts()


def test_sources_that_cannot_be_read(tmp_path):
    lines(tmp_path, GOOD)
    (tmp_path / "bad.parquet").write_text("no parquet")
    lines(tmp_path, name="empty.jsonl")
    for name, part in (("date.jsonl", "did you mean 'data.jsonl'?"), ("data.csv", "neither a .jsonl"),
                       ("bad.parquet", "not a readable Parquet file"), ("empty.jsonl", "is empty"),
                       ("nowhere/data.jsonl", "does not exist")):
        with pytest.raises(UserError) as error:
            Data(str(tmp_path / name)).training_prompts()
        assert part in str(error.value) and name in str(error.value) and "\n" not in str(error.value)


def test_a_data_set_too_small_to_split_is_refused(tmp_path):
    with pytest.raises(UserError, match="has 1 prompts and none is left to train on"):
        Data(lines(tmp_path, GOOD)).training_prompts()


def test_the_evaluation_share_hangs_on_the_texts_not_on_their_order(tmp_path):
    rows = numbered(40)
    task = Data(lines(tmp_path, *rows), evaluation_share=0.25)
    turned = Data(lines(tmp_path, *reversed(rows), name="turned.jsonl"), evaluation_share=0.25)
    assert (len(task.training_prompts()), len(task.evaluation_prompts()), task.removed) == (30, 10, 0)
    assert [p.text for p in task.evaluation_prompts()] == [p.text for p in turned.evaluation_prompts()]
    assert not {p.text for p in task.training_prompts()} & {p.text for p in task.evaluation_prompts()}


def test_a_text_of_the_evaluation_is_removed_from_training_and_counted(tmp_path):
    held_out = lines(tmp_path, {"prompt": " 3+0\n", "answer": "3"}, {"prompt": "9+9", "answer": "18"}, name="test.jsonl")
    task = Data(lines(tmp_path, *numbered(5), *numbered(4)), evaluation_path=held_out)
    assert [prompt.text for prompt in task.training_prompts()] == ["0+0", "1+0", "2+0", "4+0", "0+0", "1+0", "2+0"]
    assert [prompt.id for prompt in task.evaluation_prompts()] == ["data.jsonl/test.jsonl:1", "data.jsonl/test.jsonl:2"]
    assert task.removed == 2


def test_a_copy_of_a_held_out_prompt_is_removed_and_counted(tmp_path):
    task = Data(lines(tmp_path, *numbered(10), *numbered(10)), evaluation_share=0.05)  # one of twenty
    assert (len(task.evaluation_prompts()), len(task.training_prompts()), task.removed) == (1, 18, 1)


def test_limit_reads_the_first_rows_only(tmp_path):
    assert len(Data(lines(tmp_path, *numbered(3), "{broken"), limit=3, evaluation_share=0.0).training_prompts()) == 3


def test_exact_match_and_its_place():
    task, prompt = Data("d.jsonl", verifier="exact", locate="word", extract="tag"), Prompt("p", "q", "d.jsonl", "one two three")
    assert task.verify(prompt, "<answer> one two three\n</answer>") == Verdict.solved("one two three")
    wrong = task.verify(prompt, "<answer>one too three</answer>")
    assert wrong.outcome is Outcome.WRONG and wrong.location == Location(1, 12, 15, "word 1")
    assert task.verify(prompt, "one two three").feedback == "no answer found"


def test_a_verifier_of_the_users_own_sees_completion_answer_and_row(tmp_path, monkeypatch):
    (tmp_path / "own_verifier.py").write_text(
        "def verify(completion, answer, row):\n    return completion == row['extra'] and answer is None\nnumber = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    task = Data(lines(tmp_path, {"prompt": "q", "extra": "x"}), verifier="own_verifier:verify", answer_column="",
                evaluation_share=0.0)
    prompt = task.training_prompts()[0]
    assert prompt.data == {"row": {"prompt": "q", "extra": "x"}} and prompt.solution is None
    assert task.verify(prompt, "x").outcome is Outcome.SOLVED and task.verify(prompt, "y").outcome is Outcome.WRONG
    with pytest.raises(UserError, match="which is no function; name one"):
        Data(task.path, verifier="own_verifier:number").training_prompts()


@pytest.mark.parametrize("fields, part", [
    ({"verifier": "maths"}, "did you mean 'math'?"), ({"evaluation_share": 1.0}, "Data.evaluation_share is 1.0"),
    ({"extract": "box"}, "did you mean 'boxed'?"), ({"limit": -1}, "Data.limit is -1"), ({"path": ""}, "Data.path is ''"),
    ({"locate": "word"}, "unless the verifier is 'exact'"), ({"answer_column": ""}, "Data.answer_column is ''"),
    ({"verifier": 3}, "Data.verifier is 3"), ({"solved_at": 0}, "Data.solved_at is 0"),
])
def test_a_bad_field_is_named(fields, part):
    with pytest.raises(UserError) as error:
        Data(**{"path": "data.jsonl"} | fields)
    assert part in str(error.value) and "\n" not in str(error.value)


class FakeHub:
    """Stands in for the datasets library, so that the test needs no network."""

    asked = None

    def load_dataset(self, *arguments, **options):
        if arguments[0] == "owner/missing":
            raise FileNotFoundError("no such\ndata set")
        self.asked = (arguments, options)
        return [GOOD, {"prompt": "2+2", "answer": "4"}]


def test_a_data_set_of_the_hub(monkeypatch):
    hub = FakeHub()
    monkeypatch.setitem(sys.modules, "datasets", hub)
    prompts = Data("hub:owner/name:main@test", evaluation_share=0.0).training_prompts()
    assert hub.asked == (("owner/name", "main"), {"split": "test"})
    assert prompts[1].id == "owner/name:main@test:2" and prompts[1].solution == "4"
    Data("hub:owner/name", evaluation_share=0.0).training_prompts()
    assert hub.asked == (("owner/name", None), {"split": "train"})
    with pytest.raises(UserError, match="hub:owner/missing cannot be loaded: FileNotFoundError: no such data set"):
        Data("hub:owner/missing").training_prompts()
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"pip install 'rfpo\[hub\]'"):
        Data("hub:owner/name").training_prompts()

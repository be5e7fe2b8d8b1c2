"""Exit codes, one line for every mistake, and help that comes at once."""

import json
import os
import subprocess
import sys
import tomllib

import pytest

from rfpo import __version__
from rfpo.cli import main
from rfpo.config.load import load
from rfpo.pieces import names
from rfpo.recipes import recipe, recipe_names
from tests.cli.build import rfpo, sums
from tests.tiny_models import save_tiny_model

COMMANDS = names("rfpo.commands")


def shell(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "rfpo", *arguments], capture_output=True, text=True, timeout=60, **options)


def test_a_mistake_is_one_line_on_stderr_and_exit_code_2():
    done = shell("train", "gropo", "--model", "x", "--tasks", "column_addition")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "rfpo: there is no recipe named 'gropo'; did you mean 'grpo'?\n"


def test_help_needs_no_torch():
    code = ("import sys; sys.argv = ['rfpo', 'train', '--help']\nfrom rfpo.cli import main\n"
            "try: main()\nexcept SystemExit: pass\n"
            "print('heavy:', sorted({'torch', 'transformers', 'numpy', 'pyarrow'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.endswith("heavy: []\n")


def test_a_closed_pipe_is_not_an_error():
    done = subprocess.run(f"{sys.executable} -m rfpo pieces | head -1", shell=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == "" and done.stdout.startswith("tasks")


@pytest.mark.parametrize("arguments, line", [
    (["trian"], "there is no command 'trian'; did you mean 'train'? See rfpo --help"),
    (["train", "rfpo", "--steps", "ten"], "argument --steps: invalid int value: 'ten'; see rfpo train --help"),
    (["train", "rfpo", "--modle", "x"], "unrecognized arguments: --modle x; see rfpo --help"),
    (["train"], "no recipe was named; start with rfpo, as in rfpo train rfpo --model DIR --tasks data.jsonl. See rfpo recipes"),
    (["train", "rfpo"],
     "model.path is empty; there is nothing to train. Give --model DIR, a Hub name, or a student's name."),
    (["train", "rfpo", "--model", "x"],
     "tasks is empty; there is nothing to train on. Give --tasks a file or a task's name; see rfpo pieces tasks."),
    (["train", "grpo", "--templates", "student"],
     "--templates is 'student' and 'grpo' corrects nothing, so there is no wording to choose. Use a recipe that corrects, "
     "such as rfpo."),
    (["train", "rfpo", "--config", "a.toml"],
     "both a recipe (rfpo) and --config a.toml were given; a run starts from one. Drop one."),
    (["train", "--config", "absent.toml"],
     "there is no run file at absent.toml; name a TOML file such as the run.toml of a run directory."),
    (["train", "rfpo", "--resume", "runs/a"],
     "--resume runs/a was given together with recipe; a resumed run is the one in its run.toml. Drop the rest, or start "
     "anew with --config runs/a/run.toml."),
    (["train", "rfpo", "--set", "objective.surrogate.hihi=1"],
     "objective.surrogate.hihi is unknown: objective.surrogate has no field 'hihi'; did you mean 'high'?"),
    (["check", "grpo", "--model", "x", "--tasks", "column_addition", "--set", "group_size=1"],
     "group_size is 1; the answers to a prompt are compared with each other, so there must be at least 2. Set "
     "group_size=8."),
    (["eval", "x", "--tasks", "column_addition", "--ks", "1,8"],
     "--ks holds 8; it must be between 1 and --samples, which is 4. Try --samples 8."),
    (["eval", "x", "--tasks", "column_addition", "--ks", "1;8"],
     "argument --ks: '1;8' is not a list of whole numbers; try 1,4,16; see rfpo eval --help"),
    (["eval", "x", "--tasks", "column_addition", "--limit", "0"], "--limit is 0; it must be at least 1. Try 100."),
    (["eval", "x", "--tasks", "column_addition", "--max-tokens", "0"], "sampling.max_tokens is 0; it must be at least 1."),
    (["eval", "x", "--tasks", "column_addition", "--out", "nowhere/a.json"],
     "--out is nowhere/a.json; there is no folder nowhere. Make it first, or choose another."),
    (["train", "rfpo", "--model", "x", "--tasks", "column_additoin"],
     "there is no task 'column_additoin'; did you mean 'column_addition'? Data of your own is a path that ends in .jsonl or "
     ".parquet, or hub:owner/name."),
    (["train", "rfpo", "--tasks", "column_addition", "--set", "tasks.0.dgits=3"],
     "tasks.0.dgits is unknown: tasks.0 has no field 'dgits'; did you mean 'digits'?"),
    (["demo", "--seeds", "0"], "--seeds is 0; it must be at least 1. Try 1."),
    (["pieces", "surogate"], "there is no room 'surogate'; did you mean 'surrogate'?"),
    (["show", "absent.toml"],
     "there is no run file at absent.toml; name a TOML file such as the run.toml of a run directory."),
    (["show", "gropo"], "there is no recipe named 'gropo'; did you mean 'grpo'?"),
])
def test_mistakes(arguments, line, capsys):
    assert rfpo(capsys, *arguments) == (2, "", f"rfpo: {line}\n")


def test_interrupted(capsys, monkeypatch):
    def stop(given):
        raise KeyboardInterrupt("Go on with: rfpo train --resume runs/a")

    monkeypatch.setattr("rfpo.commands.recipes.run", stop)
    assert rfpo(capsys, "recipes") == (130, "", "rfpo: stopped. Go on with: rfpo train --resume runs/a\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example_on_one_screen(command, capsys):
    code, out, _ = rfpo(capsys, command, "--help")
    assert code == 0 and f"\n  rfpo {command}" in out.partition("examples:")[2]
    assert len(out.splitlines()) <= 55


def test_help_without_a_command_and_the_version(capsys):
    assert all(f"\n    {command} " in rfpo(capsys)[1] for command in COMMANDS)
    assert rfpo(capsys, "--version")[1] == f"rfpo {__version__}\n"


def test_recipes(capsys):
    rows = json.loads(rfpo(capsys, "recipes", "--json")[1])
    assert [row["name"] for row in rows] == recipe_names()
    assert {row["name"]: row["corrects"] for row in rows}["rfpo_dapo"] is True
    card = {row["name"]: row for row in rows}["rfpo"]
    assert card["place"]["operator"] == "fix_located" and card["place"]["weights"] == ["off_policy_ratio"]
    shown = rfpo(capsys, "recipes")[1].splitlines()
    assert [name for name in recipe_names() if not any(line.split()[:1] == [name] for line in shown)] == []


def test_pieces_lists_every_slot(capsys):
    out = rfpo(capsys, "pieces")[1]
    rooms = {"tasks", "diagnosis", "operators", "merge", "rewards", "advantage", "ratio", "surrogate", "weight", "regularizer",
             "aggregation", "schedule", "locators", "leaks", "critics", "pairwise"}
    assert rooms == {line.split()[0] for line in out.splitlines() if line and not line.startswith(" ")}
    assert "  clip_times_weight " in out
    assert rfpo(capsys, "pieces", "merge")[1].count("\n") == 1 + len(names("rfpo.correction.merge"))


def test_show_prints_a_file_that_loads_back(capsys, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text(rfpo(capsys, "show", "rfpo_dapo", "--set", 'tasks=["column_addition"]')[1])
    assert load(file).objective == recipe("rfpo_dapo").objective
    code, out, _ = rfpo(capsys, "show", str(file), "--set", "seed=3")
    assert code == 0 and tomllib.loads(out)["seed"] == 3
    assert "# task column_addition: the answer is the whole completion" in out


def test_a_directory_named_like_a_recipe_does_not_hide_it(capsys, tmp_path, monkeypatch):
    (tmp_path / "grpo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert rfpo(capsys, "show", "grpo")[0] == 0


def test_check_shows_prompts_corrections_mask_and_extraction(capsys, tmp_path):
    model, data = save_tiny_model(tmp_path / "model"), sums(tmp_path / "data.jsonl")
    capsys.readouterr()  # what saving printed
    code, out, err = rfpo(capsys, "check", "rfpo", "--model", str(model), "--tasks", str(data), "--max-tokens", "8",
                          "--set", "tasks.0.extract=boxed", "--set", 'tasks.0.verifier="exact"', "--templates", "student")
    assert (code, err) == (0, "")
    first = out.split("PROMPT ")[1]
    assert first.split("\n")[1].endswith("=")
    assert "the answer is what stands in the last \\boxed{...} (extract = 'boxed')" in out
    assert "verdict WRONG" in out and "CORRECTION prompt of fix_located" in out
    assert f"{first.split(chr(10))[1]}⟦" in out and "⟧" in out
    assert "MEMORY" in out and "at most 1,024 sampled in a step" in out  # 16 prompts x 8 answers x 8 tokens


def test_check_refuses_a_prompt_longer_than_the_context(capsys, tmp_path):
    model, data = save_tiny_model(tmp_path / "model", max_position_embeddings=32), tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps({"prompt": f"{i}" + 40 * "+1", "answer": "1"}) + "\n" for i in range(1, 9)))
    code, out, err = rfpo(capsys, "check", "grpo", "--model", str(model), "--tasks", str(data), "--max-tokens", "8")
    assert code == 2 and out == ""
    assert "is 81 tokens long and the model's context is 32: there is no room for an answer" in err


@pytest.mark.parametrize("load, policy", [(0.0, None), (64.0, "PASSIVE")])
def test_threads_sleep_when_others_use_the_machine(load, policy, monkeypatch, capsys):
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that it is put back afterwards
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    main(["recipes"])
    assert os.environ.get("OMP_WAIT_POLICY") == policy
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    main(["recipes"])
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"  # the user's own word holds

"""Show what a run would do with your model and data; trains nothing.

Takes the arguments of rfpo train. Prints two prompts as the model sees them, a correction prompt, the trained context
with the trained tokens marked, how an answer is taken out of a completion, and estimates of memory and tokens.
"""

from rfpo.commands import _making

EXAMPLES = """examples:
  rfpo check rfpo --model Qwen/Qwen3-0.6B --tasks data.jsonl --max-tokens 1024
  rfpo check rfpo --model column_addition --tasks column_addition --templates student
"""

arguments = _making.arguments


def run(given) -> None:
    from rfpo.training.check import check

    check(_making.run_from(given))

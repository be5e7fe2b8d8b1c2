"""The commands of `rfpo`. The folder is the registry: `rfpo train` is rfpo/commands/train.py.

A command's file has a docstring (its help), EXAMPLES, `arguments(parser)` and `run(arguments)`, which may return an exit
code. Whatever is heavy is imported inside `run`, so that help is instant.
"""

"""Run: everything that decides a run, and how it is read, written, changed and refused."""

"""Published methods for groups in which nothing was learned, each under its name, as configurations of one code path.

A docstring's last paragraph says where the method comes from: "Paper: arXiv 2506.03106; census row 5." A recipe holds its
paper's defaults for what makes the method; sizes (group, batch, steps, learning rate) are those of Run.
"""

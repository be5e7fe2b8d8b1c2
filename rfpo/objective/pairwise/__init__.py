"""Losses on pairs of answers: a chosen and a rejected one to a loss per pair.

A run's stream with `pairs` holds rows that share a unit, two for each pair (rfpo/objective/pairs.py says which is the chosen
one). Written throughout:

    lp(y)  = sum_t log pi_theta(y_t)         over the trained tokens
    l(y)   = lp(y) - lp_base(y)              base: the frozen reference, or the policy at the start of the step
    h      = beta ( l(y_w) - l(y_l) )        y_w chosen, y_l rejected

DR-PO's dataset reset (arXiv 2404.08495) is no loss: answers begin with a random prefix of a labelled one, so it is an operator
that gives requests an opening, and the prefix is not trained.
"""

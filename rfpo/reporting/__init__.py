"""What a run leaves for people to look at: the run directory, live progress, loggers, the report.

The report and the display read these metrics, all of them optional; a run may record any others beside them.

| key in metrics.jsonl               | meaning                                                               |
|------------------------------------|-----------------------------------------------------------------------|
| reward                             | mean reward of the step's samples                                     |
| solved_share                       | share of the graded sampled answers that are right                    |
| stuck_share                        | share of the groups in which every graded answer is wrong             |
| fix_rate                           | share of the stuck groups that got an accepted correction             |
| tries, try_success                 | correction tries of this step, and the share the verifier accepted    |
| log_r_off, r_off/...               | R_off of the trained corrections: mean log, p5, p50, p95, share above |
|                                    | 1, effective sample size as a share                                   |
| guided_gap                         | mean distance of their old log-probs from those of the correction     |
|                                    | prompt, nats                                                          |
| trigger_rate                       | share of the groups that were handed to the operator                  |
| edit_distance, shared_prefix,      | corrections beside the wrong answers: Levenshtein and common prefix   |
| length_ratio, tries_to_fix         | as shares, length over length, and the try that succeeded             |
| operator/<name>/...                | of each operator: tries, try_success, tokens, leak_rate, leak/<kind>  |
| rows/<origin>                      | rows that are corrected, given or replayed                            |
| locator_accuracy                   | share of the tries told a place that were told the true one           |
| ever_stuck, recovered, retained    | prompts that were ever stuck; share of them with a right plain answer |
|                                    | later; share of those that still had one at the last visit            |
| clip_share_corrected,              | corrected rows: share of their tokens without a gradient, and their   |
| gradient_share_corrected           | share of the sum of absolute gradients by log-probs                   |
| generated_tokens                   | generated for training since the start: the currency                  |
| rollout_tokens, correction_tokens  | since the start; together they make up generated_tokens               |
| trained_tokens, scored_tokens,     | since the start; not counted in generated_tokens; scored: read for    |
| evaluation_tokens                  | their log-probs alone                                                 |
| evaluation/<name>/pass@<k>         | on evaluation prompts                                                 |
"""

from rfpo.reporting.store import ROLLOUT_COLUMNS, RunStore

__all__ = ["ROLLOUT_COLUMNS", "RunStore"]

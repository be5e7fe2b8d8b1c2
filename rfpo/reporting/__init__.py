"""What a run leaves for people to look at: the run directory, live progress, loggers, the report.

The report and the display read these metrics, all of them optional; a run may record any others beside them.

| key in metrics.jsonl                | meaning                                                              |
|-------------------------------------|----------------------------------------------------------------------|
| reward                              | mean reward of the sampled answers                                   |
| solved_share                        | share of the graded sampled answers that are right                   |
| stuck_share                         | share of the groups from which nothing can be learned                |
| fix_rate                            | share of the stuck groups that got an accepted correction            |
| r_off                               | mean off-policy ratio of the corrected rows that were trained        |
| tries, tries_succeeded              | correction tries of this step, and those that the verifier accepted  |
| trained_rows, updates               | rows with a gradient, and optimizer updates, of this step            |
| generated_tokens                    | generated for training since the start: the currency                 |
| tokens/rollout, tokens/correction   | of this step; together they make up generated_tokens                 |
| tokens/evaluation                   | of this step; not counted in generated_tokens                        |
| evaluation/<name>/pass@<k>          | on evaluation prompts                                                |
"""

from rfpo.reporting.store import ROLLOUT_COLUMNS, RunStore

__all__ = ["ROLLOUT_COLUMNS", "RunStore"]

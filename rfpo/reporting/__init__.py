"""What a run leaves for people to look at: the run directory, live progress, loggers, the report.

The report and the display read these metrics, all of them optional; a run may record any others beside them.

| key in metrics.jsonl                | meaning                                                              |
|-------------------------------------|----------------------------------------------------------------------|
| reward                              | mean reward of the sampled answers                                   |
| solved_share                        | share of the graded sampled answers that are right                   |
| stuck_share                         | share of the groups from which nothing can be learned                |
| fix_rate                            | share of the stuck groups that got an accepted correction            |
| r_off                               | mean off-policy ratio of the corrected rows that were trained        |
| generated_tokens                    | generated for training since the start: the currency                 |
| tokens/rollout, tokens/correction   | since the start; together they make up generated_tokens              |
| tokens/evaluation                   | since the start; not counted in generated_tokens                     |
| tries, successes                    | correction tries since the start, and those the verifier accepted    |
| updates, trained_rows               | optimizer updates since the start, and rows that had a gradient      |
| evaluation/<name>/pass@<k>          | on evaluation prompts                                                |
"""

from rfpo.reporting.store import ROLLOUT_COLUMNS, RunStore

__all__ = ["ROLLOUT_COLUMNS", "RunStore"]

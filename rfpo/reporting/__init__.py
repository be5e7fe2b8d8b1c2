"""What a run leaves for people to look at: the run directory, live progress, loggers, the report.

The report and the display read these metrics, all of them optional; a run may record any others beside them.

| key in metrics.jsonl               | meaning                                                               |
|------------------------------------|-----------------------------------------------------------------------|
| reward                             | mean reward of the step's samples                                     |
| solved_share                       | share of the graded sampled answers that are right                    |
| stuck_share                        | share of the groups in which every graded answer is wrong             |
| fix_rate                           | share of the stuck groups that got an accepted correction             |
| tries, try_success                 | correction tries of this step, and the share the verifier accepted    |
| log_r_off                          | mean log off-policy ratio of the corrected rows                       |
| generated_tokens                   | generated for training since the start: the currency                  |
| rollout_tokens, correction_tokens  | since the start; together they make up generated_tokens               |
| trained_tokens, evaluation_tokens  | since the start; not counted in generated_tokens                      |
| evaluation/<name>/pass@<k>         | on evaluation prompts                                                 |
"""

from rfpo.reporting.store import ROLLOUT_COLUMNS, RunStore

__all__ = ["ROLLOUT_COLUMNS", "RunStore"]

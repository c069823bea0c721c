"""dbt's own: `dbt seed` once, then `dbt run` and `dbt test` in rounds. Arguments: a copy of the project, which is written to."""
import sys

from dbt.cli.main import dbtRunner

import rounds

PROJECT = sys.argv[1]
RUNNER = dbtRunner()


def dbt(command):
    """dbt runs one command as the shell would, and ends the program if any part of it fails."""
    result = RUNNER.invoke([command, "--project-dir", PROJECT, "--profiles-dir", PROJECT, "--log-path", PROJECT, "--log-level", "none", "--no-use-colors"])
    if result.success:
        return
    print("dbt", command, "failed:", result.exception)
    for part in getattr(result.result, "results", None) or []:
        if str(part.status) not in ("success", "pass"):
            print(part.node.name, part.status, part.message)
    sys.exit(1)


def once():
    dbt("run")
    dbt("test")


dbt("seed")
rounds.run(once)

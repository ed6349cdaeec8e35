"""Ask a server by way of psql, which finds it by PGHOST, PGUSER and so on."""

import os
import subprocess

PSQL = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]


class Database:
    """One database, made anew."""

    def __init__(self, name):
        self.name = name
        run_psql("postgres", f"DROP DATABASE IF EXISTS {name}")
        run_psql("postgres", f"CREATE DATABASE {name}")
        self.execute("CREATE EXTENSION recsys")

    def execute(self, *commands):
        """The rows of the last command that has any, each a list of strings."""
        return [line.split("|") for line in run_psql(self.name, *commands).splitlines() if line]

    def value(self, *commands):
        """The first value of the first row."""
        return self.execute(*commands)[0][0]

    def copy(self, table, lines):
        """Append lines of tab-separated values to a table."""
        command = PSQL + ["-d", self.name, "-c", f"COPY {table} FROM STDIN"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
            process.stdin.writelines(lines)
        if process.returncode != 0:
            raise RuntimeError(f"could not copy into {table}")


def run_psql(database, *commands):
    """Each command is a transaction of its own, all in one session."""
    arguments = PSQL + ["-d", database]
    for command in commands:
        arguments += ["-c", command]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def number(text):
    """A float, or NaN for NULL."""
    return float(text) if text else float("nan")


def data_directory():
    """Where the data sets are: RECSYS_DATA, or shared/data beside the checkout."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.environ.get("RECSYS_DATA") or os.path.join(root, "..", "shared", "data")

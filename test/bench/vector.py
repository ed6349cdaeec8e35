"""pgvector on a server of its own: PostgreSQL 17 in a chroot of test/pg_matrix.sh.

Its socket lies in a directory that both sides see, so psql and pgbench are the ones
that ask our server.
"""

import contextlib
import os
import subprocess
import time

from database import PSQL, run_psql
from measure import Unavailable

MAJOR = 17
HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = r"""
initdb -D "$HOME/data" -U postgres -A trust --no-sync >/dev/null
exec postgres -D "$HOME/data" -c unix_socket_directories="$OUT" -c listen_addresses= -c shared_buffers=1GB \
	-c maintenance_work_mem=1GB -c fsync=off -c autovacuum=off"""
# The lists of all users; an index may answer it.
LISTS = "SELECT ARRAY(SELECT id FROM items ORDER BY embedding <#> q LIMIT 10) FROM users ORDER BY n"


def wait_for(process, log):
    """Until the server answers; the first time the chroot is made before, which takes minutes."""
    while process.poll() is None:
        if subprocess.run(PSQL + ["-d", "postgres", "-c", "SELECT 1"], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.5)
    with open(log, encoding="utf-8") as file:
        raise Unavailable(f"pgvector is left out: {(file.read().splitlines() or ['its server has ended'])[-1]}")


@contextlib.contextmanager
def vector_server():
    """Within it psql and pgbench ask the server with pgvector."""
    out = os.path.join(os.environ["BENCH_TMP"], "pgvector")
    log = out + ".log"
    ours = os.environ["PGHOST"]
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(["bash", os.path.join(HERE, "..", "pg_matrix.sh"), str(MAJOR), "--", "bash", "-ec", SERVER],
                                   cwd=HERE, stdout=file, stderr=file, env={**os.environ, "PG_MATRIX_OUT": out})
    os.environ["PGHOST"] = out
    try:
        wait_for(process, log)
        yield
    finally:
        os.environ["PGHOST"] = ours
        process.terminate()
        process.wait()


def load(items, users):
    """Tables of the items' vectors and the users'; returns the version of pgvector."""
    factors = items[0][1].count(",") + 1
    run_psql("postgres", "CREATE EXTENSION vector",
             f"CREATE TABLE items (id bigint PRIMARY KEY, embedding vector({factors}))",
             f"CREATE TABLE users (n int, q vector({factors}))")
    for table, rows in (("items", items), ("users", enumerate(users))):
        subprocess.run(PSQL + ["-d", "postgres", "-c", f"COPY {table} FROM STDIN"], check=True, text=True,
                       input="".join(f"{key}\t{vector}\n" for key, vector in rows))
    run_psql("postgres", "VACUUM ANALYZE items, users")
    return run_psql("postgres", "SELECT extversion FROM pg_extension WHERE extname = 'vector'").strip()


def make_index():
    """HNSW with the options that it has by default."""
    run_psql("postgres", "CREATE INDEX ON items USING hnsw (embedding vector_ip_ops)", "VACUUM ANALYZE items")


def look_at(candidates):
    """How many items HNSW keeps in view while it searches."""
    run_psql("postgres", f"ALTER DATABASE postgres SET hnsw.ef_search = {candidates}")


def lists():
    """The best ten items of each user."""
    return [set(line.strip("{}").split(",")) for line in run_psql("postgres", LISTS).split()]


def recall(found, exact):
    """The share of the exact lists that was found."""
    return sum(len(a & b) for a, b in zip(found, exact)) / sum(map(len, exact))

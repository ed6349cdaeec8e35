#!/usr/bin/env python3
"""Events of Kafka into tables, one line for each target; run by test/bench/run.sh kafka.

One real broker, one source, one worker, all on this machine.  A rate is that of the
worker from its start to its last commit.  The yardstick is COPY, from a file, of the
same rows into the same table, in turns with it.
"""

import json
import os
import statistics
import subprocess
import time

from bench import Report
from database import PSQL, Database

EVENTS = int(os.environ.get("BENCH_EVENTS", "2000000"))
ROUNDS = 3
SAMPLES = 100
IDLE_SECONDS = 20
PARTITIONS = 8
COLUMNS = {"user_id": "$.user_id", "item_id": "$.item_id", "at": "$.at",
           "weight": {"path": "$.action", "map": {"view": 1, "cart": 3, "purchase": 5}}}
TABLE = "(user_id bigint, item_id bigint, weight real, at timestamptz)"
BROKERS = os.environ["KAFKA_BROKERS"]
TOOLS = os.environ["KAFKA_TOOLS"]


class Session:
    """A psql that stays, so that a question costs no more than its answer."""

    def __init__(self, database, role):
        self.process = subprocess.Popen(PSQL + ["-d", database, "-U", role], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        """The one line that a query gives."""
        self.process.stdin.write(question + ";\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        """End it."""
        self.process.stdin.close()
        self.process.wait()


def produce(topic, count, bad_every=0):
    """Numbered events, as fast as can be."""
    subprocess.run([f"{TOOLS}/admin", BROKERS, "create", topic, str(PARTITIONS), "1"], check=True)
    subprocess.run([f"{TOOLS}/produce", "-n", str(count), "-p", str(PARTITIONS), "-e", str(bad_every),
                    BROKERS, topic], check=True, stdout=subprocess.DEVNULL)


def as_app(database, command):
    """Run a command as the role that owns the sources."""
    return database.execute(f"SET ROLE app; {command}")


def create_source(database, source, topic, table, on_conflict="error", options=None):
    """A source, which begins to read at once."""
    options = {"max_dead_letters": 100000, **(options or {})}
    as_app(database, f"SELECT recsys.kafka_create_source('{source}', 'kafka', '{topic}', '{table}', "
           f"columns => '{json.dumps(COLUMNS)}', on_conflict => '{on_conflict}', "
           f"options => '{json.dumps(options)}')")


def wait_for(question, answer, session, seconds=300):
    """Ask until the answer comes."""
    end = time.monotonic() + seconds
    while (last := session.ask(question)) != answer:
        if time.monotonic() > end:
            raise RuntimeError(f"{question}: {last} instead of {answer}")
        time.sleep(0.02)


def resident_megabytes(pid):
    """Memory of a process that is its own."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


def processor_seconds(pid):
    """Time that a process has spent."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Ingest:
    """Rounds of one kind: what the worker does, and COPY of what it wrote."""

    def __init__(self, database, name, topic, index="", on_conflict="error"):
        self.database = database
        self.name = name
        self.topic = topic
        self.index = index
        self.on_conflict = on_conflict
        self.rates = []
        self.copies = []
        self.memory = 0.0

    def make_table(self):
        """An empty target."""
        self.database.execute(f"DROP TABLE IF EXISTS {self.name}", f"CREATE TABLE {self.name} {TABLE}",
                              f"ALTER TABLE {self.name} OWNER TO app",
                              *([self.index.format(self.name)] if self.index else []))

    def ingest(self, session):
        """One round of ours."""
        self.make_table()
        self.database.execute("CHECKPOINT")
        create_source(self.database, self.name, self.topic, self.name, self.on_conflict)
        state = f"SELECT messages FROM recsys.kafka_sources WHERE source = '{self.name}'"
        end = time.monotonic() + 600
        while session.ask(state) != str(EVENTS):
            pid = session.ask(f"SELECT COALESCE(max(pid), 0) FROM recsys.kafka_status WHERE source = '{self.name}'")
            if pid != "0":
                self.memory = max(self.memory, resident_megabytes(pid))
            if time.monotonic() > end:
                raise RuntimeError(session.ask(f"SELECT jsonb_agg(s) FROM recsys.kafka_status s WHERE source = '{self.name}'"))
            time.sleep(0.05)
        wait_for(f"SELECT messages FROM recsys.kafka_status WHERE source = '{self.name}'", str(EVENTS), session)
        seconds = float(session.ask("SELECT extract(epoch FROM last_commit - started_at) "
                                    f"FROM recsys.kafka_status WHERE source = '{self.name}'"))
        self.rates.append(EVENTS / seconds)
        as_app(self.database, f"SELECT recsys.kafka_drop_source('{self.name}')")

    def copy(self, session):
        """One round of COPY, of the rows that are there."""
        file = os.path.join(os.environ["BENCH_TMP"], f"{self.name}.tsv")
        rows = float(session.ask(f"SELECT count(*) FROM {self.name}"))
        self.database.execute(f"COPY {self.name} TO '{file}'")
        self.make_table()
        self.database.execute("CHECKPOINT")
        begin = time.monotonic()
        self.database.execute(f"COPY {self.name} FROM '{file}'")
        self.copies.append(rows / (time.monotonic() - begin))
        self.database.execute(f"TRUNCATE {self.name}")

    def run(self, session):
        """All rounds."""
        for _ in range(ROUNDS):
            self.ingest(session)
            self.copy(session)

    def rate(self):
        """Best and median."""
        return (max(self.rates), statistics.median(self.rates))

    def copy_rate(self):
        """The same of COPY."""
        return (max(self.copies), statistics.median(self.copies))


def latencies(topic, user, question, answer, session):
    """Milliseconds from sending one event to what a query says, at some distance."""
    result = []
    producer = subprocess.Popen([f"{TOOLS}/produce", "-X", "linger.ms=0", BROKERS, topic], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for i in range(SAMPLES):
        event = {"user_id": user(i), "item_id": 1 + i % 40, "action": "purchase", "at": "2026-11-25T08:00:00Z"}
        begin = time.monotonic()
        producer.stdin.write(json.dumps(event) + "\n")
        producer.stdin.flush()
        while session.ask(question(i)) != answer(i):
            if time.monotonic() > begin + 30:
                raise RuntimeError("an event does not arrive")
        result.append(1000 * (time.monotonic() - begin))
        time.sleep(0.05 + 0.003 * (i * 37 % 50))
    producer.stdin.close()
    producer.wait()
    return result


def percentile(values, share):
    """The value below which a share of them lies."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def report_latency(report, work, values):
    """One line, median and 99th percentile."""
    p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
    report.add("K4", work, "ms p50 (p99)", (p50, p99), "-", (), None, "<= 150 (<= 400)", p50 <= 150 and p99 <= 400)


def trickle(database, report, session):
    """From an event to a row, and to other recommendations."""
    database.execute(f"CREATE TABLE trickle {TABLE}",
                     "INSERT INTO trickle SELECT u, 1 + (u * i * i) % 40, 1, now() "
                     "FROM generate_series(1, 200) u, generate_series(1, 9) i",
                     "CREATE INDEX ON trickle (user_id)", "ALTER TABLE trickle OWNER TO app",
                     "GRANT CREATE ON SCHEMA recsys_data TO app")
    as_app(database, "SELECT recsys.create_model('m', 'trickle', rating_column => 'weight', feedback => 'implicit', "
           "options => '{\"factors\": 16}', algorithm => 'als')")
    as_app(database, "SELECT FROM recsys.train('m')")
    produce("trickle", 0)
    create_source(database, "trickle", "trickle", "trickle")
    wait_for("SELECT state FROM recsys.kafka_status WHERE source = 'trickle'", "idle", session)
    report_latency(report, "produce to visible", latencies(
        "trickle", lambda i: 1000000 + i,
        lambda i: f"SELECT count(*) FROM trickle WHERE user_id = {1000000 + i}", lambda i: "1", session))
    report_latency(report, "produce to recommend", latencies(
        "trickle", lambda i: 2000000 + i,
        lambda i: f"SELECT source FROM recsys.recommend('m', {2000000 + i}, k => 1)", lambda i: "folded", session))


def idle(database, report, session, memory):
    """What a source costs that has nothing to read."""
    pids = session.ask("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE backend_type LIKE '%recsys%'").split()
    worker = session.ask("SELECT pid FROM recsys.kafka_status WHERE source = 'trickle'")
    xid = "SELECT txid_snapshot_xmax(txid_current_snapshot())"
    before = session.ask(xid)
    begin = {pid: processor_seconds(pid) for pid in pids}
    time.sleep(IDLE_SECONDS)
    spent = {pid: 100 * (processor_seconds(pid) - begin[pid]) / IDLE_SECONDS for pid in pids}
    used = int(session.ask(xid)) - int(before)
    report.add("K5", "idle, the worker", "% of a core", (spent[worker],), "-", (), None, "< 0.2", spent[worker] < 0.2)
    report.add("K5", "idle, all our processes", "% of a core", (sum(spent.values()),), "-", (), None, "-", None)
    report.add("K5", f"transaction ids in {IDLE_SECONDS} s at rest", "", (used,), "-", (), None, "0", used == 0)
    report.add("K5", "memory of a worker at full speed", "MB", (memory,), "-", (), None, "<= 150", memory <= 150)
    database.execute("SELECT 1")


def main():
    """All targets."""
    database = Database("bench_kafka")
    database.execute("CREATE ROLE app LOGIN", "GRANT CREATE ON SCHEMA public TO app", "GRANT pg_monitor TO app",
                     f"CREATE SERVER kafka FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '{BROKERS}')",
                     "GRANT USAGE ON FOREIGN SERVER kafka TO app", "CREATE USER MAPPING FOR app SERVER kafka")
    session = Session("bench_kafka", os.environ["PGUSER"])
    report = Report()
    produce("clean", EVENTS)
    produce("dirty", EVENTS, 100)

    plain = Ingest(database, "plain", "clean")
    dirty = Ingest(database, "dirty", "dirty")
    for _ in range(ROUNDS):
        plain.ingest(session)
        plain.copy(session)
        dirty.ingest(session)
    ratio = plain.rate()[0] / plain.copy_rate()[0]
    report.add("K1", f"insert, {EVENTS} events", "/s", plain.rate(), "COPY of the same rows", plain.copy_rate(),
               ratio, ">= 200000/s, >= 0.40 x", plain.rate()[0] >= 200000 and ratio >= 0.4)

    indexed = Ingest(database, "indexed", "clean", "CREATE INDEX ON {} (user_id, item_id)")
    indexed.run(session)
    report.add("K2", "with an index (user, item)", "/s", indexed.rate(), "COPY of the same rows", indexed.copy_rate(),
               indexed.rate()[0] / indexed.copy_rate()[0], ">= 120000/s", indexed.rate()[0] >= 120000)
    upsert = Ingest(database, "upsert", "clean", "ALTER TABLE {} ADD PRIMARY KEY (user_id, item_id)", "update")
    for _ in range(ROUNDS):
        upsert.ingest(session)
    report.add("K2", "upsert on (user, item)", "/s", upsert.rate(), "-", (), None, ">= 40000/s", upsert.rate()[0] >= 40000)

    ratio = dirty.rate()[0] / plain.rate()[0]
    report.add("K3", "1 % dead letters", "/s", dirty.rate(), "K1", plain.rate(), ratio, ">= 0.70 x", ratio >= 0.7)
    trickle(database, report, session)
    idle(database, report, session, plain.memory)
    session.close()
    report.write(os.environ["BENCH_RESULTS"])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""One rival as a process: peer.py NAME DATA.npz, or peer.py pack DATA.tsv DATA.npz

Writes {} when it has its data.  Then it reads one JSON object a line from standard
input and answers each with one line:
  {"mode", "factors", "iterations", "regularization", "alpha", "solver"[, "recommend"]}
  -> {"seconds", "peak_mb"[, "objective"][, "load_seconds"][, "recommend_seconds"]}
seconds is the time of the fit alone, with the data in the form the rival likes best,
which Spark, the one that reads them itself, had after load_seconds;
peak_mb the greatest resident size so far, a child process included.  Every rival
works with two threads, its BLAS with one.
"""

import json
import os
import resource
import sys
import tempfile
import time

THREADS = os.environ.get("BENCH_THREADS", "2")
for _name in ("OMP_NUM_THREADS", "LK_NUM_THREADS", "LK_NUM_BACKEND_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_name] = THREADS
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LK_NUM_PROCS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402 - the variables above must come first
import scipy.sparse as sp  # noqa: E402


def pack(source, target):
    """Turn the lines user, item, rating into arrays with dense, 0-based ids."""
    import pandas as pd

    rows = pd.read_csv(source, sep="\t", header=None,
                       dtype={0: np.int32, 1: np.int32, 2: np.float32})
    arrays = {"u": rows[0].to_numpy() - 1, "i": rows[1].to_numpy() - 1, "r": rows[2].to_numpy()}
    with open(target, "wb") as file:
        np.savez(file, **arrays)


class Data:
    """The ratings as arrays."""

    def __init__(self, path):
        self.path = path
        with np.load(path) as arrays:
            self.u, self.i, self.r = arrays["u"], arrays["i"], arrays["r"]
        self.shape = (int(self.u.max()) + 1, int(self.i.max()) + 1)

    def coo(self):
        """As a sparse matrix of coordinates."""
        return sp.coo_matrix((self.r, (self.u, self.i)), shape=self.shape)

    def frame(self, rated):
        """As a data frame in LensKit's names."""
        import pandas as pd

        columns = {"user_id": self.u, "item_id": self.i}
        if rated:
            columns["rating"] = self.r
        return pd.DataFrame(columns)


def implicit_objective(cells, users, items, regularization):
    """What implicit minimises: every cell, weight 1 where there is no event."""
    total = float(np.sum((users.T @ users).astype(np.float64) * (items.T @ items)))
    for first in range(0, cells.shape[0], 4096):
        part = cells[first:first + 4096].tocoo()
        score = np.einsum("ij,ij->i", users[first + part.row], items[part.col], dtype=np.float64)
        total += float(np.sum(part.data * (1 - score) ** 2 - score ** 2))
    norms = np.sum(users.astype(np.float64) ** 2) + np.sum(items.astype(np.float64) ** 2)
    return total + regularization * float(norms)


class Implicit:
    """benfred/implicit; its matrix holds the whole confidence, 1 + alpha * rating."""

    def __init__(self, data):
        self.cells = data.coo().tocsr()
        self.raw = self.cells.data.copy()

    def fit(self, job):
        """One training."""
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=job["factors"], regularization=job["regularization"], alpha=1.0,
            use_cg=job.get("solver") != "cholesky", iterations=job["iterations"],
            num_threads=int(THREADS), random_state=1)
        np.multiply(self.raw, job["alpha"], out=self.cells.data)
        self.cells.data += 1
        start = time.perf_counter()
        model.fit(self.cells, show_progress=False)
        answer = {"seconds": time.perf_counter() - start}
        if job.get("recommend"):
            start = time.perf_counter()
            model.recommend(np.arange(self.cells.shape[0]), self.cells, N=job["recommend"])
            answer["recommend_seconds"] = time.perf_counter() - start
        if job.get("objective"):
            answer["objective"] = implicit_objective(
                self.cells, model.user_factors, model.item_factors, job["regularization"])
        return answer


class Cmfrec:
    """david-cortes/cmfrec."""

    def __init__(self, data):
        self.cells = data.coo()

    def model(self, job):
        """The model that a job asks for."""
        import cmfrec

        common = {
            "k": job["factors"], "lambda_": job["regularization"],
            "use_cg": job.get("solver") != "cholesky", "niter": job["iterations"],
            "use_float": True, "precompute_for_predictions": False, "random_state": 1,
            "nthreads": int(THREADS), "verbose": False}
        if job["mode"] == "implicit":
            return cmfrec.CMF_implicit(alpha=job["alpha"], **common)
        return cmfrec.CMF(method="als", scale_lam=True, finalize_chol=False, **common)

    def fit(self, job):
        """One training."""
        model = self.model(job)
        start = time.perf_counter()
        model.fit(self.cells)
        return {"seconds": time.perf_counter() - start}


class Lenskit:
    """lenskit's exact solvers, written in Rust."""

    def __init__(self, data):
        self.data = data
        self.sets = {}

    def dataset(self, mode):
        """Its form of the data, built once."""
        from lenskit.data import from_interactions_df

        if mode not in self.sets:
            self.sets[mode] = from_interactions_df(self.data.frame(mode == "explicit"))
        return self.sets[mode]

    def fit(self, job):
        """One training."""
        from lenskit.als import BiasedMFScorer, ImplicitMFScorer
        from lenskit.training import TrainingOptions

        settings = {"embedding_size": job["factors"], "epochs": job["iterations"],
                    "regularization": job["regularization"], "user_embeddings": "prefer"}
        if job["mode"] == "implicit":
            scorer = ImplicitMFScorer(weight=job["alpha"], **settings)
        else:
            scorer = BiasedMFScorer(**settings)
        data = self.dataset(job["mode"])
        start = time.perf_counter()
        scorer.train(data, TrainingOptions(rng=1))
        return {"seconds": time.perf_counter() - start}


class Spark:
    """MLlib's ALS in one JVM, as installed or with OpenBLAS."""

    def __init__(self, data, blas):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        self.session = self.start(blas)
        start = time.perf_counter()
        schema = "user int, item int, rating float"
        path = data.path.replace(".npz", ".tsv")
        self.frame = self.session.read.csv(path, sep="\t", schema=schema).cache()
        self.frame.count()
        self.load_seconds = time.perf_counter() - start

    @staticmethod
    def start(blas):
        """A session; without OpenBLAS Spark computes in Java."""
        from pyspark.sql import SparkSession

        scratch = tempfile.mkdtemp(prefix="spark-", dir=os.environ.get("BENCH_TMP"))
        settings = {
            "spark.driver.memory": os.environ.get("BENCH_SPARK_MEMORY", "8g"),
            "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
            "spark.local.dir": scratch, "spark.sql.warehouse.dir": scratch,
            "spark.driver.extraJavaOptions": f"-Ddev.ludovic.netlib.blas.nativeLib={blas or 'none'}"}
        builder = SparkSession.builder.master(f"local[{THREADS}]").appName("bench")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        if blas:
            # raises where the library does not load: Spark itself says nothing and computes in Java
            session.sparkContext._jvm.dev.ludovic.netlib.blas.NativeBLAS.getInstance()
        return session

    def fit(self, job):
        """One training, until the factors are there."""
        from pyspark.ml.recommendation import ALS

        implicit = job["mode"] == "implicit"
        als = ALS(rank=job["factors"], maxIter=job["iterations"], regParam=job["regularization"],
                  implicitPrefs=implicit, alpha=job.get("alpha", 1.0) if implicit else 1.0,
                  userCol="user", itemCol="item", ratingCol="rating", seed=1)
        start = time.perf_counter()
        model = als.fit(self.frame)
        model.userFactors.count()
        model.itemFactors.count()
        return {"seconds": time.perf_counter() - start, "load_seconds": self.load_seconds}


RIVALS = {
    "implicit": Implicit,
    "cmfrec": Cmfrec,
    "lenskit": Lenskit,
    "spark": lambda data: Spark(data, None),
    "spark-openblas": lambda data: Spark(data, "libopenblas.so.0"),
}


def peak_mb():
    """The greatest resident size of this process, and of a JVM below it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                status = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        except OSError:
            continue
        if status.get("PPid", "").strip() == str(os.getpid()) and status["Name"] == "java\n":
            peak += int(status["VmHWM"].split()[0]) / 1024
    return peak


def main():
    """Answer jobs until standard input ends."""
    if sys.argv[1] == "pack":
        pack(sys.argv[2], sys.argv[3])
        return
    answers = os.fdopen(os.dup(1), "w")  # rivals print what they like
    os.dup2(2, 1)
    rival = RIVALS[sys.argv[1]](Data(sys.argv[2]))
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        answer = rival.fit(json.loads(line))
        answer["peak_mb"] = peak_mb()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

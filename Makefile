# recsys: recommendations inside PostgreSQL.  `make help` lists the targets.

# ---- module -----------------------------------------------------------------
EXTENSION = recsys
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" recsys.control)
MODULE_big = recsys

KERNEL_OBJS := $(patsubst %.c,%.o,$(wildcard extension/kernel/*.c))
SOLVER_OBJS := $(patsubst %.c,%.o,$(wildcard extension/solver/*.c))
SERVER_OBJS := $(patsubst %.c,%.o,$(wildcard extension/*.c extension/type/*.c \
	extension/store/*.c extension/train/*.c extension/serve/*.c extension/batch/*.c \
	extension/ingest/*.c extension/api/*.c))
OBJS = $(SERVER_OBJS) $(KERNEL_OBJS)

# Hidden by default: PostgreSQL opens libraries with global symbols.
# -ffp-contract=off: results must not depend on whether the compiler fuses.
# -fno-math-errno: nobody asks, and square roots become vectors of them.
PG_CPPFLAGS = -I$(CURDIR)/extension
PG_CFLAGS = -std=gnu11 -O3 -fvisibility=hidden -ffp-contract=off -fno-math-errno -MMD -MP
SHLIB_LINK = -lm

# Bitcode would only serve JIT inlining, from which none of our functions gains.
override with_llvm = no

# ---- sql --------------------------------------------------------------------
SQL_PARTS := $(sort $(wildcard sql/parts/*.sql))
# The script of this version is put together here; those of versions that were
# released are files of the repository, and so are the steps between versions.
DATA_built = sql/recsys--$(EXTVERSION).sql
DATA = $(filter-out $(DATA_built),$(wildcard sql/recsys--*.sql))

# ---- tests of make installcheck; inputs are found by wildcard ---------------
REGRESS := $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
# The output does not depend on the server's encoding, locale and settings.
REGRESS_OPTS = --inputdir=test --load-extension=recsys --encoding=UTF8 --no-locale
ISOLATION := $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=recsys --encoding=UTF8 --no-locale
TAP_TESTS := $(if $(wildcard test/t/*.pl),1)
PROVE_TESTS ?= test/t/*.pl

# ---- PGXS -------------------------------------------------------------------
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
EXTRA_CLEAN = $(SOLVER_OBJS) recsys_solver.so build \
	$(patsubst %.o,%.d,$(OBJS) $(SOLVER_OBJS))

ifeq ($(wildcard $(PGXS)),)
# What sets up a machine must work before there is a PostgreSQL, and what cleans it afterwards.
all install installcheck:
	@echo "no server headers of PostgreSQL found: install them, set PG_CONFIG, or run make demo" >&2
	@exit 1

clean:
	rm -rf $(EXTRA_CLEAN) $(OBJS) *.so $(DATA_built) $(addprefix kafka_ingest/,*.o *.d *.so)
else
include $(PGXS)
# What a server may have set otherwise, and the tests' output depends on.
installcheck: export PGOPTIONS += -c row_security=on -c default_transaction_isolation=read\ committed
override PROVE_FLAGS += -I$(CURDIR)/test/perl
-include $(patsubst %.o,%.d,$(OBJS) $(SOLVER_OBJS))

sql/recsys--$(EXTVERSION).sql: $(SQL_PARTS)
	cat $^ > $@

# ---- the solver library: pure C, threads ---------------------------------------
all: recsys_solver.so

recsys_solver.so: $(SOLVER_OBJS) $(KERNEL_OBJS)
	$(CC) $(CFLAGS) -shared -o $@ $^ $(LDFLAGS) -lpthread -lm

install: install-solver
install-solver: recsys_solver.so
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_SHLIB) recsys_solver.so '$(DESTDIR)$(pkglibdir)/recsys_solver.so'

uninstall: uninstall-solver
uninstall-solver:
	rm -f '$(DESTDIR)$(pkglibdir)/recsys_solver.so'

# ---- the Kafka library, which needs librdkafka ----------------------------------
WITH_KAFKA ?= yes
KAFKA_MAKE = $(MAKE) -C kafka_ingest PG_CONFIG='$(PG_CONFIG)'

ifneq ($(WITH_KAFKA),no)
all: kafka
install: install-kafka
uninstall: uninstall-kafka
endif
clean: clean-kafka

kafka:
	@echo '#include <librdkafka/rdkafka.h>' | $(CC) $(CPPFLAGS) -E -xc - >/dev/null 2>&1 || { \
		echo "no headers of librdkafka found: install them (Debian: librdkafka-dev), or run make WITH_KAFKA=no" >&2; \
		exit 1; }
	+$(KAFKA_MAKE) all

install-kafka uninstall-kafka clean-kafka: %-kafka:
	+$(KAFKA_MAKE) $*

install-kafka: kafka
endif

# ---- unit tests: pure C, no server, no PostgreSQL include path ---------------
# Other flags, such as a sanitizer, want a directory of their own.
UNIT_DIR ?= build/unit
UNIT_CFLAGS ?= -O2 -g
UNIT_FLAGS = -std=gnu11 -fno-strict-aliasing -Wall -Wextra -Werror -Wdeclaration-after-statement \
	-ffp-contract=off -fno-math-errno -MMD -MP -I. -Iextension -Itest/unit
KAFKA_PURE := $(patsubst %,kafka_ingest/%.c,arena json event checks statistics job)
UNIT_SOURCES := $(KAFKA_PURE) $(filter-out extension/solver/module.c,$(wildcard \
	extension/kernel/*.c extension/solver/*.c extension/type/*_codec.c))
UNIT_OBJS := $(patsubst %.c,$(UNIT_DIR)/%.o,$(UNIT_SOURCES))
UNIT_TESTS := $(patsubst test/unit/%.c,$(UNIT_DIR)/%,$(wildcard test/unit/test_*.c))
-include $(UNIT_OBJS:.o=.d) $(addsuffix .d,$(UNIT_TESTS))

$(UNIT_OBJS): $(UNIT_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) $(UNIT_CFLAGS) -c -o $@ $<

$(UNIT_TESTS): $(UNIT_DIR)/%: test/unit/%.c $(UNIT_OBJS)
	$(CC) $(UNIT_FLAGS) $(UNIT_CFLAGS) -o $@ $< $(UNIT_OBJS) $(UNIT_LDFLAGS) -lpthread -lm

# A test that lets malloc() fail has it wrapped.
$(UNIT_DIR)/test_arena: UNIT_LDFLAGS = -Wl,--wrap=malloc

.PHONY: check-unit
check-unit: $(UNIT_TESTS)
	@rc=0; for test in $(UNIT_TESTS); do \
		if $$test; then echo "ok $${test##*/}"; else echo "not ok $${test##*/}"; rc=1; fi; \
	done; exit $$rc

# ---- Kafka for tests and demo: a mock cluster, a producer (librdkafka) ----------
KAFKA_TOOLS := $(patsubst test/kafka/%.c,build/kafka/%,$(wildcard test/kafka/*.c))
build/kafka/test_consumer: $(addprefix kafka_ingest/,consumer.c link.c lookup.c statistics.c job.c arena.c)

$(KAFKA_TOOLS): build/kafka/%: test/kafka/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
		-Wdeclaration-after-statement -Ikafka_ingest -Itest/unit -o $@ $^ -lrdkafka -lpthread -lm

.PHONY: kafka-tools
kafka-tools: $(KAFKA_TOOLS)

# ---- fuzzing: what a run finds new is kept in build/, not in the corpus ------
FUZZ_SECONDS ?= 60
FUZZ_TARGETS = recvec_codec event
FUZZ_SOURCES_recvec_codec = extension/type/recvec_codec.c
FUZZ_SOURCES_event = $(KAFKA_PURE)
.PHONY: fuzz $(addprefix fuzz-,$(FUZZ_TARGETS))
fuzz: $(addprefix fuzz-,$(FUZZ_TARGETS))

$(addprefix fuzz-,$(FUZZ_TARGETS)): fuzz-%:
	@mkdir -p build/corpus/$*
	clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-I. -Iextension -Itest/unit -o build/fuzz_$* test/fuzz/fuzz_$*.c $(FUZZ_SOURCES_$*) -lm
	build/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
		build/corpus/$* test/fuzz/corpus/$*

# ---- measurements: programs without a server, then whole trainings -------------
BENCH_DIR = build/bench-programs
BENCH_OBJS := $(patsubst %.c,$(BENCH_DIR)/%.o,$(UNIT_SOURCES))
BENCH_PROGRAMS := $(patsubst test/bench/%.c,$(BENCH_DIR)/%,$(wildcard test/bench/bench_*.c))
-include $(BENCH_OBJS:.o=.d) $(addsuffix .d,$(BENCH_PROGRAMS))

$(BENCH_OBJS): $(BENCH_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -O3 -c -o $@ $<

$(BENCH_PROGRAMS): $(BENCH_DIR)/%: test/bench/%.c $(BENCH_OBJS)
	$(CC) $(UNIT_FLAGS) -O3 -o $@ $< $(BENCH_OBJS) -lpthread -lm

.PHONY: bench-kernels bench-solver bench-neighbours bench-event bench-search bench-programs bench \
	bench-sweep bench-quality bench-kafka bench-serve
bench-kernels: $(BENCH_DIR)/bench_kernels
	@$<

bench-solver: $(BENCH_DIR)/bench_solver
	@$< $(BENCH_ARGS)

bench-neighbours: $(BENCH_DIR)/bench_neighbours
	@$< $(BENCH_ARGS)

bench-event: $(BENCH_DIR)/bench_event
	@$<

bench-search: $(BENCH_DIR)/bench_search
	@$< $(BENCH_ARGS)

bench-programs: bench-kernels bench-solver bench-neighbours bench-event bench-search

bench:
	@test/setup.sh bench
	@test/bench/run.sh bench

bench-sweep:
	@test/setup.sh demo
	@test/bench/run.sh sweep $(SETS)

bench-quality:
	@test/setup.sh bench
	@test/bench/run.sh quality $(SETS)

bench-kafka:
	@test/setup.sh kafka
	@test/bench/run.sh kafka

bench-serve:
	@test/setup.sh demo
	@test/bench/run.sh serve

# ---- set up, try, test: nothing is installed but packages that are missing --
demo:
	@test/setup.sh demo
	@demo/run.sh

psql:
	@demo/run.sh psql

clean: clean-demo
clean-demo:
	@demo/run.sh clean

test:
	@test/setup.sh test
	@test/run.sh

test-majors:
	@test/setup.sh majors
	@test/majors.sh

# One stage: make test-regress REGRESS=name, make test-tap PROVE_TESTS=file
TEST_STAGES = test-lint test-build test-unit test-regress test-isolation test-tap test-nokafka \
	test-installcheck test-gates test-kafka test-long
$(TEST_STAGES): test-%:
	@test/run.sh $*

check-lint: test-lint

help:
	@sed -n 's/^#: //p' Makefile

#: make               build recsys.so, recsys_solver.so and recsys_kafka.so (needs the
#:                    server's headers)
#: make WITH_KAFKA=no leave recsys_kafka.so out, which needs librdkafka
#: make install       install them; DESTDIR= and PG_CONFIG= as usual
#: make installcheck  regress, isolation and TAP tests against what is installed
#: make demo          set up what is missing, build, and run the demo on a private server
#: make psql          psql on the demo's server, which runs as long as psql does
#: make test          set up what is missing, build, and run all tests on a private server
#: make test-STAGE    one of lint build unit regress isolation tap nokafka installcheck gates kafka (real
#:                    brokers, by Java and Maven; test/setup.sh kafka) long; one test by
#:                    REGRESS=name, ISOLATION=name or PROVE_TESTS=test/t/file.pl
#: make test-long     what takes minutes: the memory of a session over a million questions,
#:                    10,000 steps of the property test
#: make test-majors   the tests on the other supported majors: 16 from a wheel, 17 and 18
#:                    in chroots (root)
#: make check-unit    the unit tests, without a server
#: make kafka-tools   a mock cluster and a producer of Kafka, in build/kafka
#: make fuzz          a minute of fuzzing for each parser (clang with libFuzzer)
#: make bench         training against its rivals; BENCH_SCALE=quick (default) or full
#: make bench-kafka   events of a real Kafka broker into tables (Java; BENCH_EVENTS=2000000)
#: make bench-serve   answers against SELECT 1; BENCH_SCALE=quick (default) or full
#: make bench-quality lists with nothing set against rivals on real data; SETS="name..."
#: make bench-sweep   what the default options lose on real data; SETS="name..." picks some
#: make bench-kernels costs of the pieces of training at each SIMD level, and the floor
#: make bench-search  the best items by the index against scoring all of them:
#:                    BENCH_ARGS="ml20m implicit 64", see test/bench/bench_search.c
#: make bench-event   what mapping an event of Kafka costs
#: make bench-solver  whole trainings: BENCH_ARGS="ml1m 64 5 3", see test/bench/bench_solver.c
#: make bench-neighbours  item-item weights: BENCH_ARGS="ml1m 3", see test/bench/bench_neighbours.c
#: make clean         remove everything built, build/ included; packages stay, and the chroots
#:                    of test-majors in /var/cache/pg_matrix

.PHONY: demo psql clean-demo test test-majors $(TEST_STAGES) check-lint help install-solver uninstall-solver \
	kafka install-kafka uninstall-kafka clean-kafka

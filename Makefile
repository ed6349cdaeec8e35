# recsys: recommendations inside PostgreSQL.  `make help` lists the targets.

# ---- module -----------------------------------------------------------------
EXTENSION = recsys
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" recsys.control)
MODULE_big = recsys

KERNEL_OBJS := $(patsubst %.c,%.o,$(wildcard extension/kernel/*.c))
SOLVER_OBJS := $(patsubst %.c,%.o,$(wildcard extension/solver/*.c))
SERVER_OBJS := $(patsubst %.c,%.o,$(wildcard extension/*.c extension/type/*.c \
	extension/store/*.c extension/train/*.c extension/serve/*.c extension/api/*.c))
OBJS = $(SERVER_OBJS) $(KERNEL_OBJS)

# Hidden by default: PostgreSQL opens libraries with global symbols.
# -ffp-contract=off: results must not depend on whether the compiler fuses.
PG_CPPFLAGS = -I$(CURDIR)/extension
PG_CFLAGS = -std=gnu11 -O3 -fvisibility=hidden -ffp-contract=off -MMD -MP
SHLIB_LINK = -lm

# Bitcode would only serve JIT inlining, from which none of our functions gains.
override with_llvm = no

# ---- sql --------------------------------------------------------------------
SQL_PARTS := $(sort $(wildcard sql/parts/*.sql))
DATA_built = sql/recsys--$(EXTVERSION).sql
DATA = $(filter-out $(DATA_built),$(wildcard sql/recsys--*--*.sql))

# ---- PGXS -------------------------------------------------------------------
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
EXTRA_CLEAN = $(SOLVER_OBJS) recsys_solver.so build \
	$(patsubst %.o,%.d,$(OBJS) $(SOLVER_OBJS))
include $(PGXS)
-include $(patsubst %.o,%.d,$(OBJS) $(SOLVER_OBJS))

sql/recsys--$(EXTVERSION).sql: $(SQL_PARTS)
	cat $^ > $@

# ---- the solver library: pure C, OpenBLAS, threads --------------------------
all: recsys_solver.so

recsys_solver.so: $(SOLVER_OBJS) $(KERNEL_OBJS)
	$(CC) $(CFLAGS) -shared -o $@ $^ $(LDFLAGS) -lopenblas -lpthread -lm

install: install-solver
install-solver: recsys_solver.so
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_SHLIB) recsys_solver.so '$(DESTDIR)$(pkglibdir)/recsys_solver.so'

# ---- unit tests: pure C, no server, no PostgreSQL include path ---------------
UNIT_CFLAGS ?= -O2 -g
UNIT_FLAGS = -std=gnu11 -Wall -Wextra -Werror -Wdeclaration-after-statement \
	-ffp-contract=off -MMD -MP -Iextension -Itest/unit
UNIT_SOURCES := $(filter-out extension/solver/module.c,$(wildcard \
	extension/kernel/*.c extension/solver/*.c extension/type/*_codec.c))
UNIT_OBJS := $(patsubst extension/%.c,build/unit/%.o,$(UNIT_SOURCES))
UNIT_TESTS := $(patsubst test/unit/%.c,build/unit/%,$(wildcard test/unit/test_*.c))
-include $(UNIT_OBJS:.o=.d) $(addsuffix .d,$(UNIT_TESTS))

$(UNIT_OBJS): build/unit/%.o: extension/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) $(UNIT_CFLAGS) -c -o $@ $<

$(UNIT_TESTS): build/unit/%: test/unit/%.c $(UNIT_OBJS)
	$(CC) $(UNIT_FLAGS) $(UNIT_CFLAGS) -o $@ $< $(UNIT_OBJS) -lopenblas -lpthread -lm

.PHONY: check-unit
check-unit: $(UNIT_TESTS)
	@for test in $(UNIT_TESTS); do $$test || exit 1; done

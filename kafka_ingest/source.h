/*-------------------------------------------------------------------------
 *
 * source.h
 *		A source's row, its partitions, its connection, and the roles that
 *		SQL runs as.
 *
 * Everything here needs a transaction; what says so needs a connected SPI.
 * Results are in the memory context that was current at the call, unless the
 * result stays in SPI_tuptable.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_SOURCE_H
#define RK_SOURCE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "consumer.h"

typedef enum RkOnConflict
{
	RK_CONFLICT_ERROR,
	RK_CONFLICT_NOTHING,
	RK_CONFLICT_UPDATE
} RkOnConflict;

/* kafka_source.options, defaults filled in; those of librdkafka are settings. */
typedef struct RkOptions
{
	int			batch_rows;
	int			batch_bytes;
	int			linger_ms;
	int			max_message_bytes;
	int			max_dead_letters;	/* of the latest RK_DEAD_LETTER_WINDOW messages */
	bool		skip_gaps;			/* on_gap skip */
} RkOptions;

#define RK_DEAD_LETTER_WINDOW	100000

/* A row of kafka_partition. */
typedef struct RkProgress
{
	int32		partition;
	int64		next_offset;
	bool		has_anchor;
	int64		anchor_offset;	/* the last message read */
	int64		anchor_time;
	int64		anchor_hash;
} RkProgress;

typedef struct RkSource
{
	char	   *name;
	Oid			owner;
	char	   *server;
	char	   *topic;
	char	   *target_schema;
	char	   *target_table;
	Jsonb	   *columns;		/* NULL: transform */
	char	   *transform;		/* as regprocedure or regproc prints it; NULL: columns */
	RkOnConflict on_conflict;
	RkOptions	options;
	char	   *cluster_id;		/* NULL: not known yet */
	bool		enabled;
	bool		failed;			/* failed_at is set */
	int32		generation;
	int			npartitions;
	RkProgress *partitions;		/* ascending */
	int			ntuning;		/* of options: properties of librdkafka */
	RkSetting  *tuning;
	int			nsettings;		/* of rk_source_connect: server, user mapping, tuning */
	RkSetting  *settings;
	int			nsecrets;
	const char **secrets;
} RkSource;

/* Are the extension and its tables there?  (A worker may outlive them.) */
extern bool rk_catalog_exists(void);

/* Read a source and its partitions; NULL when there is none of that name.  Connects SPI. */
extern RkSource *rk_source_read(const char *name);

/* Its generation, -1 when it is gone, disabled or failed. */
extern int32 rk_source_generation(const char *name);

/*
 * Fill settings and secrets, by recsys.kafka_connection() and the tuning
 * options of the source.  Errors: no USAGE on the server, no such server.
 */
extern void rk_source_connect(RkSource *source);

/* Would rk_source_connect() give the same as it gave? */
extern bool rk_source_same_connection(const RkSource *source);

/* A JSON object of strings, and an array of strings, as rk_consumer_open() wants them. */
extern void rk_settings_from_json(Jsonb *connection, RkSetting **settings, int *nsettings,
								  const char ***secrets, int *nsecrets);

/* Remember the cluster that was read from.  Writes. */
extern void rk_source_set_cluster(const char *name, const char *cluster_id);

/*
 * Add partitions up to npartitions, which are read from their beginning.  Writes,
 * unless the source is another by now, or gone.
 */
extern void rk_source_grow(const RkSource *source, int npartitions);

/*
 * Move a partition over messages that are gone, and keep a record of it.  Writes.
 * False when it is no longer where it was.
 */
extern bool rk_source_skip(const RkSource *source, int32 partition, int64 from_offset,
						   int64 to_offset, const char *reason);

/* Fail until a person decides.  Writes, unless the generation has moved on. */
extern void rk_source_fail(const RkSource *source, const char *sqlstate,
						   const char *reason, const char *hint);

/*
 * Run constant SQL on the recsys.kafka_* tables, as their owner.  SPI must be
 * connected; results are in SPI_tuptable, SPI_processed.  Returns what
 * SPI_execute_with_args does.
 */
extern int	rk_catalog_execute(const char *sql, int nargs, Oid *types,
							   Datum *values, const char *nulls, bool read_only);

/* Run as another role, in a security-restricted operation, with a fixed search_path. */
typedef struct RkRole
{
	Oid			save_user;
	int			save_sec;
	int			guc_level;
} RkRole;

extern void rk_role_begin(Oid role, RkRole *saved);
extern void rk_role_end(const RkRole *saved);

/*
 * In a process of ours: what the settings of role or database must not change, so that
 * a message becomes the same in every one of them.
 */
extern void rk_pin_settings(void);

#endif							/* RK_SOURCE_H */

/*-------------------------------------------------------------------------
 *
 * link.h
 *		A handle of librdkafka, and what it had to tell: for consumer.c and
 *		lookup.c, the other two files that see librdkafka.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_LINK_H
#define RK_LINK_H

#include <time.h>

#include <librdkafka/rdkafka.h>

#include "consumer.h"

#define RK_NEWS			16		/* errors kept that are of no partition */
#define RK_LOG_LINES	16
#define RK_LOG_KINDS	16		/* kinds of log lines whose time is kept */

typedef struct RkLogKind
{
	char		facility[32];
	time_t		said_at;		/* monotonic */
} RkLogKind;

/* A handle of librdkafka, and what it had to tell. */
typedef struct RkLink
{
	rd_kafka_t *rk;
	char	  **secrets;
	int			nsecrets;
	RkError		news[RK_NEWS];		/* a ring */
	int			first_news;
	int			nnews;
	char		logs[RK_LOG_LINES][RK_ERROR_SIZE]; /* a ring */
	int			first_log;
	int			nlogs;
	RkLogKind	log_kinds[RK_LOG_KINDS];
	bool		refused;		/* a broker does not serve a partition any more */
} RkLink;

/* Called with each statistics, by who takes; arg is the conf's opaque, the link. */
typedef int (*RkStatistics) (rd_kafka_t *rk, char *json, size_t len, void *link);

/* Make the handle, whose threads start at once.  False with error set. */
extern bool rk_link_open(RkLink *link, const RkSetting *settings, int nsettings,
						 const char *const *secrets, int nsecrets,
						 RkStatistics statistics, RkError *error);

/* What is left of it once the handle is gone. */
extern void rk_link_free(RkLink *link);

/* There is no memory for a link yet. */
extern void rk_error_no_memory(RkError *error);

/* An error whose text came from outside. */
extern void rk_link_error(const RkLink *link, RkError *error, RkErrorKind kind,
						  int32_t partition, const char *text);

/* Keep an error that is of no partition, unless it is told already. */
extern void rk_link_add_news(RkLink *link, RkErrorKind kind, const char *text);
extern bool rk_link_next_news(RkLink *link, RkError *error);

/* What an error means, and which of several tells the user most. */
extern RkErrorKind rk_error_kind(rd_kafka_resp_err_t code, const char *text);
extern int	rk_error_gravity(RkErrorKind kind);

/* A pipe that neither end blocks on; -1 in both where there is none. */
extern bool rk_pipe_open(int fds[2]);
extern void rk_pipe_close(int fds[2]);
extern void rk_pipe_drain(const int fds[2]);

/* Make it readable; a full pipe is readable already. */
extern void rk_pipe_fill(const int fds[2]);

#endif							/* RK_LINK_H */

/*-------------------------------------------------------------------------
 *
 * service.h
 *		Is a database served: the setting that lists it, and what is in the way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SERVICE_H
#define RS_SERVICE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* The names in recsys.kafka_databases, palloc'd. */
extern List *rs_kafka_databases_listed(void);
extern bool rs_kafka_database_listed(const char *database);

/*
 * Are sources of this database read?  If not, say why and what to do, palloc'd; the
 * hint is NULL when it takes no more than a moment.
 */
extern bool rs_kafka_served(char **reason, char **hint);

#endif							/* RS_SERVICE_H */

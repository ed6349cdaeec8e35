/*-------------------------------------------------------------------------
 *
 * server_options.h
 *		What a server and a user mapping may say, and what librdkafka is told.
 *
 * The only place where options become properties of librdkafka: an allow-list,
 * and nothing in it loads code or reads a file but sasl_password_file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SERVER_OPTIONS_H
#define RS_SERVER_OPTIONS_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Check the options (a text array) of an object of this catalog. */
extern void rs_server_options_validate(Datum options, Oid catalog);

/*
 * {"settings": {property: value, ...}, "secrets": [...]} for a role that reads from
 * a server.  Errors: 42704 no such server or no user mapping, 0A000 a server of
 * another wrapper, 42501 no USAGE on it, 58P01 no such password file.
 */
extern Jsonb *rs_server_connection(const char *server, Oid role);

/* Check that such a server exists and the role has USAGE on it; errors as above. */
extern Oid	rs_server_check(const char *server, Oid role);

#endif							/* RS_SERVER_OPTIONS_H */

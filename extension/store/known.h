/*-------------------------------------------------------------------------
 *
 * known.h
 *		The catalog's rows of a model, and what a session knows of them from before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_KNOWN_H
#define RS_KNOWN_H

#include "postgres.h"

#include "access/htup.h"

#include "store/model.h"
#include "store/snapshot_key.h"

/* What the name of a model is bound to: its row in recsys.model_anchor. */
typedef struct RsAnchor
{
	Oid			view;
	Oid			owner;			/* of the view */
	Oid			item_factors;
} RsAnchor;

/* A factor table as it is now. */
typedef struct RsKnownTable
{
	Oid			oid;
	Oid			owner;
	TransactionId xmin;			/* who wrote its row in pg_class */
} RsKnownTable;

/* A row and what was made of it, in a context of its own. */
typedef struct RsKnownRow
{
	MemoryContext context;
	HeapTuple	tuple;			/* NULL: none */
	RsSnapshotKey shown_by;		/* the last snapshot that showed it, */
	TimestampTz shown_at;		/* and the start of its statement */
} RsKnownRow;

typedef struct RsKnownVersion
{
	RsKnownRow	row;
	RsVersion	version;
} RsKnownVersion;

#define RS_KNOWN_VERSIONS	4

/* What is known of one name. */
typedef struct RsKnown
{
	char		name[NAMEDATALEN];
	RsModel		model;			/* fields of the row, the relations, the types */
	RsKnownRow	row;
	bool		has_relations;	/* are they those of now, all of them? */
	bool		has_types;
	RsKnownTable user_factors;
	RsKnownTable item_factors;
	RsKnownRow	anchor_row;
	RsAnchor	anchor;
	RsKnownVersion versions[RS_KNOWN_VERSIONS];
	int			next_version;	/* where the next one goes */
} RsKnown;

/*
 * What is known of a name of less than NAMEDATALEN bytes; never NULL, and zeros where
 * nothing is known yet.  The pointer is valid until the next call of this function; what it
 * says of relations may be outdated as soon as a relation is locked.
 */
extern RsKnown *rs_known(const char *name);

/*
 * Read a row under the active snapshot into what is known; false if there is none.
 * The version, NULL if there is none, is found in one of known->versions and is valid
 * until as many others are read.  Errors: 42P01 the catalog's table is missing.
 */
extern bool rs_known_read_model(RsKnown *known);
extern bool rs_known_read_anchor(RsKnown *known);
extern const RsVersion *rs_known_read_version(RsKnown *known, int version);

/* The tables of the catalog; model_anchor is InvalidOid until 0.1.0 is updated. */
extern Oid	rs_model_table(void);
extern Oid	rs_version_table(void);
extern Oid	rs_anchor_table(void);

/*
 * Is there this table of our extension in the database?  For processes that nobody of the
 * database called: without the extension anybody with CREATE could have made a schema of
 * that name.  The table is locked, so that it stays the one that is read.
 */
extern bool rs_has_catalog(const char *table);

/*
 * Has recsys.model_version the columns that 0.2.0 added?  Not while the extension is not
 * updated from 0.1.0.
 */
extern bool rs_version_is_extended(void);

/*
 * The stamps of all versions of this database that some snapshot may still show,
 * ascending, palloc'd; returns how many.  The second finds one among them.
 */
extern int	rs_version_stamps(int64 **stamps);
extern bool rs_version_stamp_found(const int64 *stamps, int n, int64 stamp);

#endif							/* RS_KNOWN_H */

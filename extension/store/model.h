/*-------------------------------------------------------------------------
 *
 * model.h
 *		A model: its row in recsys.model, its view and its factor tables.
 *
 * A model exists when its row, the view recsys_data.<name> and both factor
 * tables exist, and the view is the one that its name is bound to: the very view
 * of recsys.model_anchor, or one of the same owner.  So a name that somebody left
 * is not inherited by whoever makes a view of that name.  The three relations must
 * have one owner.
 *
 * Who asks reads rows under the active snapshot, so an old snapshot sees the
 * version that was active then; who changes reads under a new one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_MODEL_H
#define RS_MODEL_H

#include "postgres.h"

#include "store/id.h"
#include "store/options.h"

/*
 * What somebody wants of a model.  The first three lock its view with AccessShare,
 * the last two with ShareUpdateExclusive, which conflicts with itself and with DDL
 * but not with reading: one session at a time trains, alters or drops.
 */
typedef enum RsModelUse
{
	RS_MODEL_ASK,				/* SELECT on the view or, with run_as owner,
								 * REFERENCES: answers, without reading */
	RS_MODEL_USE,				/* SELECT on the view */
	RS_MODEL_OWN,				/* owner of the view, or member of that role */
	RS_MODEL_CHANGE,			/* the same, and nobody else does meanwhile */
	RS_MODEL_DROP				/* as CHANGE; types are not looked at, since the
								 * view may have been replaced */
} RsModelUse;

typedef struct RsModel
{
	char	   *name;
	Oid			owner;
	Oid			view;
	Oid			user_factors;	/* tables */
	Oid			item_factors;
	RsIdKind	user_kind;
	RsIdKind	item_kind;
	Oid			user_type;		/* base types of the view's columns */
	Oid			item_type;
	Oid			rating_type;
	Oid			time_type;		/* base type, InvalidOid without time column */
	bool		run_as_owner;	/* the view is read with its owner's rights */
	RsFeedback	feedback;
	RsAlgorithm algorithm;
	Jsonb	   *options;
	int			active_version; /* 0 = none */
	char	   *user_column;	/* names in the source when it was created */
	char	   *item_column;
	char	   *rating_column;	/* NULL: rows are counted */
	char	   *time_column;	/* NULL: none */
	char	   *catalog_column; /* of the items in the catalogue; NULL: it has none */
} RsModel;

/*
 * The dense parts of a version: vectors of users and items, whose inner product tells
 * something of a pair.  A version of ratings may have two, one that scores and one that
 * ranks; see rs_version_options().
 */
enum
{
	RS_PART_RATING,				/* ratings or, of implicit feedback, weights */
	RS_PART_PREFERENCE,			/* weights made of ratings: rs_rating_weight() */
	RS_MAX_PARTS
};

/* A trained version, immutable. */
typedef struct RsVersion
{
	int			version;
	int64		stamp;			/* random, tells this result from any other that
								 * ever carried this number */
	RsFeedback	feedback;
	RsAlgorithm algorithm;
	RsOptions	options;		/* as used */
	int			n_parts;		/* 0: of the popular algorithm */
	RsOptions	preference;		/* as used by the second part */
	double		mean;
	double		deviation;		/* of ratings; NaN: not known */
	double		liked;			/* mean value of the likes; NaN: not known */
	int			refreshed_from; /* version whose item factors it took over; 0: it
								 * was trained */
	int32		users;
	int32		items;
} RsVersion;

/* Which of so many parts ranks items; RS_PART_RATING scores them. */
static inline int
rs_ranking_part(int n_parts)
{
	return n_parts > 1 ? RS_PART_PREFERENCE : RS_PART_RATING;
}

/* How a part of a version was trained, which fold-in repeats. */
static inline const RsOptions *
rs_version_options(const RsVersion *version, int part)
{
	return part == RS_PART_PREFERENCE ? &version->preference : &version->options;
}

static inline RsFeedback
rs_version_feedback(const RsVersion *version, int part)
{
	return part == RS_PART_PREFERENCE ? RS_IMPLICIT : version->feedback;
}

/* What fold-in to a part minimises: what training did. */
static inline RsObjective
rs_version_objective(const RsVersion *version, int part)
{
	RsObjective objective = rs_options_objective(rs_version_feedback(version, part),
												 rs_version_options(version, part));

	objective.mean = objective.implicit ? 0 : version->mean;
	return objective;
}

/*
 * Find a model, lock its view until the transaction ends and check the current
 * user's right.  RS_MODEL_OWN and RS_MODEL_CHANGE bind the name to the view as it
 * is now.  Errors: 42704 no such model, 42501 no right, 55P03 another session
 * trains, alters or drops it, 55000 its relations have two owners, 40001 it was
 * made after the active snapshot.
 */
extern RsModel *rs_model_open(const char *name, RsModelUse use);

/*
 * What there is of a name now, whatever the transaction's snapshot shows, and whoever
 * may use it.  What is missing is InvalidOid; so is a view that the name is not bound to.
 */
typedef struct RsModelParts
{
	bool		row;
	Oid			view;
	Oid			user_factors;
	Oid			item_factors;
	Oid			catalog;		/* InvalidOid, too, when the row tells of none */
} RsModelParts;

extern void rs_model_parts(const char *name, RsModelParts *parts);

/* Do these parts make a model? */
extern bool rs_model_is_whole(const RsModelParts *parts);

/*
 * The view of a model under the active snapshot; InvalidOid if a relation is
 * missing or the name is not bound to the view.  Whether there is a row is for the
 * caller to know.
 */
extern Oid	rs_model_view(const char *name);

/* The same of the model whose item factor table this is, or was. */
extern Oid	rs_item_factors_view(Oid table);

/* Bind the name to the view of that name as it is now, or to nothing.  SPI is connected. */
extern void rs_model_bind(const char *name);
extern void rs_model_unbind(const char *name);

/* Raise 42704: there is no model of this name. */
extern void rs_model_missing(const char *name);

/* A relation of the model, qualified and quoted; 42704 if it has gone meanwhile. */
extern char *rs_model_relation_name(const RsModel *model, Oid relation);

/* The name as messages show it: no longer than a name can be. */
extern char *rs_model_shown_name(const char *name);

/*
 * A version of the model (0: the active one).  Errors: 55000 when the model
 * has no active version yet, or not this version.
 */
extern RsVersion *rs_version_open(const RsModel *model, int version);

/* Names of a model's factor tables and of its catalogue in recsys_data, palloc'd. */
extern char *rs_user_factors_name(const char *model);
extern char *rs_item_factors_name(const char *model);
extern char *rs_item_catalog_name(const char *model);

/*
 * Is this relation, which may be InvalidOid, the catalogue of a model of this owner: a
 * view of theirs with the one column item_id?
 */
extern bool rs_is_item_catalog(Oid relation, Oid owner);

/* Owner of a relation, InvalidOid if it is gone. */
extern Oid	rs_relation_owner(Oid relation);

/* Oid of the schema recsys_data. */
extern Oid	rs_data_namespace(void);

/*
 * Does a subscription write into this relation?  Rows of ours in it would meet the
 * publisher's under one key, which ends the replication.
 */
extern bool rs_is_subscribed(Oid relation);

/* Owner of the extension's catalog tables. */
extern Oid	rs_catalog_owner(void);

/*
 * A snapshot that shows what was done up to now, this statement included, as far
 * as the isolation level allows.
 */
extern void rs_new_snapshot_begin(void);
extern void rs_new_snapshot_end(void);

/*
 * Run SQL of our own on our own catalog tables: as their owner, search_path
 * pinned.  SPI must be connected.  Returns SPI_execute_with_args()'s result,
 * rows in SPI_tuptable.
 */
extern int	rs_catalog_execute(const char *sql, int nargs, Oid *types,
							   Datum *values, const char *nulls, bool read_only);

/*
 * Become the model's owner in a security-restricted operation with a pinned
 * search_path, as REFRESH MATERIALIZED VIEW does, so that nobody's rights but
 * the owner's reach code that the owner wrote.  An error restores everything
 * by itself; rs_owner_end() does otherwise.
 */
typedef struct RsOwnerContext
{
	Oid			save_user;
	int			save_sec;
	int			guc_level;
} RsOwnerContext;

extern void rs_owner_begin(Oid owner, RsOwnerContext *context);
extern void rs_owner_end(RsOwnerContext *context);

#endif							/* RS_MODEL_H */

/*-------------------------------------------------------------------------
 *
 * notice.c
 *		What a training says of its source: what is most likely a mistake, but
 *		might be meant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "compat.h"
#include "train/notice.h"

/* Rows or items between two looks at interrupts; a power of two. */
#define INTERRUPT_ROWS	65536

/*
 * Relations that the view of model $1 reads and the source text of its last
 * version does not name.  Both are written under the pinned search_path.
 */
#define NEWLY_NAMED \
	"SELECT pg_catalog.min(r.name), pg_catalog.min(v.version)" \
	"  FROM (SELECT version, source FROM recsys.model_version WHERE model = $1" \
	"         ORDER BY version DESC LIMIT 1) AS v," \
	"       (SELECT d.refobjid::pg_catalog.regclass::pg_catalog.text AS name" \
	"          FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid" \
	"         WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass" \
	"           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass" \
	"           AND w.ev_class = $2 AND d.refobjid <> $2) AS r" \
	" WHERE v.source !~ ('(^|[^\\w.\"])'" \
	"                    || pg_catalog.regexp_replace(r.name, '(\\W)', '\\\\\\1', 'g')" \
	"                    || '([^\\w$\"]|$)')"

/*
 * A view follows a table that is renamed.  Who swaps tables by renaming trains
 * on the old one ever after, so say when a relation has got another name.
 */
void
rs_notice_source(const RsTrained *trained)
{
	const RsModel *model = trained->model;
	Oid			types[] = {TEXTOID, OIDOID};
	Datum		values[] = {CStringGetTextDatum(model->name), ObjectIdGetDatum(model->view)};
	const char *view = quote_qualified_identifier("recsys_data", model->name);
	char	   *name;

	rs_catalog_execute(NEWLY_NAMED, 2, types, values, NULL, true);
	name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (name == NULL)
		return;
	ereport(NOTICE,
			(errmsg("model \"%s\" now reads %s", model->name, name),
			 errdetail("The view %s did not name it when version %s was trained.", view,
					   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)),
			 errhint("A view follows a table that is renamed. To read the table that has the name now, use CREATE OR REPLACE VIEW %s.",
					 view)));
}

/*
 * Say so where the ratings tell nothing apart.  The usual reason is a table of
 * likes whose column rating is the same in each row.
 */
void
rs_notice_ratings(const RsTrained *trained)
{
	const RsRatings *ratings = &trained->ratings;

	if (trained->model->feedback == RS_IMPLICIT || !rs_algorithm(trained->algorithm)->has_factors ||
		ratings->n < 2)
		return;
	for (int64 i = 1; i < ratings->n; i++)
	{
		if ((i & (INTERRUPT_ROWS - 1)) == 0)
			CHECK_FOR_INTERRUPTS();
		if (ratings->value[i] != ratings->value[0])
			return;
	}
	ereport(WARNING,
			(errmsg("all ratings of model \"%s\" are equal", trained->model->name),
			 trained->n_parts > 1 ?
			 errdetail("Without differences between ratings, predict() gives one rating for all items.") :
			 errdetail("Explicit feedback learns from the differences between ratings; without any, recommend() gives the popular items."),
			 errhint("If a row means that a user likes an item, create the model with feedback => 'implicit'.")));
}

/* Say so where no implicit weight, after the rule for repeated ones, is positive. */
void
rs_notice_likes(const RsTrained *trained)
{
	if (trained->model->feedback == RS_EXPLICIT)
		return;
	for (int32 i = 0; i < trained->ratings.items.n; i++)
	{
		if ((i & (INTERRUPT_ROWS - 1)) == 0)
			CHECK_FOR_INTERRUPTS();
		if (trained->als.item_likes[i] > 0)
			return;
	}
	ereport(WARNING,
			(errmsg("no weight of model \"%s\" is positive", trained->model->name),
			 errdetail("A negative weight says that a user does not like an item, a positive one that they do."),
			 errhint("If lower is better in the source, let a view turn the sign.")));
}

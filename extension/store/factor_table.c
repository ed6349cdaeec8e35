/*-------------------------------------------------------------------------
 *
 * factor_table.c
 *		How a factor table is made, opening one, and refusing one that was changed.
 *
 * Rows of factor tables are read and written without the executor (factors.c).
 * So nobody would see to what the executor sees to: column types, NOT NULL,
 * CHECK, generated columns, triggers, foreign keys, rules, row policies,
 * partitions, inheritance.  The tables belong to the model's owner, who can
 * alter them at any time.  The one rule is here: a table that has what
 * create_model() did not give it is refused, by readers and by training.
 *
 * What factors.c obeys may differ: further indexes that are not unique (their
 * expressions and predicates are evaluated by the functions that COPY uses, as
 * the owner in a security-restricted operation), storage parameters, storage
 * and compression of columns, tablespace, statistics, ACL, replica identity,
 * publications, comments.  An unlogged table is refused: a crash would empty it
 * and leave its versions behind.
 *
 * The check reads what the relation cache holds, and the system cache once for
 * each index.  It runs again when any relation changed, and takes about a microsecond.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "rewrite/prs2lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

#include "compat.h"
#include "store/changes.h"
#include "store/factor_table.h"

/* ---- making ---------------------------------------------------------------- */

/* Type of the column neighbours, which holds any id of the kind: bigint[]. */
static char *
neighbours_type(RsIdKind kind)
{
	return format_type_be_qualified(get_array_type(rs_id_type(kind)));
}

/*
 * CREATE TABLE recsys_data.shop_item_factors (version int4 NOT NULL, item_id int4 NOT NULL,
 *  factors recsys.recvec, users int4 NOT NULL, preference recsys.recvec,
 *  neighbours bigint[], neighbour_weights float4[], popularity float4,
 *  PRIMARY KEY (version, item_id)) USING heap
 */
char *
rs_factor_table_sql(const char *table, bool of_users, const char *id_type, RsIdKind kind)
{
	if (of_users)
		return psprintf("CREATE TABLE recsys_data.%s (version pg_catalog.int4 NOT NULL,"
						" user_id %s NOT NULL, factors recsys.recvec NOT NULL,"
						" bias pg_catalog.float4 NOT NULL, preference recsys.recvec,"
						" PRIMARY KEY (version, user_id)) USING heap",
						quote_identifier(table), id_type);
	return psprintf("CREATE TABLE recsys_data.%s (version pg_catalog.int4 NOT NULL,"
					" item_id %s NOT NULL, factors recsys.recvec,"
					" users pg_catalog.int4 NOT NULL, preference recsys.recvec,"
					" neighbours %s, neighbour_weights pg_catalog.float4[],"
					" popularity pg_catalog.float4, PRIMARY KEY (version, item_id)) USING heap",
					quote_identifier(table), id_type, neighbours_type(kind));
}

/* ALTER TABLE recsys_data.shop_user_factors ADD COLUMN preference recsys.recvec */
char *
rs_factor_table_extend_sql(const RsModel *model, bool of_users)
{
	Oid			table = of_users ? model->user_factors : model->item_factors;
	char	   *sql = psprintf("ALTER TABLE %s ADD COLUMN preference recsys.recvec",
							   rs_model_relation_name(model, table));

	if (of_users)
		return sql;
	return psprintf("%s, ADD COLUMN neighbours %s, ADD COLUMN neighbour_weights pg_catalog.float4[],"
					" ADD COLUMN popularity pg_catalog.float4",
					sql, neighbours_type(model->item_kind));
}

/* Each function below returns what differs, a sentence, or NULL if nothing does. */

/* ---- columns ------------------------------------------------------------ */

static Oid
recvec_type(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("recvec"),
						   ObjectIdGetDatum(get_namespace_oid("recsys", false)));
}

/* An id may be of any type of its kind: a table may outgrow int4. */
static char *
id_type_difference(const RsModel *model, bool of_users, Form_pg_attribute att)
{
	RsIdKind	kind;

	if (!rs_id_kind_of_type(att->atttypid, &kind) ||
		kind != (of_users ? model->user_kind : model->item_kind))
		return psprintf("Column \"%s\" is of type %s, and of type %s in the view of the model.",
						NameStr(att->attname), format_type_be(att->atttypid),
						format_type_be(of_users ? model->user_type : model->item_type));
	if (OidIsValid(att->attcollation) && !get_collation_isdeterministic(att->attcollation))
		return psprintf("Column \"%s\" has a nondeterministic collation.", NameStr(att->attname));
	return NULL;
}

/* What a column may not have, whichever it is. */
static char *
column_difference(Form_pg_attribute att, const char *name, bool not_null)
{
	if (strcmp(NameStr(att->attname), name) != 0)
		return psprintf("Column %d is called \"%s\" instead of \"%s\".",
						att->attnum, NameStr(att->attname), name);
	if (att->atttypmod != -1)
		return psprintf("Column \"%s\" is of type %s.", name,
						format_type_with_typemod(att->atttypid, att->atttypmod));
	if (att->attnotnull != not_null)
		return psprintf(att->attnotnull ? "Column \"%s\" is NOT NULL." : "Column \"%s\" may be NULL.",
						name);
	if (att->attgenerated != '\0')
		return psprintf("Column \"%s\" is generated.", name);
	if (att->attidentity != '\0')
		return psprintf("Column \"%s\" is an identity column.", name);
	if (att->atthasdef)
		return psprintf("Column \"%s\" has a default.", name);
	/* a parent without columns has no rule that is not seen elsewhere */
	if (att->attinhcount > 0)
		return psprintf("Column \"%s\" is inherited.", name);
	return NULL;
}

static char *
columns_difference(const RsModel *model, bool of_users, Relation table)
{
	TupleDesc	desc = RelationGetDescr(table);
	const struct
	{
		const char *name;
		Oid			type;		/* InvalidOid: the id's */
		bool		not_null;
	}			columns[FACTORS_NATTS] = {
		{"version", INT4OID, true},
		{of_users ? "user_id" : "item_id", InvalidOid, true},
		{"factors", recvec_type(), of_users},
		{of_users ? "bias" : "users", of_users ? FLOAT4OID : INT4OID, true},
		{"preference", recvec_type(), false},
		{"neighbours", get_array_type(rs_id_type(model->item_kind)), false},
		{"neighbour_weights", FLOAT4ARRAYOID, false},
		{"popularity", FLOAT4OID, false}
	};
	int			natts = of_users ? FACTORS_PREFERENCE : FACTORS_NATTS;

	if (desc->natts != natts && desc->natts != FACTORS_EXTRA)
		return psprintf("It has %d columns instead of %d; dropped columns count.",
						desc->natts, natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		char	   *difference = column_difference(att, columns[i].name, columns[i].not_null);

		if (difference == NULL && !OidIsValid(columns[i].type))
			difference = id_type_difference(model, of_users, att);
		else if (difference == NULL && att->atttypid != columns[i].type)
			difference = psprintf("Column \"%s\" is of type %s instead of %s.", columns[i].name,
								  format_type_be(att->atttypid), format_type_be(columns[i].type));
		if (difference != NULL)
			return difference;
	}
	return NULL;
}

/* ---- indexes ------------------------------------------------------------- */

/*
 * An index that only lets in what the key (version, id) lets in: the key itself,
 * or the second one that REINDEX CONCURRENTLY builds.
 */
static bool
is_like_key(HeapTuple index)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index);

	return form->indnatts == 2 && form->indnkeyatts == 2 && form->indimmediate &&
		!form->indisexclusion &&
		form->indkey.values[0] == FACTORS_VERSION && form->indkey.values[1] == FACTORS_ID &&
		heap_attisnull(index, Anum_pg_index_indpred, NULL);
}

static char *
index_difference(Oid oid)
{
	HeapTuple	index = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
	Form_pg_index form;
	char	   *difference = NULL;

	if (!HeapTupleIsValid(index))
		elog(ERROR, "cache lookup failed for index %u", oid);
	form = (Form_pg_index) GETSTRUCT(index);
	if ((form->indisunique || form->indisexclusion) && !is_like_key(index))
		difference = psprintf(form->indisexclusion ? "It has the exclusion constraint \"%s\"." :
							  form->indisprimary ? "Its primary key \"%s\" is another, or deferrable." :
							  "It has the unique index \"%s\".", get_rel_name(oid));
	ReleaseSysCache(index);
	return difference;
}

static char *
indexes_difference(Relation table)
{
	List	   *indexes = RelationGetIndexList(table);
	char	   *difference = NULL;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		difference = index_difference(lfirst_oid(cell));
		if (difference != NULL)
			break;
	}
	list_free(indexes);
	if (difference == NULL && !OidIsValid(RelationGetPrimaryKeyIndexCompat(table)))
		return pstrdup("It has no primary key.");
	return difference;
}

/* ---- what else hangs on a table ------------------------------------------ */

static char *
describe(Oid class, Oid oid)
{
	ObjectAddress address = {.classId = class,.objectId = oid};

	return getObjectDescription(&address, false);
}

/* Foreign keys have triggers too, those from other tables as well as its own. */
static char *
trigger_difference(const Trigger *trigger)
{
	return psprintf("There is %s.", OidIsValid(trigger->tgconstraint) ?
					describe(ConstraintRelationId, trigger->tgconstraint) :
					describe(TriggerRelationId, trigger->tgoid));
}

static char *
attachments_difference(Relation table)
{
	const TupleConstr *constraints = RelationGetDescr(table)->constr;

	if (constraints != NULL && constraints->num_check > 0)
		return psprintf("It has the constraint \"%s\".", constraints->check[0].ccname);
	if (table->trigdesc != NULL)
		return trigger_difference(&table->trigdesc->triggers[0]);
	if (table->rd_rules != NULL)
		return psprintf("There is %s.",
						describe(RewriteRelationId, table->rd_rules->rules[0]->ruleId));
	if (table->rd_rel->relrowsecurity)
		return pstrdup("It has row-level security.");
	return NULL;
}

static char *
kind_difference(Relation table)
{
	const FormData_pg_class *class = table->rd_rel;

	if (class->relkind != RELKIND_RELATION)
		return pstrdup("It is not a table.");
	if (class->relispartition)
		return pstrdup("It is a partition.");
	if (class->relam != HEAP_TABLE_AM_OID)
		return psprintf("Its access method is %s.", get_am_name(class->relam));
	if (class->relpersistence != RELPERSISTENCE_PERMANENT)
		return pstrdup("It is not logged.");
	/* the flag stays when the last child has gone */
	if (class->relhassubclass &&
		find_inheritance_children(RelationGetRelid(table), NoLock) != NIL)
		return pstrdup("Another table inherits from it.");
	return NULL;
}

/* ---- opening --------------------------------------------------------------- */

static void
check_table(const RsModel *model, bool of_users, Relation table)
{
	char	   *difference = kind_difference(table);

	if (difference == NULL)
		difference = columns_difference(model, of_users, table);
	if (difference == NULL)
		difference = indexes_difference(table);
	if (difference == NULL)
		difference = attachments_difference(table);
	if (difference == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("factor table \"%s\" is not as recsys.create_model() makes it",
					RelationGetRelationName(table)),
			 errdetail_internal("%s", difference),
			 errhint("Undo what was changed, or drop the model and create it again."),
			 errtable(table)));
}

/* What was found to be as it was made. */
typedef struct Checked
{
	Oid			table;
	RsIdKind	kind;
	uint64		changes;		/* rs_changes() before it was looked at */
} Checked;

/* Check a table, unless that was done before and nothing changed since. */
static void
check_table_once(const RsModel *model, bool of_users, Relation table)
{
	static Checked last[2];		/* of items, of users */
	Checked		now = {
		.table = RelationGetRelid(table),
		.kind = of_users ? model->user_kind : model->item_kind,
		.changes = rs_changes(),
	};

	if (last[of_users].table == now.table && last[of_users].kind == now.kind &&
		last[of_users].changes == now.changes)
		return;
	check_table(model, of_users, table);
	last[of_users] = now;
}

Relation
rs_factor_table_open(const RsModel *model, bool of_users, LOCKMODE lockmode)
{
	Relation	table = try_table_open(of_users ? model->user_factors : model->item_factors,
									   lockmode);

	if (table == NULL)			/* dropped since the model was found */
		rs_model_missing(model->name);
	check_table_once(model, of_users, table);
	return table;
}

/* So are the tables of before 0.2.0, and of a dump of these. */
static void
refuse_short(const RsModel *model, Relation table)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("factor table \"%s\" lacks the column \"preference\"",
					RelationGetRelationName(table)),
			 errhint("SELECT recsys.alter_model(%s, algorithm => 'auto') adds it.",
					 quote_literal_cstr(model->name)),
			 errtable(table)));
}

void
rs_factor_tables_check(const RsModel *model, bool needs_extended)
{
	for (int of_users = 0; of_users < 2; of_users++)
	{
		Relation	table = rs_factor_table_open(model, of_users, AccessShareLock);

		if (needs_extended && !rs_factor_table_is_extended(table))
			refuse_short(model, table);
		table_close(table, AccessShareLock);
	}
}

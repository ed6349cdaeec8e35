/*-------------------------------------------------------------------------
 *
 * source_options.c
 *		The options of a Kafka source: one table, and the check by it.
 *
 * Owns nothing and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "ingest/source_options.h"

typedef struct SourceOption
{
	const char *name;
	int			min;			/* min > max: a text, see on_gap */
	int			max;
} SourceOption;

static const SourceOption source_options[] = {
	{"batch_bytes", 1024, 256 * 1024 * 1024},
	{"batch_rows", 1, 100000},
	{"fetch_max_bytes", 1024, 512 * 1024 * 1024},
	{"fetch_wait_max_ms", 0, 300000},
	{"linger_ms", 0, 60000},
	{"max_dead_letters", 0, 100000},
	{"max_message_bytes", 1, 64 * 1024 * 1024},
	{"on_gap", 1, 0},
	{"queued_max_kbytes", 1, 1024 * 1024},
	{"queued_min_messages", 1, 10000000},
	{"socket_timeout_ms", 1000, 300000},
};

static const SourceOption *
find_option(const char *name)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < (int) lengthof(source_options); i++)
	{
		if (strcmp(source_options[i].name, name) == 0)
			return &source_options[i];
		appendStringInfo(&valid, "%s%s", i > 0 ? ", " : "", source_options[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized option \"%s\"", name),
			 errhint("Valid options are: %s.", valid.data)));
}

static void
check_text(const SourceOption *option, const JsonbValue *value)
{
	if (value->type == jbvString &&
		((value->val.string.len == 4 &&
		  (strncmp(value->val.string.val, "stop", 4) == 0 ||
		   strncmp(value->val.string.val, "skip", 4) == 0))))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be \"stop\" or \"skip\"", option->name)));
}

/* A whole number within its range; numerics are compared as such. */
static void
check_number(const SourceOption *option, const JsonbValue *value)
{
	if (value->type == jbvNumeric)
	{
		Datum		number = NumericGetDatum(value->val.numeric);
		Datum		whole = DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0));
		Datum		min = DirectFunctionCall1(int4_numeric, Int32GetDatum(option->min));
		Datum		max = DirectFunctionCall1(int4_numeric, Int32GetDatum(option->max));

		if (DatumGetBool(DirectFunctionCall2(numeric_eq, number, whole)) &&
			DatumGetBool(DirectFunctionCall2(numeric_ge, number, min)) &&
			DatumGetBool(DirectFunctionCall2(numeric_le, number, max)))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be a whole number between %d and %d",
					option->name, option->min, option->max)));
}

void
rs_source_options_check(Jsonb *options)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	const SourceOption *option = NULL;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object")));
	iterator = JsonbIteratorInit(&options->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			option = find_option(pnstrdup(value.val.string.val, value.val.string.len));
		else if (token == WJB_VALUE && value.type != jbvNull)
		{
			if (option->min > option->max)
				check_text(option, &value);
			else
				check_number(option, &value);
		}
	}
}

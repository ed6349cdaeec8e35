/*-------------------------------------------------------------------------
 *
 * position.c
 *		Where reading begins: earliest, latest, a timestamp, a number, or offsets
 *		by partition.
 *
 * Owns nothing and locks nothing.  The broker says later whether such an offset is
 * there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "ingest/position.h"

#define EARLIEST_MS	(-2)
#define LATEST_MS	(-1)

static void
refuse(const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid position \"%s\"", text),
			 errhint("Valid are earliest, latest, a timestamp, an offset, or offsets by partition such as {\"0\": 17, \"1\": 4}.")));
}

static bool
is_digits(const char *text, size_t len)
{
	return len > 0 && len == strspn(text, "0123456789");
}

/* Keys are partitions, each written in one way, values offsets. */
static void
check_offsets(const char *text, Jsonb *offsets)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			n = 0;

	if (!JB_ROOT_IS_OBJECT(offsets))
		refuse(text);
	iterator = JsonbIteratorInit(&offsets->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char	   *key = pnstrdup(value.val.string.val, value.val.string.len);

			if (!is_digits(key, strlen(key)) || strlen(key) > 9 || (key[0] == '0' && key[1] != '\0'))
				refuse(text);
			n++;
		}
		else if (token == WJB_VALUE)
		{
			const char *number;

			if (value.type != jbvNumeric)
				refuse(text);
			number = DatumGetCString(DirectFunctionCall1(numeric_out,
														 NumericGetDatum(value.val.numeric)));
			if (!is_digits(number, strlen(number)) || strlen(number) > 18)
				refuse(text);
		}
	}
	if (n == 0)
		refuse(text);
}

/* A timestamp as the session reads it; before 1970 is 1970. */
static int64
parse_time(const char *text)
{
	TimestampTz time = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
															   CStringGetDatum(text),
															   ObjectIdGetDatum(InvalidOid),
															   Int32GetDatum(-1)));
	int64		epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;

	if (TIMESTAMP_NOT_FINITE(time))
		refuse(text);
	return Max(time / 1000 + epoch, 0);
}

void
rs_position_parse(const char *text, RsPosition *position)
{
	memset(position, 0, sizeof(*position));
	position->kind = RS_POSITION_TIME;
	if (strcmp(text, "earliest") == 0)
		position->time_ms = EARLIEST_MS;
	else if (strcmp(text, "latest") == 0)
		position->time_ms = LATEST_MS;
	else if (is_digits(text, strlen(text)) && strlen(text) <= 18)
	{
		position->kind = RS_POSITION_NUMBER;
		position->number = strtoll(text, NULL, 10);
	}
	else if (text[0] == '{')
	{
		Jsonb	   *offsets = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));

		check_offsets(text, offsets);
		position->kind = RS_POSITION_OFFSETS;
		position->offsets = JsonbToCString(NULL, &offsets->root, VARSIZE(offsets));
	}
	else if (text[0] != '\0' && strspn(text, "0123456789") > 0)
		position->time_ms = parse_time(text);
	else
		refuse(text);
}

/*-------------------------------------------------------------------------
 *
 * choice.c
 *		The record of what a training tried and chose, as JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "compat.h"
#include "train/choice.h"
#include "train/trial.h"

/* "algorithm": "als", "factors": 64, "regularization": 0.006 */
static void
append_options(StringInfo json, const RsCandidate *candidate)
{
	appendStringInfo(json, "\"algorithm\": \"%s\"", rs_algorithm(candidate->algorithm)->name);
	if (candidate->algorithm == RS_ALS)
		appendStringInfo(json, ", \"factors\": %d, \"regularization\": %.15g",
						 candidate->options.factors, candidate->options.regularization);
}

static const char *
end_name(RsCandidateEnd end)
{
	switch (end)
	{
		case RS_CANDIDATE_NO_TIME:
			return "time";
		case RS_CANDIDATE_NO_MEMORY:
			return "memory";
		case RS_CANDIDATE_UNSOLVED:
			return "not solved";
		case RS_CANDIDATE_TRIED:
			break;
	}
	elog(ERROR, "unrecognized end of a candidate: %d", (int) end);
}

/* An array of the candidates that were tried, or of those that were not. */
static void
append_candidates(StringInfo json, const RsChoice *choice, bool tried)
{
	const char *separator = "";

	for (int i = 0; i < choice->n_candidates; i++)
	{
		const RsCandidate *c = &choice->candidates[i];

		if ((c->end == RS_CANDIDATE_TRIED) != tried)
			continue;
		appendStringInfo(json, "%s{", separator);
		append_options(json, c);
		if (!tried)
			appendStringInfo(json, ", \"reason\": \"%s\"", end_name(c->end));
		else
		{
			if (c->algorithm == RS_ALS)
				appendStringInfo(json, ", \"iterations\": %d", c->iterations);
			appendStringInfo(json, ", \"value\": %.6g, \"standard_error\": %.3g",
							 c->mean.mean, rs_mean_standard_error(&c->mean));
		}
		appendStringInfoChar(json, '}');
		separator = ", ";
	}
}

static void
append_tried(StringInfo json, const RsChoice *choice)
{
	const RsHoldout *h = choice->holdout;

	appendStringInfo(json, "\"held_out\": {\"by\": \"%s\", \"rows\": " INT64_FORMAT
					 ", \"users\": %d}, \"metric\": \"ndcg@%d\", \"tried\": [",
					 h->by_time ? "time" : "random", h->n_held, h->n_users, RS_TRIAL_TOP);
	append_candidates(json, choice, true);
	appendStringInfoString(json, "], \"left_out\": [");
	append_candidates(json, choice, false);
	appendStringInfoChar(json, ']');
}

Jsonb *
rs_choice_to_jsonb(const RsChoice *choice)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	if (choice->reason != NULL)
	{
		appendStringInfoString(&json, "\"reason\": ");
		escape_json(&json, choice->reason);
	}
	else
		append_tried(&json, choice);
	if (choice->chosen >= 0)
	{
		appendStringInfoString(&json, ", \"chosen\": {");
		append_options(&json, &choice->candidates[choice->chosen]);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

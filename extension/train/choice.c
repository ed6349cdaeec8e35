/*-------------------------------------------------------------------------
 *
 * choice.c
 *		The record of what a training tried and chose, as JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "compat.h"
#include "train/choice.h"

/* A member with the digits that read back; none for what a trial was to derive. */
static void
append_number(StringInfo json, const char *name, double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(value))
		return;
	double_to_shortest_decimal_buf(value, digits);
	appendStringInfo(json, ", \"%s\": %s", name, digits);
}

/* "algorithm": "als", "factors": 64, "regularization": 0.006 */
static void
append_options(StringInfo json, const RsGoalChoice *goal, const RsCandidate *candidate)
{
	const RsOptions *options = &candidate->used;

	appendStringInfo(json, "\"algorithm\": \"%s\"", rs_algorithm(candidate->algorithm)->name);
	if (candidate->algorithm != RS_ALS)
		return;
	appendStringInfo(json, ", \"factors\": %d", options->factors);
	append_number(json, "regularization", options->regularization);
	if (goal->metric == RS_TRIAL_NDCG)
		return;
	append_number(json, "reg_scaling", options->reg_scaling);
	append_number(json, "bias_regularization", options->bias_regularization);
}

/*
 * "value": 0.2835, "standard_error": 0.0061.  Of errors the mean is less their mean
 * square m, so the value is r = sqrt(m), whose error is that of m over 2 r.
 */
static void
append_value(StringInfo json, RsTrialMetric metric, const RsMean *mean)
{
	double		value = mean->mean;
	double		error = rs_mean_standard_error(mean);

	if (metric == RS_TRIAL_RMSE)
	{
		value = sqrt(-value);
		error = value > 0 ? error / (2 * value) : 0;
	}
	appendStringInfo(json, ", \"value\": %.6g, \"standard_error\": %.3g", value, error);
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
append_candidates(StringInfo json, const RsGoalChoice *goal, bool tried)
{
	const char *separator = "";

	for (int i = 0; i < goal->n_candidates; i++)
	{
		const RsCandidate *c = &goal->candidates[i];

		if ((c->end == RS_CANDIDATE_TRIED) != tried)
			continue;
		appendStringInfo(json, "%s{", separator);
		append_options(json, goal, c);
		if (!tried)
			appendStringInfo(json, ", \"reason\": \"%s\"", end_name(c->end));
		else
		{
			if (c->algorithm == RS_ALS)
				appendStringInfo(json, ", \"iterations\": %d", c->iterations);
			append_value(json, goal->metric, &c->mean);
		}
		appendStringInfoChar(json, '}');
		separator = ", ";
	}
}

/* "als": 0.8, "item": 0.2, "popularity": 0 */
static void
append_weights(StringInfo json, const RsPartWeights *weights)
{
	appendStringInfo(json, "\"als\": %.15g", weights->als);
	append_number(json, "item", weights->item);
	append_number(json, "popularity", weights->popularity);
}

/* , "weights": {"tried": [...], "chosen": {...}} */
static void
append_weighing(StringInfo json, const RsGoalChoice *goal)
{
	const RsWeighing *weighing = goal->weighing;

	if (weighing == NULL)
		return;
	appendStringInfoString(json, ", \"weights\": {");
	if (goal->weighing_end != RS_CANDIDATE_TRIED)
	{
		appendStringInfo(json, "\"left_out\": \"%s\"}", end_name(goal->weighing_end));
		return;
	}
	appendStringInfoString(json, "\"tried\": [");
	for (int i = 0; i < weighing->n; i++)
	{
		appendStringInfoString(json, i == 0 ? "{" : ", {");
		append_weights(json, &weighing->tried[i].weights);
		append_value(json, goal->metric, &weighing->tried[i].mean);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoString(json, "], \"chosen\": {");
	append_weights(json, &weighing->tried[weighing->chosen].weights);
	appendStringInfoString(json, "}}");
}

/* "lists": {"metric": ..., "tried": [...], "left_out": [...], "chosen": {...}} */
static void
append_goal(StringInfo json, const RsGoalChoice *goal)
{
	appendStringInfo(json, ", \"%s\": {\"metric\": \"%s\", \"tried\": [", goal->name,
					 goal->metric == RS_TRIAL_NDCG ? "ndcg@" CppAsString2(RS_TRIAL_TOP) : "rmse");
	append_candidates(json, goal, true);
	appendStringInfoString(json, "], \"left_out\": [");
	append_candidates(json, goal, false);
	appendStringInfoString(json, "], \"chosen\": {");
	append_options(json, goal, &goal->candidates[goal->chosen]);
	appendStringInfoChar(json, '}');
	append_weighing(json, goal);
	appendStringInfoChar(json, '}');
}

/* What was held out, what was made of it, and what was chosen. */
static void
append_tried(StringInfo json, const RsChoice *choice)
{
	const RsHoldout *h = choice->holdout;

	appendStringInfo(json, "\"held_out\": {\"by\": \"%s\", \"rows\": " INT64_FORMAT
					 ", \"users\": %d}", h->by_time ? "time" : "random", h->n_held, h->n_users);
	for (int i = 0; i < choice->n_goals; i++)
		append_goal(json, &choice->goals[i]);
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
	appendStringInfoChar(&json, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

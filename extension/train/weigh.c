/*-------------------------------------------------------------------------
 *
 * weigh.c
 *		How much each part counts in what ranks items, by what is held out.
 *
 * First the share of the item part, beside the dense one; then how much popularity adds to
 * it.  A part costs memory and time of who serves, so it has to be worth it.
 *
 * The usual share was found on many sets, so another one has to be worth more.  For a random
 * hold-out flatters the item part: rows are hidden of the users who are asked, and what
 * others did in the meantime is known.  On gowalla a share of 0.35 looks 1.9 % better than
 * 0.2, and is 2 % worse on the test rows.  To hide rows of all users is no cure: with so many
 * rows less fewer factors look best, which costs 2 % on ml-1m.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "train/blend_trial.h"
#include "train/weigh.h"

/* The part by which lists must be better with one part more, and with another share. */
#define PART_WORTH	0.01
#define SHARE_WORTH	0.02

/* None, the usual one of rs_options_default_weights(), and others. */
static const double item_shares[] = {0, 0.2, 0.1, 0.35, 0.5, 0.75, 1};
#define NO_SHARE	0
#define USUAL_SHARE	1
#define OTHER_SHARE 2

static const double popularities[] = {0.1, 0.2, 0.4};

StaticAssertDecl(lengthof(item_shares) + lengthof(popularities) <= RS_MOST_WEIGHTS,
				 "there is room for all weights");

static void
try_weights(RsWeighing *weighing, RsBlendTrial *trial, int32 users, RsPartWeights weights)
{
	RsTriedWeights *tried = &weighing->tried[weighing->n++];

	tried->weights = weights;
	tried->scores = palloc(mul_size(sizeof(double), users));
	rs_blend_trial_judge(trial, &weights, tried->scores);
	for (int32 u = 0; u < users; u++)
		rs_mean_add(&tried->mean, tried->scores[u]);
}

/* Are lists by one set of weights better than by another by this part? */
static bool
is_better(const RsWeighing *weighing, int one, int other, double part)
{
	return weighing->tried[one].mean.mean > (1 + part) * weighing->tried[other].mean.mean;
}

/* The best of those from first on. */
static int
best_from(const RsWeighing *weighing, int first)
{
	int			best = first;

	for (int i = first + 1; i < weighing->n; i++)
	{
		if (weighing->tried[i].mean.mean > weighing->tried[best].mean.mean)
			best = i;
	}
	return best;
}

static int
choose_share(const RsWeighing *weighing)
{
	int			best = best_from(weighing, OTHER_SHARE);

	if (!is_better(weighing, best, USUAL_SHARE, SHARE_WORTH))
		best = USUAL_SHARE;
	return is_better(weighing, best, NO_SHARE, PART_WORTH) ? best : NO_SHARE;
}

static void
search(RsWeighing *weighing, RsBlendTrial *trial, int32 users)
{
	RsPartWeights best;
	int			popular;

	for (int i = 0; i < (int) lengthof(item_shares); i++)
		try_weights(weighing, trial, users,
					(RsPartWeights) {.als = 1 - item_shares[i],.item = item_shares[i]});
	weighing->chosen = choose_share(weighing);
	best = weighing->tried[weighing->chosen].weights;
	for (int i = 0; i < (int) lengthof(popularities); i++)
	{
		best.popularity = popularities[i];
		try_weights(weighing, trial, users, best);
	}
	popular = best_from(weighing, lengthof(item_shares));
	if (is_better(weighing, popular, weighing->chosen, PART_WORTH))
		weighing->chosen = popular;
}

RsTrialEnd
rs_weigh(const RsTrials *trials, const RsOptions *options, const RsPartWeights *given,
		 RsWeighing *weighing)
{
	RsBlendTrial *trial;
	RsTrialEnd	end = rs_blend_trial_begin(trials, options, &trial);
	int32		users = trials->holdout->n_users;

	if (end != RS_TRIAL_DONE)
		return end;
	if (given != NULL)
		try_weights(weighing, trial, users, *given);
	else
		search(weighing, trial, users);
	rs_blend_trial_end(trial);
	return end;
}

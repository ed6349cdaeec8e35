/*-------------------------------------------------------------------------
 *
 * options.h
 *		The options of a model: names, ranges, defaults, and their JSON form.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_OPTIONS_H
#define RS_OPTIONS_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "kernel/row.h"

typedef enum RsFeedback
{
	RS_EXPLICIT,
	RS_IMPLICIT
} RsFeedback;

typedef enum RsAlgorithm
{
	RS_AUTO,					/* training chooses what serves the data */
	RS_ALS,
	RS_POPULAR					/* most popular items for everybody: a baseline */
} RsAlgorithm;

typedef enum RsSolverKind
{
	RS_SOLVER_AUTO,
	RS_SOLVER_EXACT,
	RS_SOLVER_CG
} RsSolverKind;

/*
 * How much each part counts in what ranks items; NaN, all of them: the model's algorithm
 * does not weigh parts, or training decides.
 */
typedef struct RsPartWeights
{
	double		als;			/* the dense part */
	double		item;			/* item to item */
	double		popularity;
} RsPartWeights;

typedef struct RsOptions
{
	int			factors;
	int			iterations;
	double		regularization; /* NaN, as the two below: derived by training */
	double		reg_scaling;
	double		alpha;			/* implicit */
	double		unobserved_weight;	/* implicit; 0 for explicit */
	bool		biases;			/* explicit; false for implicit */
	double		bias_regularization;	/* explicit; NaN: see rs_options_objective() */
	double		tolerance;
	int			solver;			/* RsSolverKind */
	int64		seed;
	int			keep_versions;
	int			history_limit;
	RsPartWeights weights;
	uint32		given;			/* which of them, a bit each: rs_options_is_given() */
} RsOptions;

/* What an algorithm is, as all but its training need to know. */
typedef struct RsAlgorithmTraits
{
	const char *name;
	bool		has_factors;	/* users and items have vectors */
	bool		has_preference; /* explicit feedback: and others to rank by */
	bool		weighs_parts;	/* a weighted sum of parts ranks items */
} RsAlgorithmTraits;

/* Is there an item part, or one of popularity?  NaN says no. */
static inline bool
rs_weights_have_item(const RsPartWeights *weights)
{
	return weights->item > 0;
}

static inline bool
rs_weights_have_popularity(const RsPartWeights *weights)
{
	return weights->popularity > 0;
}

/* Does a weighted sum rank items?  Otherwise the dense part does, as it is. */
static inline bool
rs_weights_blend(const RsPartWeights *weights)
{
	return rs_weights_have_item(weights) || rs_weights_have_popularity(weights);
}

extern RsFeedback rs_feedback_parse(const char *name);
extern RsAlgorithm rs_algorithm_parse(const char *name);
extern const char *rs_feedback_name(RsFeedback feedback);
extern const RsAlgorithmTraits *rs_algorithm(RsAlgorithm algorithm);

/*
 * Defaults, then the model's options, then those of one training (either may
 * be NULL).  Errors name an unknown option, a wrong type, a value out of
 * range, an option of the other kind of feedback.
 */
extern void rs_options_resolve(RsFeedback feedback, Jsonb *model_options,
							   Jsonb *run_options, RsOptions *options);

/* Did the model or the training give the option of this name, rather than its default? */
extern bool rs_options_is_given(const RsOptions *options, const char *name);

/*
 * Refuse what is not an object or names an option that does not exist; values
 * are not looked at.  The feedback is for the hint.
 */
extern void rs_options_check_names(RsFeedback feedback, Jsonb *json);

/* An error if an option needs the time column that the model does not have. */
extern void rs_options_check_time(const RsOptions *options, bool has_time);

/*
 * An error if weights are given for parts that the algorithm does not have; and what they
 * are where none are given.
 */
extern void rs_options_check_weights(const RsOptions *options, RsAlgorithm algorithm);
extern void rs_options_default_weights(RsOptions *options, RsAlgorithm algorithm);

/* Of a version that is not ranked by a sum, whatever the model has. */
extern void rs_options_drop_weights(RsOptions *options);

/*
 * What training minimises and fold-in repeats, but for the mean, which no option
 * tells; a weight that training is to derive is NaN.  And the weights that
 * training used, back into the options.
 */
extern RsObjective rs_options_objective(RsFeedback feedback, const RsOptions *options);
extern void rs_options_take_weights(RsOptions *options, const RsObjective *objective);

/*
 * The options of the preference part of a model of ratings, from those of the model:
 * what says how to train is shared, what says what is minimised is that of implicit
 * feedback where nothing is set.
 */
extern void rs_options_preference(const RsOptions *options, RsOptions *preference);

/* All options of a run as JSON: what model_version records. */
extern Jsonb *rs_options_to_jsonb(RsFeedback feedback, const RsOptions *options);

/* What recsys.options() tells of option i; false beyond the last. */
typedef struct RsOptionDescription
{
	const char *name;
	const char *type;
	const char *default_explicit;	/* NULL: does not apply */
	const char *default_implicit;
	const char *range;
	const char *algorithms;
	const char *meaning;
} RsOptionDescription;

extern bool rs_options_describe(int i, RsOptionDescription *description);

#endif							/* RS_OPTIONS_H */

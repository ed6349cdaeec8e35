/*-------------------------------------------------------------------------
 *
 * image_key.h
 *		What an item image is known by: everything it is decoded by.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_IMAGE_KEY_H
#define RS_IMAGE_KEY_H

#include "postgres.h"

#include "store/id.h"
#include "store/options.h"

/*
 * Counts how the form of an image was changed: a session that has loaded a library of
 * another layout looks for images of its own.
 */
#define RS_IMAGE_LAYOUT		2

/*
 * Where the rows of an image were read, and everything that decides how it is
 * laid out and decoded.  Keys are compared as bytes: zero one before it is
 * filled.
 */
typedef struct RsImageKey
{
	int32		layout;			/* RS_IMAGE_LAYOUT of who wrote it */
	int64		stamp;
	Oid			database;
	Oid			table;			/* the item factor table */
	Oid			file;			/* its relfilenode: a new one when it is rewritten */
	int32		version;
	int32		factors;
	int32		preference;		/* factors of the preference part; 0: there is none */
	double		item_weight;	/* of the item part and of popularity; 0: there is none */
	double		popularity_weight;
	RsIdKind	id_kind;
	RsFeedback	feedback;
	RsAlgorithm algorithm;
	bool		biases;
	bool		summary;		/* what all items tell, without them */
} RsImageKey;

#endif							/* RS_IMAGE_KEY_H */

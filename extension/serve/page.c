/*-------------------------------------------------------------------------
 *
 * page.c
 *		A list in pages: where the next one begins.
 *
 * A token is, in hexadecimal digits as a URL takes them, the text
 *
 *		STAMP/FINGERPRINT/RANK/ID		f3a9.../5c01d2b7/10/42
 *
 * of the version's stamp, of the user's vector, and of the last item.  It holds no
 * secret and is not trusted: with a forged one a list begins elsewhere, and shows no item
 * that it would not show otherwise.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "serve/page.h"

/* A hash of all that ranks the items of a version for a user. */
static uint32
fingerprint(const RsServing *serving)
{
	const RsKey *key = &serving->ranking;
	uint32		hash;

	if (rs_serving_is_popular(serving))
		return 0;
	if (serving->blended != NULL)
		return rs_blended_fingerprint(serving->blended);
	hash = hash_bytes((const unsigned char *) key->x, key->items.k * (int) sizeof(float));
	return hash_combine(hash, hash_bytes((const unsigned char *) &key->bias, sizeof(float)));
}

char *
rs_page_token(const RsServing *serving, const RsPage *page, int32 rank, const RsIdList *ids,
			  int32 position)
{
	char	   *text = psprintf(UINT64_FORMAT "/%u/%d/%s", (uint64) serving->version->stamp,
								page->fingerprint, rank,
								rs_id_to_cstring(rs_idlist_get(ids, position), ids->kind));
	Size		length = strlen(text);
	char	   *token = palloc(add_size(mul_size(2, length), 1));

	token[hex_encode(text, length, token)] = '\0';
	return token;
}

static void
refuse_token(const char *token)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not the token of a page", pnstrdup(token, strnlen(token, 100))),
			 errhint("Give the column next of the last row before the page, or '' for the first page.")));
}

/* Split a token at its first three slashes; false if there are fewer. */
static bool
split_token(const char *token, char *parts[4])
{
	Size		length = strlen(token);
	char	   *text = palloc(length / 2 + 1);

	if (length % 2 != 0 || strspn(token, "0123456789abcdef") != length)
		return false;
	length = hex_decode(token, length, text);
	text[length] = '\0';
	if (!pg_verifymbstr(text, (int) length, true))
		return false;
	for (int i = 0; i < 4; i++)
	{
		parts[i] = text;
		if (i == 3)
			break;
		text = strchr(text, '/');
		if (text == NULL)
			return false;
		*text++ = '\0';
	}
	return true;
}

/* A whole number that is a part of a token, at most max. */
static uint64
token_number(const char *token, const char *part, uint64 max)
{
	uint64		value;

	errno = 0;
	value = strtou64(part, NULL, 10);
	if (errno != 0 || part[0] == '\0' || part[strspn(part, "0123456789")] != '\0' ||
		value > max)
		refuse_token(token);
	return value;
}

RsPage
rs_page_read(RsServing *serving, const char *token)
{
	RsPage		page = {.after = -1,.fingerprint = fingerprint(serving)};
	char	   *parts[4];
	uint64		stamp;
	uint32		hash;

	if (token[0] == '\0')
		return page;
	if (!split_token(token, parts))
		refuse_token(token);
	stamp = token_number(token, parts[0], PG_UINT64_MAX);
	hash = (uint32) token_number(token, parts[1], PG_UINT32_MAX);
	page.rank = (int32) token_number(token, parts[2], PG_INT32_MAX - serving->version->items);
	page.after = rs_serving_find(serving, rs_id_convert(CStringGetTextDatum(parts[3]), RS_ID_TEXT,
														serving->model->item_kind));
	if (page.after < 0)
		page.rank = 0;
	if (stamp != (uint64) serving->version->stamp || hash != page.fingerprint)
		ereport(NOTICE,
				(errmsg("the list has another order than on the page before"),
				 errdetail(stamp != (uint64) serving->version->stamp ?
						   "Another version of model \"%s\" answers." :
						   "The rows of the user in model \"%s\" have changed.",
						   serving->model->name),
				 errhint("Begin at the first page again, or drop items that come twice.")));
	return page;
}

/*-------------------------------------------------------------------------
 *
 * fuzz_event.c
 *		libFuzzer target: messages of Kafka into the text of columns.
 *
 * The first byte of an input chooses what the rest is: a payload, mapped by
 * fields of many paths and compared with what an obvious reader finds; or a value
 * for the check of one type, and a key.  Beyond the absence of crashes and
 * over-reads it checks that values and reasons are UTF-8, and that what is
 * refused says why.
 *
 * `make fuzz` builds and runs it.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_ingest/checks.h"
#include "kafka_ingest/event.h"

#include "reference_json.h"

#define NFIELDS	8

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const RkText a[] = {{"a", 1}};
static const RkText a_b[] = {{"a", 1}, {"b", 1}};
static const RkText a_b_c[] = {{"a", 1}, {"b", 1}, {"c", 1}};
static const RkText e_acute[] = {{"\xC3\xA9", 2}};
static const RkText b_empty[] = {{"b", 1}, {"", 0}};

static const RkField fields[NFIELDS] = {
	{.column = "all", .kind = RK_KIND_JSON},
	{.column = "a", .nnames = 1, .names = a, .kind = RK_KIND_JSON},
	{.column = "a_b_text", .nnames = 2, .names = a_b, .kind = RK_KIND_ANY},
	{.column = "a_b", .nnames = 2, .names = a_b, .kind = RK_KIND_JSON},
	{.column = "a_b_c", .nnames = 3, .names = a_b_c, .kind = RK_KIND_JSON},
	{.column = "e", .nnames = 1, .names = e_acute, .kind = RK_KIND_ANY},
	{.column = "b", .nnames = 2, .names = b_empty, .kind = RK_KIND_JSON},
	{.column = "a again", .nnames = 1, .names = a, .kind = RK_KIND_JSON},
};

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
require_reason(const RkReason *reason)
{
	require(memchr(reason->message, '\0', RK_REASON_SIZE) != NULL);
	require(reason->message[0] != '\0' && rk_utf8_valid(reason->message, strlen(reason->message)));
	require(strlen(reason->sqlstate) == 5 && reason->sqlstate[0] == '2');
}

/* What the reference finds for a field; null and missing are NULL. */
static const RefNode *
reference_at(RefNode *node, const RkField *field)
{
	for (int i = 0; i < field->nnames && node != NULL; i++)
		node = ref_member(node, field->names[i].data, field->names[i].len);
	return node != NULL && node->type == REF_NULL ? NULL : node;
}

static void
require_same(RkText value, const RefNode *node, RkKind kind)
{
	bool		unescaped = node != NULL && node->type == REF_STRING && kind == RK_KIND_ANY;

	require((value.data == NULL) == (node == NULL));
	if (node == NULL)
		return;
	require(rk_utf8_valid(value.data, value.len));
	if (unescaped)
		require(value.len == node->len && memcmp(value.data, node->text, node->len) == 0);
	else
		require(value.len == (size_t) (node->end - node->start) && value.data == node->start);
}

static void
fuzz_payload(const char *data, size_t size)
{
	const RkMapping mapping = {NFIELDS, fields, true};
	RkMessage	message = {.payload = {data, size}};
	RkArena		arena = {NULL, 0};
	RkText		values[NFIELDS];
	RkReason	reason;
	RkEventStatus status = rk_event_map(&mapping, &message, &arena, values, &reason);
	RefNode    *root = ref_parse(data, size);
	bool		row = root != NULL;

	for (int i = 0; i < NFIELDS && root != NULL; i++)
	{
		const RefNode *node = reference_at(root, &fields[i]);

		row &= node == NULL || fields[i].kind == RK_KIND_JSON ||
			(node->type != REF_OBJECT && node->type != REF_ARRAY);
	}
	require(status == (row ? RK_EVENT_ROW : RK_EVENT_BAD));
	if (row)
	{
		for (int i = 0; i < NFIELDS; i++)
			require_same(values[i], reference_at(root, &fields[i]), fields[i].kind);
	}
	else
		require_reason(&reason);
	rk_arena_free(&arena);
}

static void
fuzz_value(RkKind kind, const char *data, size_t size)
{
	RkField		field = {.column = "key",.origin = RK_ORIGIN_KEY,.kind = kind,.max_chars = 5};
	RkMapping	mapping = {1, &field, false};
	RkMessage	message = {.key = {data, size}};
	RkArena		arena = {NULL, 0};
	RkText		value;
	RkReason	reason;

	if (rk_event_map(&mapping, &message, &arena, &value, &reason) == RK_EVENT_ROW)
	{
		require(rk_utf8_valid(data, size));
		require(value.data == data && value.len == size);
	}
	else
		require_reason(&reason);
	rk_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		fuzz_payload((const char *) data + 1, size - 1);
	else
		fuzz_value((RkKind) (data[0] / 2 % (RK_KIND_JSON + 1)), (const char *) data + 1, size - 1);
	return 0;
}

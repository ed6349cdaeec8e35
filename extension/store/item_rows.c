/*-------------------------------------------------------------------------
 *
 * item_rows.c
 *		Reading items by a statement over a view of a model, row by row.
 *
 * Rows go from the executor to the function that takes them by a receiver of our own.
 * Memory: none but that of SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "store/item_rows.h"
#include "store/source.h"

typedef struct ItemReceiver
{
	DestReceiver pub;
	const RsModel *model;
	Oid			item_type;		/* of the column, as the rows say */
	RsTakeItem	take;
	void	   *arg;
} ItemReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	ItemReceiver *receiver = (ItemReceiver *) self;
	Datum		item;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return true;
	item = rs_id_from_column(slot->tts_values[0], receiver->item_type);
	receiver->take(item, slot->tts_nvalid < 2 ? 1.0 : DatumGetFloat8(slot->tts_values[1]),
				   receiver->arg);
	if (receiver->model->item_kind == RS_ID_TEXT && item != slot->tts_values[0])
		pfree(DatumGetPointer(item));	/* was compressed or toasted */
	return true;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	ItemReceiver *receiver = (ItemReceiver *) self;

	receiver->item_type = rs_source_id_type(receiver->model, desc, 0,
											receiver->model->item_kind);
}

static void
receive_end(DestReceiver *self)
{
}

void
rs_item_rows_read(const RsModel *model, const RsViewStatement *statement, RsViewSql sql,
				  Datum argument, RsTakeItem take, void *arg)
{
	ItemReceiver receiver = {
		.pub = {
			.receiveSlot = receive_row,
			.rStartup = receive_startup,
			.rShutdown = receive_end,
			.rDestroy = receive_end,
			.mydest = DestNone,
		},
		.model = model,
		.take = take,
		.arg = arg,
	};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_view_plan_execute(rs_view_plan(model, statement, sql), argument, &receiver.pub);
	SPI_finish();
}

/*-------------------------------------------------------------------------
 *
 * shared_image.c
 *		Item images in dynamic shared memory: who makes them, who has them,
 *		and when they go.
 *
 * A control segment has a slot for each block.  A slot is free, being made by
 * one session, or complete; then a pinned segment holds the block:
 *
 *		free --claim--> making --publish--> complete --give up--> free
 *		  ^-------------- fail ---'
 *
 * Whoever claims a slot takes the room that the block needs with it, so that none is
 * made in vain.
 *
 * One lock guards the slots.  It is held to look for a key, to change a slot
 * and to attach a segment, never while an image is made.  A slot's generation
 * grows whenever it becomes free, so that a session which has a block attached
 * sees without the lock whether others still find it.
 *
 * The segment is pinned while its slot is complete.  Giving it up removes the
 * pin; the server removes the segment when no session has it attached.  When a
 * session dies of a signal, the postmaster removes all segments itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "guc.h"
#include "serve/shared_image.h"

#define TRANCHE_NAME	"RecsysImages"

/* After so long a session no longer waits for another and makes its own copy. */
#define MAKE_TIMEOUT_MS		30000

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_MAKING,
	SLOT_COMPLETE
} SlotState;

typedef struct Slot
{
	/* read and written without the lock */
	pg_atomic_uint64 generation;
	pg_atomic_uint64 uses;
	pg_atomic_uint64 used_at;	/* TimestampTz */
	pg_atomic_uint32 sessions;	/* that have the segment attached */

	/* under the lock */
	SlotState	state;
	RsImageKey	key;
	dsm_handle	handle;
	Size		bytes;			/* while it is being made: those that are kept free */
	Size		whole_bytes;	/* of a summary */
	TimestampTz made_at;
	double		make_seconds;
} Slot;

typedef struct Control
{
	LWLock		lock;
	int			tranche;
	Size		bytes;			/* of all slots */
	ConditionVariable made;		/* a slot is no longer being made */
	Latch	   *watcher;		/* to set when an image comes or goes; NULL: nobody watches */
	Size		refused_bytes;	/* for so many the system had no room */
	TimestampTz refused_at;
	Slot		slots[RS_SHARED_IMAGES];
} Control;

static Control *control = NULL;

/* ---- the control segment ------------------------------------------------- */

static void
init_control(void *memory)
{
	Control    *fresh = (Control *) memory;

	memset(fresh, 0, sizeof(Control));
	fresh->tranche = LWLockNewTrancheId();
	LWLockInitialize(&fresh->lock, fresh->tranche);
	ConditionVariableInit(&fresh->made);
	for (int i = 0; i < RS_SHARED_IMAGES; i++)
	{
		pg_atomic_init_u64(&fresh->slots[i].generation, 0);
		pg_atomic_init_u64(&fresh->slots[i].uses, 0);
		pg_atomic_init_u64(&fresh->slots[i].used_at, 0);
		pg_atomic_init_u32(&fresh->slots[i].sessions, 0);
	}
}

#ifdef RS_HAVE_DSM_REGISTRY

/* The registry finds or makes the segment; there is nothing to install. */
void
rs_shared_image_install(void)
{
}

static bool
have_control(void)
{
	bool		found;

	if (control == NULL)
	{
		control = GetNamedDSMSegment(TRANCHE_NAME, sizeof(Control), init_control, &found);
		LWLockRegisterTranche(control->tranche, TRANCHE_NAME);
	}
	return true;
}

#else

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(sizeof(Control));
}

static void
startup_shmem(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	control = ShmemInitStruct("recsys images", sizeof(Control), &found);
	if (!found)
		init_control(control);
	LWLockRelease(AddinShmemInitLock);
	LWLockRegisterTranche(control->tranche, TRANCHE_NAME);
}

void
rs_shared_image_install(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

static bool
have_control(void)
{
	return control != NULL;
}

#endif							/* RS_HAVE_DSM_REGISTRY */

/* ---- slots, under the lock ----------------------------------------------- */

static Slot *
find_slot(const RsImageKey *key)
{
	for (int i = 0; i < RS_SHARED_IMAGES; i++)
	{
		Slot	   *slot = &control->slots[i];

		if (slot->state != SLOT_FREE && memcmp(&slot->key, key, sizeof(RsImageKey)) == 0)
			return slot;
	}
	return NULL;
}

static void
tell_watcher(void)
{
	if (control->watcher != NULL)
		SetLatch(control->watcher);
}

static void
free_slot(Slot *slot)
{
	control->bytes -= slot->bytes;
	if (slot->state == SLOT_COMPLETE)
	{
		dsm_unpin_segment(slot->handle);
		tell_watcher();
	}
	slot->state = SLOT_FREE;
	pg_atomic_fetch_add_u64(&slot->generation, 1);
}

static TimestampTz
idle_since(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), -RS_SHARED_IMAGE_IDLE_MS);
}

/* May a complete slot be given up for another? */
static bool
is_idle(Slot *slot, TimestampTz since)
{
	return slot->state == SLOT_COMPLETE &&
		(TimestampTz) pg_atomic_read_u64(&slot->used_at) < since;
}

/* The idle slot that was used longest ago, NULL if all are in use. */
static Slot *
least_recently_used(void)
{
	TimestampTz since = idle_since();
	Slot	   *oldest = NULL;

	for (int i = 0; i < RS_SHARED_IMAGES; i++)
	{
		Slot	   *slot = &control->slots[i];

		if (is_idle(slot, since) &&
			(oldest == NULL ||
			 pg_atomic_read_u64(&slot->used_at) < pg_atomic_read_u64(&oldest->used_at)))
			oldest = slot;
	}
	return oldest;
}

/* Would make_room() and claim_slot() find room? */
static bool
has_room(Size bytes)
{
	Size		limit = (Size) rs_cache_size * 1024;
	TimestampTz since = idle_since();
	Size		used = control->bytes;
	bool		slot_free = false;

	for (int i = 0; i < RS_SHARED_IMAGES; i++)
	{
		Slot	   *slot = &control->slots[i];

		if (is_idle(slot, since))
			used -= slot->bytes;
		if (slot->state == SLOT_FREE || is_idle(slot, since))
			slot_free = true;
	}
	return slot_free && bytes <= limit && used <= limit - bytes;
}

/* Did the system say lately that it has no room for so many bytes? */
static bool
was_refused(Size bytes)
{
	return control->refused_at > idle_since() && bytes >= control->refused_bytes;
}

/* Give up blocks until there is room for so many bytes; false if there is none. */
static bool
make_room(Size bytes)
{
	Size		limit = (Size) rs_cache_size * 1024;

	while (bytes > limit || control->bytes > limit - bytes)
	{
		Slot	   *slot = bytes > limit ? NULL : least_recently_used();

		if (slot == NULL)
			return false;
		free_slot(slot);
	}
	return true;
}

/* A slot for a key that has none, and room for the block; NULL if there is neither. */
static Slot *
claim_slot(const RsImageKey *key, Size bytes)
{
	Slot	   *slot = NULL;

	if (!make_room(bytes))
		return NULL;
	for (int i = 0; i < RS_SHARED_IMAGES && slot == NULL; i++)
	{
		if (control->slots[i].state == SLOT_FREE)
			slot = &control->slots[i];
	}
	if (slot == NULL)
	{
		slot = least_recently_used();
		if (slot == NULL)
			return NULL;
		free_slot(slot);
	}
	slot->state = SLOT_MAKING;
	slot->key = *key;
	slot->bytes = bytes;
	slot->whole_bytes = 0;
	control->bytes += bytes;
	slot->made_at = GetCurrentTimestamp();
	slot->make_seconds = 0;
	pg_atomic_write_u32(&slot->sessions, 0);
	pg_atomic_write_u64(&slot->uses, 0);
	pg_atomic_write_u64(&slot->used_at, (uint64) slot->made_at);
	return slot;
}

/* ---- attaching ----------------------------------------------------------- */

/* A slot and its generation in a Datum, for count_detach(). */
static Datum
attachment(const RsSharedImage *image)
{
	return UInt64GetDatum(image->generation * RS_SHARED_IMAGES + image->slot);
}

/* When a session detaches a segment, or ends; the slot may be another's by now. */
static void
count_detach(dsm_segment *segment, Datum attachment)
{
	Slot	   *slot = &control->slots[DatumGetUInt64(attachment) % RS_SHARED_IMAGES];

	if (pg_atomic_read_u64(&slot->generation) == DatumGetUInt64(attachment) / RS_SHARED_IMAGES)
		pg_atomic_fetch_sub_u32(&slot->sessions, 1);
}

/* Note that this session has a segment of a slot attached, for good. */
static void
keep_attached(Slot *slot, dsm_segment *segment, RsSharedImage *image)
{
	image->slot = slot - control->slots;
	image->generation = pg_atomic_read_u64(&slot->generation);
	image->segment = segment;
	dsm_pin_mapping(segment);
	on_dsm_detach(segment, count_detach, attachment(image));
	pg_atomic_fetch_add_u32(&slot->sessions, 1);
}

/* ---- making -------------------------------------------------------------- */

/* The session that made an image failed: others need not wait any more. */
static void
fail_slot(int code, Datum arg)
{
	LWLockAcquire(&control->lock, LW_EXCLUSIVE);
	free_slot(&control->slots[DatumGetInt32(arg)]);
	LWLockRelease(&control->lock);
	ConditionVariableBroadcast(&control->made);
}

/* Is this how the system says that it has no room for a segment? */
static bool
says_no_room(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_OUT_OF_MEMORY || sqlerrcode == ERRCODE_DISK_FULL ||
		sqlerrcode == ERRCODE_INSUFFICIENT_RESOURCES;
}

/*
 * A segment of so many bytes, pinned to the session; NULL if the system has no
 * room for it.  /dev/shm may be small, 64 MB in a container, and the server
 * raises that as an error: what the failed attempt holds is released with a
 * resource owner of its own.
 */
static dsm_segment *
create_segment(Size bytes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner caller = CurrentResourceOwner;
	ResourceOwner owner = ResourceOwnerCreate(caller, "recsys image");
	ErrorData  *volatile error = NULL;
	dsm_segment *volatile segment = NULL;

	CurrentResourceOwner = owner;
	PG_TRY();
	{
		segment = dsm_create(bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (segment != NULL)
			dsm_pin_mapping(segment);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	CurrentResourceOwner = caller;
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
	if (error != NULL && !says_no_room(error->sqlerrcode))
		ReThrowError(error);
	return segment;
}

/* The same, that an error later in the transaction does not leave attached. */
static dsm_segment *
create_shared(Size bytes)
{
	dsm_segment *segment = create_segment(bytes);

	if (segment != NULL)
		dsm_unpin_mapping(segment);
	else
	{
		LWLockAcquire(&control->lock, LW_EXCLUSIVE);
		control->refused_bytes = bytes;
		control->refused_at = GetCurrentTimestamp();
		LWLockRelease(&control->lock);
	}
	return segment;
}

/* A segment with the block of a claimed slot; NULL if it is not to be shared. */
static dsm_segment *
make_segment(RsImageMaker *maker)
{
	dsm_segment *segment = NULL;
	Size		bytes;

	if (maker->exact)
	{
		segment = create_shared(maker->bytes);
		if (segment == NULL)
			return NULL;
	}
	bytes = maker->make(maker);
	if (segment == NULL && bytes > 0 && bytes <= (Size) rs_cache_size * 1024)
		segment = create_shared(bytes);
	else if (segment != NULL && bytes == 0)
	{
		dsm_detach(segment);
		segment = NULL;
	}
	if (segment == NULL)
		return NULL;
	if (bytes > dsm_segment_map_length(segment))
		elog(ERROR, "an item image of %zu bytes does not fit a segment of %zu bytes",
			 bytes, dsm_segment_map_length(segment));
	maker->write(maker, dsm_segment_address(segment));
	return segment;
}

/* Show the block to all; false if meanwhile it no longer fits. */
static bool
publish_slot(Slot *slot, dsm_segment *segment, Size whole_bytes, RsSharedImage *image)
{
	bool		fits;

	LWLockAcquire(&control->lock, LW_EXCLUSIVE);
	control->bytes -= slot->bytes;
	slot->bytes = 0;
	fits = make_room(dsm_segment_map_length(segment));
	if (fits)
	{
		TimestampTz now = GetCurrentTimestamp();

		dsm_pin_segment(segment);
		slot->handle = dsm_segment_handle(segment);
		slot->bytes = dsm_segment_map_length(segment);
		slot->whole_bytes = whole_bytes;
		slot->make_seconds = (now - slot->made_at) / 1e6;
		slot->made_at = now;
		slot->state = SLOT_COMPLETE;
		control->bytes += slot->bytes;
		keep_attached(slot, segment, image);
		tell_watcher();
	}
	else
		free_slot(slot);
	LWLockRelease(&control->lock);
	ConditionVariableBroadcast(&control->made);
	return fits;
}

/* Make the block of a slot that this session has claimed. */
static const void *
make_image(Slot *slot, RsImageMaker *maker, RsSharedImage *image)
{
	Datum		arg = Int32GetDatum(slot - control->slots);
	dsm_segment *segment;

	PG_ENSURE_ERROR_CLEANUP(fail_slot, arg);
	{
		segment = make_segment(maker);
	}
	PG_END_ENSURE_ERROR_CLEANUP(fail_slot, arg);
	if (segment == NULL)
	{
		fail_slot(0, arg);
		return NULL;
	}
	if (!publish_slot(slot, segment, maker->whole_bytes, image))
	{
		dsm_detach(segment);
		return NULL;
	}
	return dsm_segment_address(segment);
}

/* ---- the interface ------------------------------------------------------- */

typedef enum Outcome
{
	ATTACHED,
	CLAIMED,
	MADE_BY_ANOTHER,
	NO_ROOM
} Outcome;

/* Attach the block of a key or, with a maker, claim a slot to make it. */
static Outcome
attach_or_claim(const RsImageKey *key, const RsImageMaker *maker, Slot **slot,
				RsSharedImage *image)
{
	Outcome		outcome = MADE_BY_ANOTHER;
	dsm_segment *segment;

	LWLockAcquire(&control->lock, LW_EXCLUSIVE);
	*slot = find_slot(key);
	if (*slot == NULL)
	{
		*slot = maker != NULL && !was_refused(maker->bytes) ? claim_slot(key, maker->bytes) : NULL;
		outcome = *slot != NULL ? CLAIMED : NO_ROOM;
	}
	else if ((*slot)->state == SLOT_COMPLETE)
	{
		/* with the lock held nobody removes it while it is attached */
		segment = dsm_attach((*slot)->handle);
		if (segment == NULL)
			elog(ERROR, "could not attach an item image");
		keep_attached(*slot, segment, image);
		outcome = ATTACHED;
	}
	LWLockRelease(&control->lock);
	return outcome;
}

/* Is a block of this key being made? */
static bool
is_being_made(const RsImageKey *key)
{
	Slot	   *slot;
	bool		result;

	LWLockAcquire(&control->lock, LW_SHARED);
	slot = find_slot(key);
	result = slot != NULL && slot->state == SLOT_MAKING;
	LWLockRelease(&control->lock);
	return result;
}

/* Wait until nobody makes a block of this key; false after a time. */
static bool
wait_until_made(const RsImageKey *key)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), MAKE_TIMEOUT_MS);
	bool		made = true;

	ConditionVariablePrepareToSleep(&control->made);
	while (is_being_made(key))
	{
		(void) ConditionVariableTimedSleep(&control->made, 1000, PG_WAIT_EXTENSION);
		if (GetCurrentTimestamp() >= end)
		{
			made = false;
			break;
		}
	}
	ConditionVariableCancelSleep();
	return made;
}

const void *
rs_shared_image_find(const RsImageKey *key, RsSharedImage *image)
{
	Slot	   *slot;

	if (rs_cache_size == 0 || !have_control() ||
		attach_or_claim(key, NULL, &slot, image) != ATTACHED)
		return NULL;
	return dsm_segment_address(image->segment);
}

bool
rs_shared_image_is_possible(const RsImageKey *key, Size bytes)
{
	bool		possible;

	if (rs_cache_size == 0 || !have_control())
		return false;
	LWLockAcquire(&control->lock, LW_SHARED);
	possible = find_slot(key) != NULL || (has_room(bytes) && !was_refused(bytes));
	LWLockRelease(&control->lock);
	return possible;
}

const void *
rs_shared_image_open(const RsImageKey *key, RsImageMaker *maker, RsSharedImage *image)
{
	Slot	   *slot;

	if (rs_cache_size == 0 || !have_control())
		return NULL;
	for (;;)
	{
		switch (attach_or_claim(key, maker, &slot, image))
		{
			case ATTACHED:
				return dsm_segment_address(image->segment);
			case CLAIMED:
				return make_image(slot, maker, image);
			case MADE_BY_ANOTHER:
				if (!wait_until_made(key))
					return NULL;
				break;
			case NO_ROOM:
				return NULL;
		}
	}
}

bool
rs_shared_image_is_current(const RsSharedImage *image)
{
	return pg_atomic_read_u64(&control->slots[image->slot].generation) == image->generation;
}

void
rs_shared_image_count_use(const RsSharedImage *image)
{
	Slot	   *slot = &control->slots[image->slot];

	pg_atomic_fetch_add_u64(&slot->uses, 1);
	pg_atomic_write_u64(&slot->used_at, (uint64) GetCurrentStatementStartTimestamp());
}

void
rs_shared_image_close(RsSharedImage *image)
{
	dsm_detach(image->segment);
	image->segment = NULL;
}

int
rs_shared_image_read(RsSharedImageStatus *status)
{
	int			n = 0;

	if (!have_control())
		return 0;
	LWLockAcquire(&control->lock, LW_SHARED);
	for (int i = 0; i < RS_SHARED_IMAGES; i++)
	{
		Slot	   *slot = &control->slots[i];

		if (slot->state == SLOT_FREE)
			continue;
		status[n].key = slot->key;
		status[n].bytes = slot->bytes;
		status[n].whole_bytes = slot->whole_bytes;
		status[n].complete = slot->state == SLOT_COMPLETE;
		status[n].made_at = slot->made_at;
		status[n].make_seconds = slot->make_seconds;
		status[n].sessions = (int) pg_atomic_read_u32(&slot->sessions);
		status[n].uses = pg_atomic_read_u64(&slot->uses);
		status[n].used_at = (TimestampTz) pg_atomic_read_u64(&slot->used_at);
		n++;
	}
	LWLockRelease(&control->lock);
	return n;
}

void
rs_shared_image_forget(const RsImageKey *key)
{
	Slot	   *slot;

	if (!have_control())
		return;
	LWLockAcquire(&control->lock, LW_EXCLUSIVE);
	slot = find_slot(key);
	if (slot != NULL && slot->state == SLOT_COMPLETE)
		free_slot(slot);
	LWLockRelease(&control->lock);
}

void
rs_shared_image_watch(Latch *latch)
{
	if (!have_control())
		return;
	LWLockAcquire(&control->lock, LW_EXCLUSIVE);
	control->watcher = latch;
	LWLockRelease(&control->lock);
}

/*-------------------------------------------------------------------------
 *
 * guc.h
 *		The settings recsys.*; guc.c says what each means.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_GUC_H
#define RS_GUC_H

extern int	rs_cache_size;			/* kB */
extern bool rs_kafka_allow_superuser;
extern char *rs_kafka_databases;	/* for SplitGUCList() */
extern char *rs_kafka_secret_directory;
extern int	rs_local_cache_size;	/* kB */
extern bool rs_log_progress;
extern int	rs_serving_memory;	/* kB */
extern int	rs_training_memory;		/* kB */
extern int	rs_training_threads;	/* 0 = rs_cores() */

extern void rs_guc_init(void);

#endif							/* RS_GUC_H */

/*-------------------------------------------------------------------------
 *
 * cores.h
 *		How many cores this process may use.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CORES_H
#define RS_CORES_H

/*
 * The cores of the affinity mask, or as many as the CPU time that the cgroups
 * of the process allow, rounded up, whichever is less; at least 1.
 */
extern int	rs_cores(void);

/*
 * The CPU time that cgroups allow, in cores; INFINITY without a limit.  root is
 * where they are mounted, membership the text of /proc/self/cgroup.
 */
extern double rs_cores_quota(const char *root, const char *membership);

#endif							/* RS_CORES_H */

/*-------------------------------------------------------------------------
 *
 * cores.c
 *		How many cores this process may use.
 *
 * A machine's cores are not always the process's: it may be bound to some of
 * them (an affinity mask), and a container has a quota of CPU time.  Threads
 * beyond the quota wait for most of each period, and the others for them.
 *
 * The cgroups of a process are listed in /proc/self/cgroup, a line for each
 * hierarchy:
 *
 *	0::/system.slice/postgresql.service		version 2
 *	4:cpu,cpuacct:/docker/0123				version 1
 *
 * and the quota of each is in a file below /sys/fs/cgroup:
 *
 *	PATH/cpu.max							"150000 100000" or "max 100000"
 *	cpu/PATH/cpu.cfs_quota_us				"150000" or "-1"
 *	cpu/PATH/cpu.cfs_period_us				"100000"
 *
 * microseconds of CPU time in a period.  The quota of a parent holds for its
 * children, too, so the least on the way up counts.  In a container the mount
 * may begin at the container's own cgroup and PATH lie outside of it: then its
 * files are missing but for those at the root, which are the container's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "kernel/cores.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

#define CGROUP_ROOT		"/sys/fs/cgroup"

/* Longest path that is looked at; a longer one counts as none. */
#define MAX_PATH		4096

/* The membership of a process in many hierarchies is below this. */
#define MAX_MEMBERSHIP	16384

/* CPUs of the largest affinity mask that is asked for. */
#define MAX_CPUS		(1 << 16)

/* The beginning of a file as a string; false if there is none. */
static bool
read_text(const char *name, char *text, size_t size)
{
	FILE	   *file = fopen(name, "r");
	size_t		n;

	if (file == NULL)
		return false;
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	(void) fclose(file);
	return true;
}

/* ---- quotas -------------------------------------------------------------- */

/* Cores of a quota in a period; what is not a limit is infinite. */
static double
cores_of(double quota, double period)
{
	return quota > 0.0 && period > 0.0 ? quota / period : INFINITY;
}

/* "150000 100000" */
static double
quota_v2(const char *directory)
{
	char		name[MAX_PATH + 32];
	char		text[128];
	double		quota;
	double		period;

	snprintf(name, sizeof(name), "%s/cpu.max", directory);
	if (!read_text(name, text, sizeof(text)) || sscanf(text, "%lf %lf", &quota, &period) != 2)
		return INFINITY;
	return cores_of(quota, period);
}

static double
quota_v1(const char *directory)
{
	char		name[MAX_PATH + 32];
	char		quota[64];
	char		period[64];

	snprintf(name, sizeof(name), "%s/cpu.cfs_quota_us", directory);
	if (!read_text(name, quota, sizeof(quota)))
		return INFINITY;
	snprintf(name, sizeof(name), "%s/cpu.cfs_period_us", directory);
	if (!read_text(name, period, sizeof(period)))
		return INFINITY;
	return cores_of(atof(quota), atof(period));
}

/* The least quota from path, below mount, up to mount itself. */
static double
least_quota(const char *mount, const char *path, size_t length,
			double (*quota) (const char *directory))
{
	char		directory[MAX_PATH];
	size_t		top = strlen(mount);
	double		least = INFINITY;

	if (top + length >= sizeof(directory))
		length = 0;
	memcpy(directory, mount, top);
	memcpy(directory + top, path, length);
	directory[top + length] = '\0';
	for (;;)
	{
		least = fmin(least, quota(directory));
		if (strlen(directory) <= top)
			return least;
		*strrchr(directory, '/') = '\0';
	}
}

/* Is one of the controllers "cpu,cpuacct" the CPU's? */
static bool
controls_cpu(const char *controllers, size_t length)
{
	const char *end = controllers + length;

	while (controllers < end)
	{
		const char *comma = memchr(controllers, ',', (size_t) (end - controllers));
		size_t		n = (size_t) ((comma == NULL ? end : comma) - controllers);

		if (n == 3 && memcmp(controllers, "cpu", 3) == 0)
			return true;
		controllers += n + 1;
	}
	return false;
}

double
rs_cores_quota(const char *root, const char *membership)
{
	double		least = INFINITY;
	char		v1[MAX_PATH];

	snprintf(v1, sizeof(v1), "%s/cpu", root);
	while (*membership != '\0')
	{
		size_t		length = strcspn(membership, "\n");
		const char *end = membership + length;
		const char *controllers = memchr(membership, ':', length);
		const char *path = controllers == NULL ? NULL :
			memchr(controllers + 1, ':', (size_t) (end - controllers - 1));

		if (path != NULL && path[1] == '/')
		{
			size_t		n = (size_t) (path - controllers - 1);

			if (n == 0)
				least = fmin(least, least_quota(root, path + 1, (size_t) (end - path - 1), quota_v2));
			else if (controls_cpu(controllers + 1, n))
				least = fmin(least, least_quota(v1, path + 1, (size_t) (end - path - 1), quota_v1));
		}
		membership = *end == '\0' ? end : end + 1;
	}
	return least;
}

/* ---- the process --------------------------------------------------------- */

/* Cores of the affinity mask, or 0 where there is none. */
static int
affine_cores(void)
{
#ifdef __linux__
	/* The mask must be as large as the kernel's, whose size nobody tells. */
	for (int cpus = CPU_SETSIZE; cpus <= MAX_CPUS; cpus *= 2)
	{
		cpu_set_t  *set = CPU_ALLOC((size_t) cpus);
		size_t		size = CPU_ALLOC_SIZE((size_t) cpus);
		int			count = 0;

		if (set == NULL)
			return 0;
		if (sched_getaffinity(0, size, set) == 0)
			count = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (count > 0)
			return count;
	}
#endif
	return 0;
}

int
rs_cores(void)
{
	char		membership[MAX_MEMBERSHIP];
	double		cores = affine_cores();

	if (cores == 0.0)
		cores = (double) sysconf(_SC_NPROCESSORS_ONLN);
	if (read_text("/proc/self/cgroup", membership, sizeof(membership)))
		cores = fmin(cores, ceil(rs_cores_quota(CGROUP_ROOT, membership)));
	return cores < 1.0 ? 1 : (int) cores;
}

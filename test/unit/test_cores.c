/*-------------------------------------------------------------------------
 *
 * test_cores.c
 *		How many cores a process may use, from files like those of the system.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "kernel/cores.h"
#include "unit.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/recsys_coresXXXXXX";

static void
put(const char *name, const char *text)
{
	char		path[512];
	FILE	   *file;

	for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
	{
		snprintf(path, sizeof(path), "%s/%.*s", root, (int) (slash - name), name);
		(void) mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static void
test_version_2(void)
{
	CHECK(isinf(rs_cores_quota(root, "0::/\n")));
	put("cpu.max", "max 100000\n");
	put("a/b/cpu.max", "150000 100000\n");
	CHECK(isinf(rs_cores_quota(root, "0::/\n")));
	CHECK(rs_cores_quota(root, "0::/a/b\n") == 1.5);
	CHECK(rs_cores_quota(root, "0::/a/b/c/d\n") == 1.5);
	CHECK(rs_cores_quota(root, "1:name=systemd:/x\n0::/a/b") == 1.5);

	/* a parent's quota holds for its children */
	put("a/cpu.max", "50000 100000\n");
	CHECK(rs_cores_quota(root, "0::/a/b\n") == 0.5);

	/* the mount begins at the container: its path is not below it */
	put("cpu.max", "400000 100000\n");
	CHECK(rs_cores_quota(root, "0::/../../docker/0123\n") == 4.0);
	CHECK(rs_cores_quota(root, "0::/docker/0123\n") == 4.0);
	put("cpu.max", "max 100000\n");
}

static void
test_version_1(void)
{
	put("cpu/docker/1/cpu.cfs_quota_us", "250000\n");
	put("cpu/docker/1/cpu.cfs_period_us", "100000\n");
	put("cpu/cpu.cfs_quota_us", "-1\n");
	put("cpu/cpu.cfs_period_us", "100000\n");
	CHECK(rs_cores_quota(root, "12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/\n") == 2.5);
	CHECK(rs_cores_quota(root, "4:cpuacct,cpu:/docker/1\n") == 2.5);
	CHECK(isinf(rs_cores_quota(root, "4:cpu:/\n")));
	CHECK(isinf(rs_cores_quota(root, "4:cpuset,cpuacct:/docker/1\n")));
}

/* What makes no sense is no limit. */
static void
test_nonsense(void)
{
	char	   *deep = unit_alloc(20000);

	put("n/cpu.max", "");
	CHECK(isinf(rs_cores_quota(root, "0::/n\n")));
	put("n/cpu.max", "0 0\n");
	CHECK(isinf(rs_cores_quota(root, "0::/n\n")));
	put("n/cpu.max", "-5 100000");
	CHECK(isinf(rs_cores_quota(root, "0::/n\n")));
	CHECK(isinf(rs_cores_quota(root, "")) && isinf(rs_cores_quota(root, "\n\n")) &&
		  isinf(rs_cores_quota(root, "0:")) && isinf(rs_cores_quota(root, "0::")) &&
		  isinf(rs_cores_quota(root, "::a/b\n4:cpu:a")));
	memcpy(deep, "0::", 3);
	for (int i = 3; i < 19000; i += 2)
		memcpy(deep + i, "/a", 2);
	CHECK(isinf(rs_cores_quota(root, deep)));
	free(deep);
}

/* Bound to one core, whatever the machine has. */
static void
test_affinity(void)
{
	cpu_set_t	all;
	cpu_set_t	one;
	int			cpu = 0;

	if (!CHECK(sched_getaffinity(0, sizeof(all), &all) == 0))
		return;
	CHECK(rs_cores() >= 1 && rs_cores() <= CPU_COUNT(&all));
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	CHECK(rs_cores() == 1);
	CHECK(sched_setaffinity(0, sizeof(all), &all) == 0);
}

int
main(void)
{
	char		command[64];

	if (mkdtemp(root) == NULL)
		abort();
	test_version_2();
	test_version_1();
	test_nonsense();
	test_affinity();
	snprintf(command, sizeof(command), "rm -rf %s", root);
	CHECK(system(command) == 0);
	return unit_report("cores");
}

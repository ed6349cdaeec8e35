#!/bin/bash
# Run a command against one PostgreSQL major, in a throw-away view of a chroot.
#
#   test/pg_matrix.sh MAJOR -- COMMAND [ARG...]     (MAJOR: 15, 17 or 18; needs root)
#
# The chroot is a minimal Debian with that major's server, headers and the libraries
# the project needs.  It is made once, under $PG_MATRIX_CACHE, and never written
# again: every run lays an overlay in memory over it and over the project.  Inside,
# the command runs as user postgres in a private, writable copy of the project's
# directory, with PATH and PG_CONFIG of that major; what it writes under $OUT comes
# back in $PG_MATRIX_OUT.  More Debian packages: PG_MATRIX_PACKAGES="lcov valgrind".
#
# Packages come from the mirror that this machine's apt uses.  Runs may overlap; two
# of one major need a PG_MATRIX_OUT each.  Status 125: the chroot could not be made.
# shellcheck disable=SC2016  # what is in single quotes is expanded inside
set -euo pipefail

die()
{
	echo "pg_matrix: $*" >&2
	exit 125
}

# ---- second stage, in namespaces of its own ------------------------------------

if [ "${1:-}" = --inside ]; then
	mnt=$2 base=$3 project=$4 out=$5 bin=/usr/lib/postgresql/$6/bin
	shift 6
	mount -t tmpfs -o mode=755 tmpfs "$mnt"
	mkdir "$mnt"/{base_up,base_work,src_up,src_work,root}
	root=$mnt/root
	mount -t overlay -o "lowerdir=$base,upperdir=$mnt/base_up,workdir=$mnt/base_work" \
		overlay "$root"
	mkdir "$root/src" "$root/out"
	mount -t overlay -o "lowerdir=$project,upperdir=$mnt/src_up,workdir=$mnt/src_work" \
		overlay "$root/src"
	mount --bind "$out" "$root/out"
	mount -t proc proc "$root/proc"
	# Without a tmpfs there the server would fall back to System V shared memory.
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	chroot "$root" bash -ec 'chown -R postgres: /src /out
		for what in bindir pkglibdir sharedir includedir-server docdir; do
			dir=$("$1"/pg_config --$what)
			mkdir -p "$dir"
			find "$dir" -type d -exec chown postgres {} +
		done' - "$bin"
	rc=0
	chroot "$root" runuser -u postgres -- env -i HOME=/var/lib/postgresql LANG=C.UTF-8 \
		OUT=/out PG_CONFIG="$bin/pg_config" PATH="$bin:/usr/local/bin:/usr/bin:/bin" \
		bash -c 'cd /src && exec "$@"' - "$@" || rc=$?
	chown -R --reference="$project" "$out"
	exit "$rc"
fi

# ---- first stage: the chroot -----------------------------------------------------

if [ $# -lt 3 ] || [ "$2" != -- ]; then
	die "usage: $0 MAJOR -- COMMAND [ARG...]"
fi
[ "$(id -u)" = 0 ] || die "needs root, for debootstrap and mounts"
major=$1
shift 2
# Which release of Debian has which major; 16 is in none.
case $major in
	15) suite=bookworm vector= ;;
	17) suite=trixie vector=postgresql-17-pgvector ;;
	18) suite=forky vector=postgresql-18-pgvector ;;
	*) die "no release of Debian has PostgreSQL $major" ;;
esac
# shellcheck disable=SC2206  # packages are words
packages=("postgresql-$major" "postgresql-server-dev-$major" "postgresql-$major-cron" $vector gcc
	make libc6-dev librdkafka-dev libipc-run-perl ${PG_MATRIX_PACKAGES:-})
cache=$(realpath -m "${PG_MATRIX_CACHE:-/var/cache/pg_matrix}")
base=$cache/$major-$(echo "recipe 1 $suite ${packages[*]}" | sha256sum | cut -c1-12)
out=$(realpath -m "${PG_MATRIX_OUT:-$cache/out/$major}")
mkdir -p "$cache/mnt" "$out"

exec 9>"$base.lock"
flock 9                                      # one builder at a time
if [ ! -d "$base" ]; then
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 1p)
	[ -n "$mirror" ] || die "apt knows no mirror"
	# An older debootstrap has no script for a new release; they are all the same.
	script=/usr/share/debootstrap/scripts/$suite
	[ -e "$script" ] || script=${script%/*}/sid
	new=$base.new
	rm -rf "$new"
	trap 'die "making the chroot failed, see $base.log"' ERR
	debootstrap --variant=minbase "$suite" "$new" "$mirror" "$script" >"$base.log" 2>&1
	apt-config dump Acquire | grep -E '^Acquire::(https?|Check)' \
		>"$new/etc/apt/apt.conf.d/90host" || true
	{
		printf 'path-exclude=%s\n' '/usr/share/'{doc,man,locale}'/*' '/usr/lib/llvm-*/lib/*.a'
		echo 'path-include=/usr/lib/llvm-*/lib/clang/*'
		echo force-unsafe-io
	} >"$new/etc/dpkg/dpkg.cfg.d/90slim"
	install -D <(echo 'create_main_cluster = false') \
		"$new/etc/postgresql-common/createcluster.conf"
	unshare --mount --pid --fork --mount-proc="$new/proc" chroot "$new" bash -ec '
		export DEBIAN_FRONTEND=noninteractive
		apt-get update
		apt-get install -y --no-install-recommends "$@"
		apt-get clean
		rm -rf /var/lib/apt/lists/*' - "${packages[@]}" >>"$base.log" 2>&1
	mv "$new" "$base"
	trap - ERR
fi
exec 9>&-

# Whatever ends this script ends unshare, and with it every process in the namespaces.
setpriv --pdeathsig KILL unshare --mount --pid --ipc --fork --kill-child \
	"$BASH" "$0" --inside "$cache/mnt" "$base" "$PWD" "$out" "$major" "$@"

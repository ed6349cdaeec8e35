#!/bin/bash
# Install what a target needs and this machine lacks.
#
#   test/setup.sh demo|test|majors|bench|kafka
#
# Each need is probed by using it, not by asking the package manager; only when
# something is missing are Debian packages installed, as root or through sudo.
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"

missing=()

# need PACKAGE COMMAND...: the package is wanted unless the command succeeds.
need()
{
	local package=$1

	shift
	if ! "$@" >/dev/null 2>&1; then
		missing+=("$package")
	fi
}

have_header()
{
	echo "#include <$1>" | "${CC:-gcc}" -E -xc -
}

needs_of_demo()
{
	need gcc command -v gcc
	need libc6-dev have_header stdlib.h
	need make command -v make
	need xz-utils command -v xz
	if [ "${WITH_KAFKA:-yes}" != no ]; then
		need librdkafka-dev have_header librdkafka/rdkafka.h
	fi
	need postgresql find_postgres
}

needs_of_test()
{
	needs_of_demo
	need git command -v git
	need binutils command -v nm
	need clang command -v clang
	need shellcheck command -v shellcheck
	need libipc-run-perl env PATH="$SYSTEM_PATH" perl -MIPC::Run -MTest::More -MTime::HiRes -e 1
	need python3-psycopg env PATH="$SYSTEM_PATH" python3 -c 'import psycopg'
	need python3-asyncpg env PATH="$SYSTEM_PATH" python3 -c 'import asyncpg'
	need libpostgresql-jdbc-java test -e /usr/share/java/postgresql.jar
	need default-jdk-headless command -v javac
	# its package is a service: not where it would be started, now and after each boot
	if [ ! -d /run/systemd/system ]; then
		need pgbouncer test -x /usr/sbin/pgbouncer
	fi
}

needs_of_bench()
{
	needs_of_demo
	need python3-venv python3 -c 'import ensurepip'
	need default-jre-headless command -v java
	need libopenblas0-pthread python3 -c 'import ctypes; ctypes.CDLL("libopenblas.so.0")'
}

# A real broker: its jars come by Maven, its certificates by keytool.
needs_of_kafka()
{
	needs_of_test
	need maven command -v mvn
	need default-jdk-headless command -v keytool
}

needs_of_majors()
{
	need debootstrap command -v debootstrap
	need util-linux command -v unshare
	need python3-pip python3 -m pip --version
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Of what apt-get prints, one line in two seconds, cut to the width of a terminal.
progress()
{
	local line shown=0

	while IFS= read -r line; do
		case $line in
			Get:* | Unpacking* | "Setting up"*)
				if [ $((SECONDS - shown)) -ge 2 ]; then
					printf '  %.77s\n' "$line"
					shown=$SECONDS
				fi
				;;
		esac
	done
}

apt_get()
{
	# in runlevel 1 no package starts a service
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q \
		-o DPkg::Lock::Timeout=300 "$@" 2>&1 | tee -a "$BUILD/apt.log" | progress ||
		{ tail -n 20 "$BUILD/apt.log" >&2; die "apt-get $* failed, see build/apt.log"; }
}

# The newest supported major that this release of Debian has.
packaged_major()
{
	local major

	for major in 18 17 16 15; do
		if apt-cache show "postgresql-server-dev-$major" >/dev/null 2>&1; then
			echo "$major"
			return
		fi
	done
	die "no package of PostgreSQL 15 to 18 here; install its server and headers, or set PG_CONFIG"
}

ANSWER_DIR=/etc/postgresql-common/createcluster.d

forget_answer()
{
	as_root rm -f "$ANSWER_DIR/recsys.conf"
	as_root rmdir "$ANSWER_DIR" 2>/dev/null || true
}

# Debian's package makes and starts a cluster of its own unless told not to;
# the file that tells it so lives only as long as the installation.
install_postgres()
{
	local major

	major=$(packaged_major)
	if [ -x "/usr/lib/postgresql/$major/bin/postgres" ]; then
		apt_get install -y --no-install-recommends "postgresql-server-dev-$major"
		return
	fi
	apt_get install -y --no-install-recommends postgresql-common
	trap forget_answer EXIT
	as_root mkdir -p "$ANSWER_DIR"
	echo "create_main_cluster = false" | as_root tee "$ANSWER_DIR/recsys.conf" >/dev/null
	apt_get install -y --no-install-recommends \
		"postgresql-$major" "postgresql-server-dev-$major"
	forget_answer
	trap - EXIT
}

case ${1:-} in
	demo | test | majors | bench | kafka) "needs_of_$1" ;;
	*) die "usage: $0 demo|test|majors|bench|kafka" ;;
esac
if [ ${#missing[@]} = 0 ]; then
	exit 0
fi

echo "Installing what is missing: ${missing[*]}"
command -v apt-get >/dev/null ||
	die "no apt-get here; please install these Debian packages' equivalents: ${missing[*]}"
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
	die "neither root nor sudo; please install: ${missing[*]}"
mkdir -p "$BUILD"
: >"$BUILD/apt.log"
apt_get update
packages=()
for package in "${missing[@]}"; do
	if [ "$package" != postgresql ]; then packages+=("$package"); fi
done
if [ ${#packages[@]} -gt 0 ]; then
	apt_get install -y --no-install-recommends "${packages[@]}"
fi
if [ ${#packages[@]} != ${#missing[@]} ]; then
	install_postgres
fi
missing=()
"needs_of_$1"
[ ${#missing[@]} = 0 ] || die "still missing after installation: ${missing[*]}"

#!/bin/sh
# setup.sh installs what the end-to-end suite runs: a MariaDB server's programs and the real clients, pinned.
#
# It is idempotent and takes about a second when everything is there. Debian packages are installed only where a
# command is missing, as root or through sudo. Everything else goes under the cache directory: $SEGUE_CACHE, or
# .cache in the repository's root. No service is started, stopped or configured: the package mariadb-server-core
# holds the server's programs without the service, and the tests start servers of their own.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${SEGUE_CACHE:-$(cd "$here/../.." && pwd)/.cache}/e2e
clients=$here/clients

say() { echo "e2e setup: $*"; }
die() { echo "e2e setup: $*" >&2; exit 1; }
have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# need PACKAGE TEST…: notes the Debian package as missing unless the test succeeds.
missing=""
need() {
	package=$1
	shift
	case "$missing " in *" $package "*) return 0 ;; esac
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

# install_packages installs the Debian packages noted as missing.
install_packages() {
	missing=""
	need gcc have gcc # the race detector of the unit tests is linked by it
	need libc6-dev sh -c 'echo "#include <stdlib.h>" | gcc -fsyntax-only -xc -'
	need mariadb-server-core have mariadbd
	need mariadb-server-core have mariadb-install-db
	need mariadb-client have mariadb
	need libmariadb3 sh -c 'ls /usr/lib/*/libmariadb3/plugin/client_ed25519.so'
	need php-cli have php
	need php-mysql php -r 'exit(extension_loaded("mysqli") && extension_loaded("mysqlnd") ? 0 : 1);'
	need iproute2 have ip # network namespaces, for backends that vanish
	need python3 have python3
	need python3-venv python3 -c 'import ensurepip, venv'
	need nodejs have node
	need npm have npm
	need default-jdk-headless have javac
	need maven have mvn
	[ -n "$missing" ] || return 0

	have apt-get || die "missing:$missing; this is no Debian: install what these Debian packages hold, then run this again"
	[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null ||
		die "missing:$missing; run 'sudo apt-get install$missing', then run this again"
	say "apt-get install$missing"
	apt="as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
	# shellcheck disable=SC2086 # words on purpose
	{
		$apt update
		$apt install -y --no-install-recommends $missing
	} >"$cache/apt.log" 2>&1 || { tail -n 20 "$cache/apt.log" >&2; die "apt-get install$missing: see $cache/apt.log"; }
}

# current STEP STAMP: true when the step was done for the same inputs.
current() { [ "$(cat "$cache/$1.stamp" 2>/dev/null)" = "$2" ]; }
done_for() { echo "$2" >"$cache/$1.stamp"; }

# install_server_plugin unpacks auth_ed25519.so, which Debian ships in mariadb-server, beside the service.
install_server_plugin() {
	stamp=$(mariadbd --version 2>/dev/null || /usr/sbin/mariadbd --version)
	! current plugin "$stamp" || return 0
	rm -rf "$cache/plugin" "$cache/plugin.tmp"
	mkdir -p "$cache/plugin" "$cache/plugin.tmp"
	if [ -e /usr/lib/mysql/plugin/auth_ed25519.so ]; then
		cp /usr/lib/mysql/plugin/auth_ed25519.so "$cache/plugin/"
	else
		version=$(dpkg-query -W -f '${Version}' mariadb-server-core)
		say "apt-get download mariadb-server=$version (for auth_ed25519.so)"
		(
			cd "$cache/plugin.tmp"
			apt-get -q download "mariadb-server=$version" >download.log 2>&1 ||
				{ as_root apt-get -q update && apt-get -q download "mariadb-server=$version"; } >download.log 2>&1 ||
				{ cat download.log >&2; die "apt-get download mariadb-server=$version: upgrade mariadb-server-core, then run this again"; }
			dpkg-deb -x mariadb-server_*.deb root
			cp root/usr/lib/mysql/plugin/auth_ed25519.so "$cache/plugin/"
		)
	fi
	rm -rf "$cache/plugin.tmp"
	done_for plugin "$stamp"
}

install_pymysql() {
	stamp="$(cat "$clients/requirements.txt") $(python3 --version)"
	! current venv "$stamp" || return 0
	say "pip install $(grep -o "^[^# ]*" "$clients/requirements.txt" | xargs)"
	rm -rf "$cache/venv"
	python3 -m venv "$cache/venv"
	"$cache/venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$clients/requirements.txt"
	done_for venv "$stamp"
}

install_npm() {
	stamp="$(cat "$clients/package-lock.json") $(node --version)"
	! current node "$stamp" || return 0
	say "npm ci (mysql2, mariadb)"
	rm -rf "$cache/node"
	mkdir -p "$cache/node"
	cp "$clients/package.json" "$clients/package-lock.json" "$cache/node/"
	(cd "$cache/node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
	done_for node "$stamp"
}

install_jars() {
	stamp=$(cat "$clients/pom.xml" "$clients/jars.sha256")
	! current jars "$stamp" || return 0
	say "mvn dependency:copy-dependencies (Connector/J, MariaDB Connector/J, HikariCP)"
	rm -rf "$cache/jars"
	mvn -q -B -f "$clients/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/jars"
	(cd "$cache/jars" && sha256sum --quiet -c "$clients/jars.sha256")
	done_for jars "$stamp"
}

mkdir -p "$cache"
echo '*' >"$cache/.gitignore"
install_packages
install_server_plugin
install_pymysql
install_npm
install_jars
say "ready: $(cd "$cache/jars" && echo *.jar) $(grep -o "^[^# ]*" "$clients/requirements.txt" | xargs)," \
	"npm $(cd "$cache/node/node_modules" && node -p "['mysql2', 'mariadb'].map(p => p + '@' + require('$cache/node/node_modules/' + p + '/package.json').version).join(', ')")," \
	"$(php -r 'echo "PHP ", PHP_VERSION;'), $(PATH=$PATH:/usr/sbin mariadbd --version | grep -o '[0-9.]*-MariaDB')"

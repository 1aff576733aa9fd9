# What the services stand on: MariaDB (unix socket only), memcached, RabbitMQ and OVN's two databases with northd.

sql() { mariadb --no-defaults -uroot -S "$MYSQL_SOCKET" -N -B -e "$1"; }

# Durability is off: a lab that loses power is reset, not repaired.
start_mariadb() {
  mkdir -p "$VAR/tmp"
  launch mariadb mariadbd --no-defaults --user=root --datadir="$VAR/mysql" --socket="$MYSQL_SOCKET" --skip-networking \
    --pid-file="$RUN/mariadbd.own-pid" --tmpdir="$VAR/tmp" \
    --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --innodb-doublewrite=0 --innodb-file-per-table=0 \
    --innodb-buffer-pool-size=96M --innodb-log-file-size=64M --performance-schema=0 --skip-log-bin \
    --max-connections=400 --character-set-server=utf8mb3 --skip-name-resolve
}
await_mariadb() { await "$START_LIMIT" mariadb "an answer from mariadb" sql 'select 1'; }

start_memcached() { launch memcached memcached -u root -l 127.0.0.1 -p "$MEMCACHED_PORT" -m 32; }

# rabbit starts an epmd of its own when ours has died: then that one is ours from now on.
adopt_epmd() {
  local name pid
  alive epmd && return 0
  read -r name pid < <(listener "$EPMD_PORT") || true
  [ "${name:-}" = epmd ] && alive rabbit || return 0
  echo "$pid $(starttime "$pid")" >"$RUN/epmd.pid"
}

start_rabbit() {
  export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$EPMD_PORT
  adopt_epmd
  launch epmd epmd -address 127.0.0.1 -port "$EPMD_PORT"
  launch rabbit env HOME="$VAR/rabbit" RABBITMQ_NODENAME=lowlayer-lab@localhost \
    RABBITMQ_MNESIA_BASE="$VAR/rabbit/mnesia" RABBITMQ_LOG_BASE="$VAR/rabbit/log" \
    RABBITMQ_CONFIG_FILE="$ETC/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$ETC/enabled_plugins" \
    RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_DIST_PORT="$RABBIT_DIST_PORT" \
    RABBITMQ_NODE_PORT="$RABBIT_PORT" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}' \
    /usr/lib/rabbitmq/bin/rabbitmq-server
}
await_rabbit() { await "$START_LIMIT" rabbit "a listener of rabbitmq" listening "$RABBIT_PORT"; }

nbctl() { ovn-nbctl --db="unix:$OVN_NB_SOCKET" --timeout=60 "$@"; }
sbctl() { ovn-sbctl --db="unix:$OVN_SB_SOCKET" --timeout=60 "$@"; }

# start_ovsdb NAME DATABASE SCHEMA SOCKET CTL [REMOTE]: an ovsdb-server; a stale socket would look like a living one.
start_ovsdb() {
  local name=$1 db=$2 schema=$3 socket=$4 ctl=$5 remote=${6:-}
  [ -e "$db" ] || ovsdb-tool create "$db" "$schema"
  alive "$name" || rm -f "$socket" "$ctl"
  launch "$name" ovsdb-server --remote="punix:$socket" ${remote:+--remote="$remote"} --unixctl="$ctl" \
    -vconsole:warn -vfile:off -vsyslog:off "$db"
  await "$START_LIMIT" "$name" "a socket of $name" test -S "$socket"
}

start_ovn() {
  local schemas=/usr/share/ovn
  start_ovsdb ovsdb-nb "$VAR/ovn/nb.db" $schemas/ovn-nb.ovsschema "$OVN_NB_SOCKET" "$RUN/ovnnb.ctl" db:OVN_Northbound,NB_Global,connections
  start_ovsdb ovsdb-sb "$VAR/ovn/sb.db" $schemas/ovn-sb.ovsschema "$OVN_SB_SOCKET" "$RUN/ovnsb.ctl" db:OVN_Southbound,SB_Global,connections
  alive northd || rm -f "$RUN/northd.ctl"
  launch northd ovn-northd --ovnnb-db="unix:$OVN_NB_SOCKET" --ovnsb-db="unix:$OVN_SB_SOCKET" --unixctl="$RUN/northd.ctl" \
    -vconsole:warn -vfile:off -vsyslog:off
  nbctl init
  nbctl -- set-connection "ptcp:$OVN_NB_PORT:127.0.0.1" -- set connection . inactivity_probe=60000
  sbctl init
  sbctl -- set-connection "ptcp:$OVN_SB_PORT:127.0.0.1" -- set connection . inactivity_probe=60000
}

# The databases. The first "up" creates them and keeps a copy in the cache (the baseline); every later first start, and
# every reset, begins from that copy. It holds schemas, keys, users and catalogue, and no hypervisor: those register anew.

# Sets BASELINE. The key holds all the content depends on; the state's path too, because nova stores connection URLs.
baseline_path() {
  local key
  key=$({ versions_key; echo "$STATE"; cat "$LAB_HOME/lib/seed.sh" "$LAB_HOME/lib/catalogue.py" "$LAB_HOME/lib/settings.sh"; } | sha256sum | cut -c1-12)
  BASELINE=$CACHE/baseline-$key
}

ensure_seeded() {
  baseline_path
  if [ -e "$VAR/seeded" ]; then
    [ "$(<"$VAR/seeded")" = "$(versions_key)" ] ||
      die "the packages have changed since this lab's databases were made: run 'lab reset'"
    return 0
  fi
  stop_daemons 5 keystone mariadb   # an interrupted first start may have left them
  rm -rf --one-file-system "$VAR/mysql" "$VAR/keystone"
  if [ -d "$BASELINE" ]; then
    cp -a --reflink=auto --sparse=always "$BASELINE/." "$VAR/"
    say "databases restored from the baseline"
  else
    seed
  fi
  versions_key >"$VAR/seeded"
}

seed() {
  mkdir -p "$VAR/keystone"
  mariadb-install-db --no-defaults --user=root --datadir="$VAR/mysql" --auth-root-authentication-method=normal --skip-test-db \
    >"$LOG/mariadb-install.log" 2>&1 </dev/null || die_log "$LOG/mariadb-install.log" "mariadb-install-db failed"
  start_mariadb
  await_mariadb
  create_databases
  create_schemas
  start_memcached
  start_keystone
  await_http keystone "$KEYSTONE_PORT"
  "$PYTHON" "$LAB_HOME/lib/catalogue.py" "$CLOUDS" "$PASSWORD" \
    "placement=placement=http://127.0.0.1:$PLACEMENT_PORT" "nova=compute=http://127.0.0.1:$NOVA_PORT/v2.1" \
    "neutron=network=http://127.0.0.1:$NEUTRON_PORT" "glance=image=http://127.0.0.1:$GLANCE_PORT"
  save_baseline
  say "schemas, users and catalogue created; baseline kept"
}

create_databases() {
  local db
  for db in keystone placement glance neutron nova_api nova nova_cell0; do
    sql "create database if not exists $db character set utf8mb3"
  done
}

# Three jobs side by side; in each, one schema after the other.
create_schemas() {
  local job pids=()
  for job in identity network compute; do
    (set -e; "schema_$job") >"$LOG/schema-$job.log" 2>&1 </dev/null 9>&- &
    pids+=("$job:$!")
  done
  for job in "${pids[@]}"; do
    wait "${job#*:}" || die_log "$LOG/schema-${job%:*}.log" "the database schemas could not be created (${job%:*})"
  done
}

schema_identity() {
  local keystone="$PYTHON /usr/bin/keystone-manage --config-file $ETC/keystone/keystone.conf" repo
  $keystone db_sync
  for repo in fernet credential; do
    $keystone ${repo}_setup --keystone-user root --keystone-group root
  done
  $keystone bootstrap --bootstrap-password "$PASSWORD" --bootstrap-region-id RegionOne \
    --bootstrap-admin-url "$KEYSTONE_URL" --bootstrap-internal-url "$KEYSTONE_URL" --bootstrap-public-url "$KEYSTONE_URL"
  # placement-manage does not read OS_PLACEMENT_CONFIG_DIR
  $PYTHON /usr/bin/placement-manage --config-file "$ETC/placement/placement.conf" db sync
  $PYTHON "$SCRIPTS/usr/bin/glance-manage" --config-file "$ETC/glance-api.conf" db_sync
}

schema_network() {
  $PYTHON "$SCRIPTS/usr/bin/neutron-db-manage" --config-file "$ETC/neutron.conf" --config-file "$ETC/ml2_conf.ini" upgrade heads
}

schema_compute() {
  local nova="$PYTHON $SCRIPTS/usr/bin/nova-manage --config-file $ETC/nova.conf"
  $nova api_db sync
  $nova cell_v2 map_cell0 --database_connection "mysql+pymysql://root@localhost/nova_cell0?unix_socket=$MYSQL_SOCKET&charset=utf8"
  $nova db sync
  $nova cell_v2 create_cell --name cell1 || [ $? = 2 ]   # 2: it exists
}

# mariadb must be stopped for a consistent copy; keystone reconnects by itself.
save_baseline() {
  local new=$BASELINE.$$
  stop_daemons 60 mariadb
  rm -rf --one-file-system "$CACHE"/baseline-*
  mkdir -p "$new"
  cp -a --reflink=auto --sparse=always "$VAR/mysql" "$VAR/keystone" "$new/"
  mv -T "$new" "$BASELINE"
}

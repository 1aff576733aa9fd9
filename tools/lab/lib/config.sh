# Configuration files below $ETC, from the templates in conf/.

write_config() {
  mkdir -p "$RUN" "$LOG" "$ETC" "$VAR"/{netns,servers,keystone,glance/images,nova,neutron,rabbit,ovn,lock}
  STATE=$STATE VAR=$VAR RUN=$RUN SCRIPTS=$SCRIPTS PASSWORD=$PASSWORD KEYSTONE_URL=$KEYSTONE_URL \
    NOVA_PORT=$NOVA_PORT NEUTRON_PORT=$NEUTRON_PORT GLANCE_PORT=$GLANCE_PORT RABBIT_PORT=$RABBIT_PORT \
    MEMCACHED_PORT=$MEMCACHED_PORT OVN_NB_PORT=$OVN_NB_PORT OVN_SB_PORT=$OVN_SB_PORT \
    RABBIT_URL="rabbit://guest:guest@127.0.0.1:$RABBIT_PORT/" \
    DB=mysql+pymysql://root@localhost DB_ARGS="unix_socket=$MYSQL_SOCKET&charset=utf8" \
    "$PYTHON" "$LAB_HOME/lib/render.py" "$LAB_HOME/conf" "$ETC"
  install -m 600 "$ETC/clouds.yaml" "$CLOUDS"
  echo '[].' >"$ETC/enabled_plugins"
}

# write_host_config HOST: what nova-compute of one hypervisor reads besides nova.conf.
write_host_config() {
  mkdir -p "$VAR/nova/$1/instances"
  printf '[DEFAULT]\nhost = %s\nstate_path = %s/nova/%s\n' "$1" "$VAR" "$1" >"$ETC/nova-$1.conf"
}

# Packages. Libraries and stand-alone daemons are installed; of the OpenStack daemons' own packages only the files are
# taken (scripts, paste.ini), unpacked below the cache: they would otherwise bring system users, debconf and services.

PACKAGES=(
  python3-keystone python3-placement python3-neutron python3-nova python3-glance
  python3-fixtures   # nova.virt.fake, the base of our driver, imports it
  python3-pymysql python3-memcache
  mariadb-server-core mariadb-client-core rabbitmq-server memcached uwsgi-core uwsgi-plugin-python3
  ovn-central ovn-common ovn-host openvswitch-switch
  iproute2 iputils-ping ethtool curl
)
# package:library whose version it must have
UNPACKED=(
  nova-common:python3-nova nova-api:python3-nova neutron-common:python3-neutron
  glance-common:python3-glance glance-api:python3-glance placement-common:python3-placement
)

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
version_of() { dpkg-query -W -f '${Version}' "$1"; }

missing_packages() {
  local p
  for p in "${PACKAGES[@]}"; do installed "$p" || echo "$p"; done
}

# The versions the databases and scripts belong to, as one short word.
versions_key() {
  dpkg-query -W -f '${Package} ${Version}\n' "${PACKAGES[@]}" | sort | sha256sum | cut -c1-12
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -q \
    -o DPkg::Lock::Timeout=900 -o APT::Sandbox::User=root -o Acquire::Retries=3 \
    -o Dir::Cache::archives="$CACHE/debs" -o DPkg::Path="$CACHE/shims:$PATH" \
    -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold \
    -o Dpkg::Options::=--path-exclude='/usr/share/doc/*' -o Dpkg::Options::=--path-exclude='/usr/share/man/*' \
    -o Dpkg::Options::=--path-exclude='/usr/share/info/*' -o Dpkg::Options::=--path-exclude='/usr/share/locale/*' \
    "$@" >>"$INSTALL_LOG" 2>&1 </dev/null
}

# Maintainer scripts find these first in their PATH, for this installation only. py3compile: compiling every module is most
# of the CPU time of the installation, and python compiles what it imports anyway. The others would start or enable services.
write_shims() {
  local s
  mkdir -p "$CACHE/shims" "$CACHE/debs/partial"
  for s in py3compile invoke-rc.d update-rc.d deb-systemd-invoke deb-systemd-helper systemctl; do
    ln -sf /bin/true "$CACHE/shims/$s"
  done
}

# No package lists, or lists so old that their files are gone: update once and try again.
apt_with_update() {
  apt "$@" && return 0
  say "package lists are missing or old: apt-get update"
  apt update && apt "$@"
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${#missing[@]} packages and what they need (log: $INSTALL_LOG)"
  write_shims
  apt_with_update --no-install-recommends install "${missing[@]}" ||
    die_log "$INSTALL_LOG" "packages could not be installed; is a Debian 12 mirror reachable (apt-get update)?"
  say "packages installed"
}

# Sets SCRIPTS to a directory with the daemons' scripts and paste files, of the same version as the libraries.
unpack_scripts() {
  local entry work deb
  SCRIPTS=$CACHE/scripts-$(for entry in "${UNPACKED[@]}"; do echo "$entry $(version_of "${entry#*:}")"; done | sha256sum | cut -c1-12)
  [ ! -d "$SCRIPTS" ] || return 0
  work=$SCRIPTS.$$
  rm -rf "$work"
  mkdir -p "$work/debs"
  (cd "$work/debs" && download_scripts) ||
    die_log "$INSTALL_LOG" "the daemons' script packages could not be downloaded"
  for deb in "$work"/debs/*.deb; do
    dpkg-deb -x "$deb" "$work" || die "$deb cannot be unpacked"
  done
  rm -rf "$work/debs"
  mv -T "$work" "$SCRIPTS"
  say "daemon scripts unpacked"
}

download_scripts() {
  local entry specs=()
  for entry in "${UNPACKED[@]}"; do specs+=("${entry%:*}=$(version_of "${entry#*:}")"); done
  apt_with_update download "${specs[@]}"
}

# Packages: what is missing is installed with apt, as root or through sudo; nothing is touched when nothing is missing.
# Sourced by tools/dev.

package_list=tools/dev.d/packages.txt
package_groups=(build lint bench rust arm64)
# What comes with the security suite: compilers.
security_packages=(clang-22 rustc-web)

# packages_of GROUP... -> one name a line
packages_of() {
  local group
  for group in "$@"; do
    grep -q "^$group " "$package_list" || die "unknown package group: $group (groups: ${package_groups[*]})"
    sed -n "s/^$group //p" "$package_list"
  done
}

# missing_packages NAME[:ARCHITECTURE]... -> the names that are not installed; asks dpkg once. Without an architecture: this machine's.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Architecture}\n' "$@" 2>/dev/null |
    awk -v native="$(dpkg --print-architecture)" '$1 == "installed" {
      if ($3 == native || $3 == "all") print $2
      print $2 ":" $3
    }' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -E "$@"; fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y \
    -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 "$@"
}

has_candidate() {
  local candidate
  candidate=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p')
  [ -n "$candidate" ] && [ "$candidate" != '(none)' ]
}

# The archive that apt takes the distribution's own suite from, as "URI SUITE"; indextargets sees both source formats.
main_archive() {
  local codename
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  apt-get indextargets --format '$(SITE) $(RELEASE) $(CODENAME)' 'Created-By: Packages' 2>/dev/null |
    awk -v codename="$codename" '$3 == codename || $2 == codename { print $1, codename; exit }'
}

# A base system that was made from the main suite alone does not see the security suite, where the compiler lives. The
# same mirror is asked for it; when that fails the machine is left as it was and the reason is given.
# add_security_suite PACKAGE: for the sake of this package.
add_security_suite() {
  local archive uri codename list entry
  archive=$(main_archive)
  [ -n "$archive" ] || return 1
  uri=${archive% *}
  codename=${archive#* }
  list=/etc/apt/sources.list.d/lunabeam-security.list
  entry="deb ${uri%/}-security $codename-security main"
  say "$1 is not in the suites apt knows; adding to $list: $entry"
  printf '%s\n' "$entry" | as_root tee "$list" >/dev/null
  if step 'apt: read the security suite' apt_get update -o APT::Update::Error-Mode=any && has_candidate "$1"; then
    return 0
  fi
  as_root rm -f "$list"
  return 1
}

# add_architectures NAME[:ARCHITECTURE]...: makes dpkg take packages of these architectures; apt must read its lists after it.
# Prints those that are new.
add_architectures() {
  local package architecture known
  known=" $(dpkg --print-architecture) $(dpkg --print-foreign-architectures | tr '\n' ' ') "
  for package in "$@"; do
    architecture=${package##*:}
    if [[ "$package" == *:* && "$known" != *" $architecture "* ]]; then
      as_root dpkg --add-architecture "$architecture"
      known+="$architecture "
      printf '%s\n' "$architecture"
    fi
  done
}

# ensure_packages GROUP...: installs what is missing of the groups.
ensure_packages() {
  local wanted missing added package architecture
  [ -z "${LUNABEAM_NO_SETUP:-}" ] || return 0
  mapfile -t wanted < <(packages_of "$@")
  [ ${#wanted[@]} -gt 0 ] || exit 1
  if ! command -v dpkg-query >/dev/null; then
    die "this is not a Debian system. Install the equivalents of: ${wanted[*]}; then set LUNABEAM_NO_SETUP=1"
  fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    die "missing packages, and neither root nor sudo to install them. As root: apt-get install ${missing[*]}"
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  mapfile -t added < <(add_architectures "${missing[@]}")
  [ ${#added[@]} -eq 0 ] || say "dpkg takes packages of ${added[*]} from here on (dpkg --add-architecture)"
  if ! step 'apt: read the package lists' apt_get update; then
    for architecture in "${added[@]}"; do as_root dpkg --remove-architecture "$architecture"; done
    die 'apt-get update failed: check the sources of apt and the network'
  fi
  for package in "${security_packages[@]}"; do
    if [[ " ${missing[*]} " == *" $package "* ]] && ! has_candidate "$package" && ! add_security_suite "$package"; then
      die "apt has no $package. Debian 12 ships it in the suite bookworm-security (component main):" \
        'add that suite to the sources of apt, then run this again'
    fi
  done
  step "apt: install ${#missing[@]} packages" apt_get install --no-install-recommends "${missing[@]}" ||
    die 'apt-get install failed: check the sources of apt and the network, then run this again'
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [ ${#missing[@]} -eq 0 ] || die "still missing after the installation: ${missing[*]}"
}

# doctor: one line per fact; status 1 when something that building needs is missing.
doctor() {
  local group missing tool status=0
  say "repository   $root"
  say "system       $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), $(uname -rm)"
  say "processors   $(nproc); $(awk '/^MemTotal/ {printf "%.1f GiB memory, ", $2 / 1048576}
    /^MemAvailable/ {printf "%.1f GiB available", $2 / 1048576}' /proc/meminfo)"
  say "map count    $(cat /proc/sys/vm/max_map_count) (memories above 4 MiB use up to half of it)"
  for tool in clang++-22 g++ cmake ninja ccache python3 git wasm2wat; do
    if command -v "$tool" >/dev/null; then
      say "$(printf '%-12s' "$tool") $("$tool" --version 2>/dev/null | head -n 1)"
    else
      say "$(printf '%-12s' "$tool") missing"
    fi
  done
  for group in "${package_groups[@]}"; do
    mapfile -t missing < <(missing_packages $(packages_of "$group"))
    if [ ${#missing[@]} -eq 0 ]; then
      say "packages     $group: complete"
    else
      say "packages     $group: missing ${missing[*]}  (tools/dev setup $group)"
      [ "$group" != build ] || status=1
    fi
  done
  if [ -d ../shared ]; then
    say 'shared       present beside the checkout'
  else
    say 'shared       absent: tests of prebuilt guests and specification scripts are skipped by name'
  fi
  local preset
  for preset in "${all_presets[@]}"; do
    [ ! -e "build/$preset/build.ninja" ] || say "build tree   build/$preset ($(du -sh "build/$preset" | cut -f1))"
  done
  return "$status"
}

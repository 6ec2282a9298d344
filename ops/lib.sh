# Shared by ops/demo, ops/test and ops/kafka: installs what a fresh Debian 12 lacks, fetches Kafka,
# makes the Python environment, builds. Sourced by bash, not run. Everything downloaded lives
# outside the repository and is used again by the next run, which then needs no network.

EM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
EM_CACHE=${EM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/enclave-metering}
EM_KAFKA_VERSION=${EM_KAFKA_VERSION:-4.3.1}
EM_VENV=$EM_CACHE/venv-$(sha256sum "$EM_ROOT/ops/requirements.txt" | cut -c1-12)
EM_JOBS=${EM_JOBS:-$(nproc)}
EM_T0=${EM_T0:-$(date +%s)}
export EM_ROOT EM_CACHE EM_KAFKA_VERSION EM_T0

# say TEXT…: one line of progress with the seconds since the start.
say() {
    printf '[%4ds] %s\n' $(($(date +%s) - EM_T0)) "$*"
}

# die TEXT…: what went wrong and what to do.
die() {
    printf 'ops: %s\n' "$*" >&2
    exit 1
}

# logged FILE COMMAND…: output to FILE; on failure its tail is shown.
logged() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        printf 'ops: failed: %s (all of it: %s)\n' "$*" "$log" >&2
        return 1
    fi
}

# need_packages GROUP…: apt-get installs what dpkg does not have.
need_packages() {
    local missing=() group package as_root=()
    command -v dpkg-query >/dev/null || die "this needs Debian 12 (dpkg, apt-get); elsewhere install" \
        "the equivalents of ops/packages.txt and set EM_SKIP_PACKAGES=1"
    [ -n "${EM_SKIP_PACKAGES:-}" ] && return 0
    while read -r group package; do
        case " $* " in *" $group "*) ;; *) continue ;; esac
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done < <(grep -v '^#' "$EM_ROOT/ops/packages.txt")
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "not root and no sudo: install ${missing[*]} yourself"
        as_root=(sudo)
    fi
    say "Installing Debian packages: ${missing[*]}"
    mkdir -p "$EM_CACHE"
    logged "$EM_CACHE/apt.log" "${as_root[@]}" apt-get update
    logged "$EM_CACHE/apt.log" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
}

# need_venv: $EM_VENV holds exactly ops/requirements.txt; keyed by its hash.
need_venv() {
    [ -e "$EM_VENV/complete" ] && return 0
    say "Making the Python environment (confluent-kafka, fastavro, …)"
    mkdir -p "$EM_CACHE"
    rm -rf "$EM_VENV"
    logged "$EM_CACHE/venv.log" python3 -m venv "$EM_VENV"
    logged "$EM_CACHE/venv.log" "$EM_VENV/bin/pip" install -q --no-deps --disable-pip-version-check \
        -r "$EM_ROOT/ops/requirements.txt"
    touch "$EM_VENV/complete"
}

# need_kafka [VERSION]: the broker's jars in $EM_CACHE/kafka-VERSION, from Maven Central.
need_kafka() {
    local version=${1:-$EM_KAFKA_VERSION} dir tmp
    dir=$EM_CACHE/kafka-$version
    [ -d "$dir" ] && return 0
    say "Fetching Apache Kafka $version from Maven Central (about 45 MB)"
    mkdir -p "$EM_CACHE"
    tmp=$(mktemp -d "$EM_CACHE/kafka-$version.XXXXXX")
    kafka_pom "$version" >"$tmp/pom.xml"
    (cd "$tmp" && logged "$EM_CACHE/mvn-$version.log" mvn -q -B \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory=libs -DincludeScope=runtime) || { rm -rf "$tmp"; return 1; }
    mv -T "$tmp/libs" "$dir" 2>/dev/null || [ -d "$dir" ] || return 1
    rm -rf "$tmp"
}

kafka_pom() {
    cat <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>broker</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$1</version></dependency>
POM
    case $1 in
    4.*) echo '<dependency><groupId>org.apache.logging.log4j</groupId>' \
        '<artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>' ;;
    esac
    echo '</dependencies></project>'
}

# build_preset PRESET [TARGET…]: configures when needed, then builds; log in build/PRESET.log.
# EM_CMAKE_ARGS: extra words for the configure step.
build_preset() {
    local preset=$1 log
    shift
    log=$EM_ROOT/build/$preset.log
    mkdir -p "$EM_ROOT/build"
    if command -v ccache >/dev/null; then
        export CMAKE_C_COMPILER_LAUNCHER=ccache
    fi
    # shellcheck disable=SC2086
    (cd "$EM_ROOT" && logged "$log" cmake --preset "$preset" ${EM_CMAKE_ARGS:-}) || return 1
    if [ -n "${EM_PROGRESS:-}" ]; then
        show_progress "$log" &
        local shower=$!
    fi
    local status=0
    (cd "$EM_ROOT" && logged "$log" cmake --build "build/$preset" -j "$EM_JOBS" \
        ${1:+--target "$@"}) || status=$?
    [ -z "${shower:-}" ] || kill "$shower" 2>/dev/null || true
    return $status
}

# show_progress LOG: how far a build is, every few seconds, while its log grows.
show_progress() {
    local last='' now
    while sleep 3; do
        now=$(grep -ao '^\[[0-9]*/[0-9]*\]' "$1" | tail -n 1)
        [ "$now" = "$last" ] || say "  built $(tr -d '[]' <<<"$now" | sed 's|/| of |') steps"
        last=$now
    done
}

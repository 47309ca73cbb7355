# The machines of packaging/demo: a client, two balancers and three application hosts, each
# in a network namespace of its own, and the programs on them. To be sourced, with $prefix
# (of the namespaces) and $run (the folder for all that is written) set.

vip=110.15.177.120
hosts="client lb1 lb2 app1 app2 app3"
declare -A address=([client]=110.15.177.110 [lb1]=110.15.177.121 [lb2]=110.15.177.122
	[app1]=110.15.177.123 [app2]=110.15.177.124 [app3]=110.15.177.125)
interface=enp13s0

on() # HOST COMMAND...
{
	local host=$1
	shift
	ip netns exec "$prefix-$host" "$@"
}

# Starts a program on a host; its pid and its last words are kept under $run.
start_on() # HOST NAME COMMAND...
{
	local host=$1 name=$2
	shift 2
	exec ip netns exec "$prefix-$host" "$@" >>"$run/log/$host-$name" 2>&1 </dev/null &
	echo $! >"$run/pid/$host-$name"
	disown # whoever kills it says so
}

stop_on() # HOST NAME
{
	local file=$run/pid/$1-$2 pid end=$((SECONDS + 10))
	[ -f "$file" ] || return 0
	pid=$(cat "$file")
	kill "$pid" 2>/dev/null || true
	while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $end ]; do
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null || true
	rm -f "$file"
}

wait_until() # SECONDS WHAT COMMAND...
{
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || die "waited in vain for $what; run packaging/demo --keep," \
			"which leaves everything as it is then, to look for the reason"
		sleep 0.1
	done
}

all_pids()
{
	local host
	for host in $hosts; do
		[ ! -e "/run/netns/$prefix-$host" ] || ip netns pids "$prefix-$host"
	done
}

signal_all() # SIGNAL
{
	local pid
	for pid in $(all_pids); do
		kill -"$1" "$pid" 2>/dev/null || true
	done
}

clean()
{
	local host end=$((SECONDS + 10))
	signal_all TERM
	while [ -n "$(all_pids)" ] && [ $SECONDS -lt $end ]; do
		sleep 0.1
	done
	signal_all KILL
	for host in net $hosts; do
		[ ! -e "/run/netns/$prefix-$host" ] || ip netns del "$prefix-$host" || true
	done
	rm -rf "$run"
}

check_namespaces()
{
	local why
	if ! why=$(ip netns add "$prefix-net" 2>&1) || ! why=$(on net true 2>&1); then
		die "cannot make network namespaces ($why); in a container this needs --privileged"
	fi
}

raise_network()
{
	local host
	ip -n "$prefix-net" link add portal type bridge || die "the kernel has no bridge module"
	ip -n "$prefix-net" link set portal up
	for host in $hosts; do
		ip netns add "$prefix-$host"
		ip -n "$prefix-net" link add "to-$host" type veth peer name "$interface" \
			netns "$prefix-$host"
		ip -n "$prefix-net" link set "to-$host" master portal up
		ip -n "$prefix-$host" link set lo up
		ip -n "$prefix-$host" addr add "${address[$host]}/26" dev "$interface"
		ip -n "$prefix-$host" link set "$interface" up
	done
}

# --- application hosts ---

start_flask() # HOST TIER PORT
{
	start_on "$1" "$2" env "PORTAL_HOST=$1" "$python" -B -m gunicorn --chdir "$here/portal" \
		--workers 2 --worker-tmp-dir "$run" --bind "0.0.0.0:$3" --log-level warning \
		flask_app:app
}

start_nginx() # HOST
{
	local folder=$run/$1
	mkdir -p "$folder/html/dashboard"
	echo "web page of $1" >"$folder/html/index.html"
	echo "dashboard of $1" >"$folder/html/dashboard/index.html"
	chmod -R a+rX "$folder"
	cat >"$folder/nginx.conf" <<-END
		daemon off;
		worker_processes 1;
		pid $folder/nginx.pid;
		error_log stderr warn;
		events {}
		http {
			access_log off;
			client_body_temp_path $folder/body;
			proxy_temp_path $folder/proxy;
			fastcgi_temp_path $folder/fastcgi;
			uwsgi_temp_path $folder/uwsgi;
			scgi_temp_path $folder/scgi;
			server {
				listen 80;
				root $folder/html;
				add_header X-Served-By $1;
			}
		}
	END
	start_on "$1" nginx nginx -p "$folder" -c "$folder/nginx.conf"
}

listens() # HOST PORT
{
	on "$1" ss -Hltn "sport = :$2" | grep -q .
}

raise_applications()
{
	local host port
	for host in app1 app2 app3; do
		start_nginx "$host"
		start_flask "$host" api 5010
		start_flask "$host" auth 4430
		start_on "$host" websocket "$python" -B "$here/portal/websocket_server.py" "$host" \
			0.0.0.0 5011
	done
	for host in app1 app2 app3; do
		for port in 80 5010 4430 5011; do
			wait_until 60 "$host to listen on port $port" listens "$host" "$port"
		done
	done
}

# --- balancers ---

# Namespaces share the machine's host name, so lb2 has its name in a file of its own, and the
# priority that the portal's administrators gave it.
write_configurations()
{
	local changed
	mkdir -p "$run"/lb{1,2}/{run,lib}
	cp "$top/etc/hpcbal.conf" "$run/lb1/hpcbal.conf"
	sed 's/^node = "lb1";/node = "lb2";/; s/priority = 100;/priority = 90; /' \
		"$top/etc/hpcbal.conf" >"$run/lb2/hpcbal.conf"
	changed=$(diff "$run/lb1/hpcbal.conf" "$run/lb2/hpcbal.conf" | sed -n 's/^> *//p') || true
	[ "$(wc -l <<<"$changed")" -eq 2 ] ||
		die "lb2's file should differ from etc/hpcbal.conf in node and priority, but differs in:" \
			"$changed; correct write_configurations() in packaging/portal/machines.bash"
	echo "  lb1 has etc/hpcbal.conf; in lb2's two lines differ:"
	sed 's/^/    /; s/ *#.*//' <<<"$changed"
}

# Each balancer has its own /run and /var/lib, as another machine would. The program for it
# is a file, so that it is at hand when a person killed the balancer.
write_starters()
{
	local node
	for node in lb1 lb2; do
		cat >"$run/$node/start" <<-END
			#!/bin/sh -e
			mount --bind $run/$node/run /run
			mount --bind $run/$node/lib /var/lib
			exec $run/build/hpcbald -f $run/$node/hpcbal.conf "\$@"
		END
		chmod 755 "$run/$node/start"
	done
}

start_balancer() # NODE
{
	start_on "$1" hpcbald "$run/$1/start" -F
}

control() # NODE WORD...
{
	local node=$1
	shift
	"$run/build/hpcbalctl" -s "$run/$node/run/hpcbal/control.sock" "$@"
}

server_is() # NODE STATE SERVER
{
	control "$1" servers | grep -w "$3" | grep -qw "$2"
}

all_up() # NODE
{
	control "$1" servers | grep -c -w UP | grep -qx 11
}

# The virtual router, as a process that lives says.
router_is() # NODE STATE
{
	local said
	said=$(control "$1" vrrp --json | tr -d ' \n')
	[[ $said == *"\"state\":\"$2\""* && $said == *'"live":true'* ]]
}

# The proxy or the vrrp process of a node, if it runs.
role_pid() # NODE ROLE
{
	local pid
	for pid in $(ip netns pids "$prefix-$1"); do
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "hpcbald: $2" ]; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

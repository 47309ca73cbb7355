# What befalls the balancers in packaging/demo, and what a visitor sees of it. To be sourced
# behind machines.bash.

# visitor.py in the client's namespace, as a coprocess.
start_visitor()
{
	# shellcheck disable=SC2034 # a coprocess's pipes and pid
	coproc visitor {
		exec ip netns exec "$prefix-client" "$python" -B "$here/portal/visitor.py" "$vip" 80 \
			2>>"$run/log/client-visitor"
	}
	echo "$visitor_PID" >"$run/pid/client-visitor"
	held_up_most=0
}

# What the visitor saw since it was asked last.
ask_visitor() # sets silence, visits, failed
{
	local late
	# A visitor that died has closed its pipes.
	if ! { echo "and?" >&"${visitor[1]}"; } 2>/dev/null ||
		! read -r silence visits failed late <&"${visitor[0]}"; then
		die "the visitor (packaging/portal/visitor.py) died; its last words are below"
	fi
	held_up_most=$((late > held_up_most ? late : held_up_most))
}

holders() # the nodes that have the VIP
{
	local node found=
	for node in lb1 lb2; do
		if ip -n "$prefix-$node" -o addr show to "$vip" | grep -q .; then
			found=${found:+$found, }$node
		fi
	done
	echo "${found:-nobody}"
}

# The VIP is on these nodes and nowhere else, the last of them says so, and it is answered.
serves() # HOLDERS
{
	[ "$(holders)" = "$1" ] && router_is "${1##* }" MASTER &&
		on client curl -fsS -m 2 -o /dev/null "http://$vip/"
}

as_ever()
{
	serves lb1 && router_is lb2 BACKUP && all_up lb1 && all_up lb2
}

tell_rows()
{
	[ ${#rows[@]} -eq 0 ] || printf '  %-38s %18s %20s   %s\n' "${rows[@]}"
	rows=()
}

# Lets something happen, waits until the VIP is answered from where it then belongs, and adds a
# row of it to the table that tell_rows() prints.
watch_event() # WHAT HOLDERS COMMAND...
{
	local what=$1 belongs=$2
	shift 2
	ask_visitor # what was before is not this event's
	"$@"
	wait_until 60 "an answer from the VIP, and the VIP on $belongs ($what)" serves "$belongs"
	sleep 1 # visits that are under way end, well or not
	ask_visitor
	rows+=("$what" "$silence ms" "$failed of $visits" "$(holders)")
}

# An event that leaves lb1 master and lb2 its backup, each with all of its servers.
watch_return() # WHAT COMMAND...
{
	local what=$1
	shift
	watch_event "$what" lb1 "$@"
	wait_until 60 "lb1 and lb2 to be as before ($what)" as_ever
}

# --- what happens ---

kill_role() # NODE ROLE
{
	local old
	old=$(role_pid "$1" "$2") || die "$1 has no $2 process; its last words are below"
	kill -9 "$old"
	wait_until 60 "another $2 process on $1" is_replaced "$1" "$2" "$old"
}

is_replaced() # NODE ROLE OLD_PID
{
	local now
	now=$(role_pid "$1" "$2") && [ "$now" != "$3" ]
}

# Longer than lb2 waits for an advertisement (3.6 s), so that it would have taken over.
kill_vrrp_and_wait()
{
	kill_role lb1 vrrp
	sleep 4
}

# All at once: stopped first, so that none sees another die.
kill_everything() # NODE
{
	local pids
	mapfile -t pids < <(ip netns pids "$prefix-$1")
	kill -STOP "${pids[@]}"
	kill -KILL "${pids[@]}"
	rm "$run/pid/$1-hpcbald"
}

cable() # NODE up|down
{
	ip -n "$prefix-net" link set "to-$1" "$2"
}

command_of() # NODE WORD: demote or promote
{
	control "$1" "$2" | sed 's/^/    /' ||
		die "$1 did not do as it was told: hpcbalctl $2; see what it says above"
}

# --- the story ---

hand_over_and_back()
{
	say "lb1 gives the VIP away and takes it back, while a visitor opens a connection every 5 ms"
	echo "  lb1# hpcbalctl demote"
	watch_event "hpcbalctl demote" lb2 command_of lb1 demote
	echo "  lb1# hpcbalctl promote"
	watch_return "hpcbalctl promote" command_of lb1 promote
}

break_and_mend()
{
	say "What happens to lb1, and for how long that visitor got no answer"
	rows=("what happened" "nobody answered for" "visits unanswered" "VIP then on" "${rows[@]}")
	tell_rows
	watch_return "proxy killed (-9)" kill_role lb1 proxy
	tell_rows
	watch_return "vrrp process killed (-9)" kill_vrrp_and_wait
	tell_rows
	watch_event "everything killed (-9)" lb2 kill_everything lb1
	tell_rows
	watch_return "... started again" start_balancer lb1
	tell_rows
	watch_event "stopped (SIGTERM)" lb2 stop_on lb1 hpcbald
	tell_rows
	watch_return "... started again" start_balancer lb1
	tell_rows
	watch_event "cable pulled" lb2 cable lb1 down
	tell_rows
	watch_return "... plugged in" cable lb1 up
	tell_rows
}

# What else ran here has its part in the short silences.
tell_load()
{
	local load rest
	read -r load rest </proc/loadavg
	if [ "${load%.*}" -ge $(($(nproc) * 2)) ] || [ "$held_up_most" -gt 20 ]; then
		echo "  Short silences are longer than need be: this machine is busy (load $load on"
		echo "  $(nproc) CPUs), and held the visitor itself up for as much as $held_up_most ms."
	fi
}

tell_failover()
{
	rows=()
	start_visitor
	hand_over_and_back
	break_and_mend
	tell_load
	stop_on client visitor
}

noinst_LIBRARIES += src/vrrp/libvrrp.a
src_vrrp_libvrrp_a_SOURCES = \
	src/vrrp/address.c src/vrrp/address.h \
	src/vrrp/demotion.c src/vrrp/demotion.h \
	src/vrrp/discard.def \
	src/vrrp/facts.c \
	src/vrrp/fault.def \
	src/vrrp/fsm.c src/vrrp/fsm.h src/vrrp/fsm_turn.h \
	src/vrrp/fsm_backup.c \
	src/vrrp/fsm_demote.c \
	src/vrrp/fsm_fault.c \
	src/vrrp/fsm_master.c \
	src/vrrp/fsm_words.c \
	src/vrrp/heartwatch.c src/vrrp/heartwatch.h \
	src/vrrp/instance.c src/vrrp/instance.h \
	src/vrrp/instance_addresses.c \
	src/vrrp/instance_plan.c \
	src/vrrp/neighbour.c src/vrrp/neighbour.h \
	src/vrrp/neighbour_frame.c \
	src/vrrp/note.def \
	src/vrrp/outcome.def \
	src/vrrp/packet.c src/vrrp/packet.h \
	src/vrrp/peers.c src/vrrp/peers.h \
	src/vrrp/priority.c src/vrrp/priority.h \
	src/vrrp/probe.c src/vrrp/probe.h \
	src/vrrp/process.c src/vrrp/vrrp.h \
	src/vrrp/renewer.c src/vrrp/renewer.h \
	src/vrrp/segment.c src/vrrp/segment.h \
	src/vrrp/timerfd.c src/vrrp/timerfd.h \
	src/vrrp/times.c src/vrrp/times.h \
	src/vrrp/track.c src/vrrp/track.h \
	src/vrrp/transition.def \
	src/vrrp/watch.c src/vrrp/watch.h \
	src/vrrp/wire.c src/vrrp/wire.h \
	src/vrrp/world.c src/vrrp/world.h

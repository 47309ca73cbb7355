noinst_LIBRARIES += src/vrrp/libvrrp.a
src_vrrp_libvrrp_a_SOURCES = \
	src/vrrp/address.c src/vrrp/address.h \
	src/vrrp/discard.def \
	src/vrrp/fault.def \
	src/vrrp/fsm.c src/vrrp/fsm.h src/vrrp/fsm_turn.h \
	src/vrrp/fsm_backup.c \
	src/vrrp/fsm_demote.c \
	src/vrrp/fsm_fault.c \
	src/vrrp/fsm_master.c \
	src/vrrp/fsm_words.c \
	src/vrrp/neighbour.c src/vrrp/neighbour.h \
	src/vrrp/neighbour_frame.c \
	src/vrrp/note.def \
	src/vrrp/outcome.def \
	src/vrrp/packet.c src/vrrp/packet.h \
	src/vrrp/peers.c src/vrrp/peers.h \
	src/vrrp/priority.c src/vrrp/priority.h \
	src/vrrp/times.c src/vrrp/times.h \
	src/vrrp/transition.def \
	src/vrrp/watch.c src/vrrp/watch.h \
	src/vrrp/wire.c src/vrrp/wire.h

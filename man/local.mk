dist_man_MANS += man/hpcbalctl.8 man/hpcbald.8

# The list of settings comes from the table that the program reads.
EXTRA_PROGRAMS += man/mkoptions
man_mkoptions_SOURCES = man/mkoptions.c
man_mkoptions_LDADD = src/conf/libconf.a src/base/libbase.a $(CONFIG_LIBS)
man_MANS = man/hpcbal.conf.5
EXTRA_DIST += man/hpcbal.conf.5.in
CLEANFILES += man/mkoptions$(EXEEXT) man/hpcbal.conf.5 man/hpcbal.conf.5.tmp
man/hpcbal.conf.5: man/hpcbal.conf.5.in man/mkoptions$(EXEEXT)
	$(AM_V_GEN)man/mkoptions$(EXEEXT) <$(srcdir)/man/hpcbal.conf.5.in >$@.tmp && mv $@.tmp $@
dist_check_SCRIPTS += man/check_manuals

dist_man_MANS += man/hpcbalctl.8

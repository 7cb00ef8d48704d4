dist_man_MANS += man/dynod.8
